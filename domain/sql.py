"""The few things that SQLite and PostgreSQL say differently: insert or leave, insert or change, one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar, cast

from sqlalchemy import Column, Row, Select, SelectBase, Table, func, select, text, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from domain import bulk
from domain.schema import Base

T = TypeVar("T")

_LOCK_ALL = text(
    "WITH shared AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(:shared)) "
    "SELECT pg_advisory_xact_lock(number) FROM shared, unnest(CAST(:numbers AS bigint[])) AS number"
)

MAX_LIST = 10_000
"""How many values one IN list may hold; both databases have a limit on parameters."""


def insert_ignore(
    db: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str] = (),
    returning: Sequence[str] = (),
) -> Sequence[Row[Any]]:
    """Insert `rows`, all with the same columns, and leave out those that violate the unique `key` (empty: any key).

    Returns the columns `returning` of the rows really inserted, in no certain order. The insert is the lock: whoever
    got the row back was the first.
    """
    if not rows:
        return []
    return bulk.insert_all(db, table, rows, ignore=key, returning=returning)


def upsert(
    db: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    change: Sequence[str],
    returning: Sequence[str] = (),
) -> Sequence[Row[Any]]:
    """Insert `rows`, all with the same columns; where `key` exists, change the columns `change` to the new values.

    No two rows may have the same key. Returns the columns `returning` of all of them, in no certain order.
    """
    if not rows:
        return []
    target = _table(table)
    statement = _insert(db, target)
    statement = statement.on_conflict_do_update(
        index_elements=list(key), set_={name: statement.excluded[name] for name in change}
    )
    if not returning:
        db.execute(statement, list(rows))
        return []
    return db.execute(statement.returning(*_columns(target, returning)), list(rows)).all()


def insert_selected(
    db: Session, table: type[Base], columns: Mapping[str, Any], rows: Select[Any], *, key: Sequence[str]
) -> None:
    """Insert a row for each row of `rows`, a query with a WHERE, leaving out those whose unique `key` exists.

    `columns` says what goes into each column, as expressions over what `rows` selects from.
    """
    chosen = rows.with_only_columns(*columns.values())
    inserted = _insert(db, _table(table)).from_select(list(columns), chosen, include_defaults=False)
    db.execute(inserted.on_conflict_do_nothing(index_elements=list(key)))


def upsert_selected(
    db: Session,
    table: type[Base],
    columns: Sequence[str],
    rows: SelectBase,
    *,
    key: Sequence[str],
    change: Sequence[str],
) -> None:
    """Insert what `rows` selects for `columns`; where `key` exists, change the columns `change` to the new values."""
    every = rows.subquery()
    # SQLite takes ON CONFLICT after a SELECT only if it ends in a WHERE.
    inserted = _insert(db, _table(table)).from_select(list(columns), select(every).where(true()))
    db.execute(
        inserted.on_conflict_do_update(
            index_elements=list(key), set_={name: inserted.excluded[name] for name in change}
        )
    )


def one_at_a_time(db: Session, name: str) -> None:
    """Let no other transaction pass the same `name` until this one ends. On SQLite there is only one writer anyway."""
    if is_postgresql(db):
        db.execute(select(func.pg_advisory_xact_lock(_lock_number(name))))


def each_at_a_time(db: Session, names: Iterable[str], *, shared: str) -> None:
    """The same for many names in one statement; `shared` lets in others who share it, but nobody who wants it alone."""
    if is_postgresql(db):
        numbers = sorted({_lock_number(name) for name in names})
        db.connection().execute(_LOCK_ALL, {"numbers": numbers, "shared": _lock_number(shared)})


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


def is_postgresql(db: Session) -> bool:
    return db.get_bind().dialect.name == "postgresql"


def chunks(values: Sequence[T], size: int = MAX_LIST) -> Iterator[list[T]]:
    """Cut `values` into lists short enough for one statement."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def _table(table: type[Base]) -> Table:
    return cast(Table, table.__table__)


def _columns(table: Table, names: Sequence[str]) -> list[Column[Any]]:
    return [table.c[name] for name in names]


def _insert(db: Session, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if is_postgresql(db) else sqlite.insert(table)
