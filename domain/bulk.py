"""Many rows in one statement: how a hundred of them cost little more than one, on either database."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice, repeat
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Dialect,
    Integer,
    Row,
    Table,
    Text,
    TextClause,
    bindparam,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from domain.schema import Base

MOST_RETURNING = 128
"""So many rows one statement inserts where SQLite returns them: each number of rows is a statement to be kept."""

_Process = Callable[[Any], Any] | None
_DIALECTS: Mapping[str, Dialect] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]


def insert_all(
    db: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    ignore: Sequence[str] | None = None,
    returning: Sequence[str] = (),
) -> Sequence[Row[Any]]:
    """Insert `rows`, all with the same columns; what is left out takes the column's default.

    With `ignore` rows that violate this unique key (empty: any) are left out. Returns the columns `returning`, whole
    numbers or texts, of the rows really inserted, in no certain order.
    """
    if not rows:
        return []
    its = cast(Table, table.__table__)
    key = None if ignore is None else tuple(ignore)
    if db.get_bind().dialect.name == "postgresql":
        return _as_json(db, its, rows, key, tuple(returning))
    if not returning:
        _one_by_one(db, its, rows, key)
        return []
    return _together(db, its, rows, key, tuple(returning))


def _together(
    db: Session,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    key: tuple[str, ...] | None,
    returning: tuple[str, ...],
) -> Sequence[Row[Any]]:
    """On SQLite only a statement with all the values in it returns what it inserted."""
    names, values = _stored(table, rows, "sqlite")
    found: list[Row[Any]] = []
    while some := list(islice(values, MOST_RETURNING)):
        statement = _with_values(table, names, len(some), key, returning)
        found += db.connection().exec_driver_sql(statement, tuple(chain.from_iterable(some))).all()
    return found


@lru_cache(maxsize=256)
def _with_values(
    table: Table, names: tuple[str, ...], rows: int, key: tuple[str, ...] | None, returning: tuple[str, ...]
) -> str:
    places = ", ".join([f"({', '.join('?' for _ in names)})"] * rows)
    inserted = f"INSERT INTO {table.name} ({_quoted(names)}) VALUES {places}"  # noqa: S608
    return f"{inserted}{_ignoring(key)} RETURNING {_quoted(returning)}"


def _one_by_one(db: Session, table: Table, rows: Sequence[Mapping[str, Any]], key: tuple[str, ...] | None) -> None:
    """SQLite takes rows one after the other at its fastest."""
    names, values = _stored(table, rows, "sqlite")
    places = ", ".join("?" for _ in names)
    statement = f"INSERT INTO {table.name} ({_quoted(names)}) VALUES ({places}){_ignoring(key)}"  # noqa: S608
    db.connection().exec_driver_sql(statement, list(values))


def _as_json(
    db: Session,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    key: tuple[str, ...] | None,
    returning: tuple[str, ...],
) -> Sequence[Row[Any]]:
    """One document instead of a thousand parameters: PostgreSQL takes it apart several times faster."""
    names, values = _stored(table, rows, "postgresql")
    document = json.dumps([dict(zip(names, row, strict=True)) for row in values], ensure_ascii=False, default=str)
    found = db.connection().execute(_from_json(table, names, key, returning), {"rows": document})
    return found.all() if returning else []


def _stored(
    table: Table, rows: Sequence[Mapping[str, Any]], database: str
) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    """Return the columns to insert and the values as they are stored, row by row."""
    given = tuple(rows[0])
    names, defaults, processes = _columns(table, given, database)
    columns: list[Iterable[Any]] = []
    for name, process in zip(names, processes, strict=True):
        if name in defaults:
            value = defaults[name]
            columns.append(repeat(value if process is None else process(value), len(rows)))
        else:
            column = [row[name] for row in rows]
            columns.append(column if process is None else map(process, column))
    return names, zip(*columns, strict=True)


@lru_cache(maxsize=256)
def _from_json(
    table: Table, names: tuple[str, ...], key: tuple[str, ...] | None, returning: tuple[str, ...]
) -> TextClause:
    columns = _quoted(names)
    typed = ", ".join(f'"{name}" {table.c[name].type.compile(_DIALECTS["postgresql"])}' for name in names)
    wanted = f" RETURNING {_quoted(returning)}" if returning else ""
    source = f"SELECT {columns} FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given({typed})"  # noqa: S608
    return text(f"INSERT INTO {table.name} ({columns}) {source}{_ignoring(key)}{wanted}")


@lru_cache(maxsize=256)
def _columns(
    table: Table, given: tuple[str, ...], database: str
) -> tuple[tuple[str, ...], Mapping[str, Any], tuple[_Process, ...]]:
    """Return the columns to insert, the values of those that are not given, and how each becomes what is stored."""
    dialect = _DIALECTS[database]
    defaults = {
        column.name: cast(Any, column.default).arg
        for column in table.c
        if column.name not in given and column.default is not None
    }
    names = (*given, *defaults)
    processes = (table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names)
    return names, defaults, cast(tuple[_Process, ...], tuple(processes))


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _ignoring(key: tuple[str, ...] | None) -> str:
    if key is None:
        return ""
    return f" ON CONFLICT ({_quoted(key)}) DO NOTHING" if key else " ON CONFLICT DO NOTHING"


class Listed(TypeDecorator[Any]):
    """A list of whole numbers or texts as one parameter: a JSON text on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.whole = whole

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return Text()
        return postgresql.ARRAY(BigInteger() if self.whole else Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        values = sorted(value)
        return values if dialect.name == "postgresql" else json.dumps(values)


class _Among(FunctionElement[Any]):
    # Not called a Boolean, or it would be written as `… = 1` on SQLite, which then looks at every row.
    name = "among"
    type = Integer()
    inherit_cache = True


@compiles(_Among, "sqlite")
def _among_on_sqlite(element: Any, compiler: Any, **how: Any) -> str:
    column, values = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - a column of our own, and a parameter


@compiles(_Among, "postgresql")
def _among_on_postgresql(element: Any, compiler: Any, **how: Any) -> str:
    column, values = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{column} = ANY ({values})"


def among(column: Any, values: Collection[int] | Collection[str] | str) -> ColumnElement[bool]:
    """SQL: whether `column` is one of `values`, however many; a text names a parameter that is given later."""
    kind = Listed(isinstance(column.type, BigInteger))
    given: BindParameter[Any]
    if isinstance(values, str):
        given = bindparam(values, type_=kind)
    else:
        given = bindparam(None, values, type_=kind, unique=True)
    return cast(ColumnElement[bool], _Among(column, given))
