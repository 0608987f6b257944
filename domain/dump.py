"""The whole record as text that two shops with the same history share to the letter: `fenxiao dump`.

One JSON object per line, one line per row, tables by name and rows by natural key. Whatever differs between two
recordings of the same history is left out or replaced: surrogate ids by the natural key of what they point to, random
codes, hashes under random keys, and the times at which things were written down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, FromClause, Select, Table, Text, case, collate, select
from sqlalchemy.orm import Session

from domain.periods import format_instant
from domain.schema import Base, Link, Member
from domain.schema.base import Json
from domain.sql import is_postgresql

_ROWS_AT_ONCE: Final = 1_000

Shown = Callable[[FromClause], ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Rule:
    """How a table is dumped: its natural `key`, which also sorts it, then all other columns but those `left_out`.

    A column with a foreign key shows the natural key of the row it points to; `points_to` names that table where the
    schema has no foreign key. `shown` replaces a column by an expression. `codes` are columns with the code of a link,
    as a value or as `ref` inside; the link's natural key is shown instead.
    """

    key: tuple[str, ...]
    left_out: Collection[str] = ()
    points_to: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, Shown] = field(default_factory=dict)
    codes: Collection[str] = ()


def _whether(column: str) -> dict[str, Shown]:
    """Show of a time of recording only whether there is one."""
    return {column: lambda table: table.c[column].is_not(None)}


def _subject(table: FromClause) -> ColumnElement[Any]:
    """What an audit row is about; of things without a natural id only the kind."""
    subject = table.c.subject
    unnamed = ("announcement", "event", "outbox", "plan")
    return case(*((subject.like(f"{kind}:%"), kind) for kind in unnamed), else_=subject)


RULES: Final[Mapping[str, Rule]] = {
    # people
    "member": Rule(("member_id",), left_out=("joined_at",)),
    "contact": Rule(
        ("channel", "account"),
        left_out=("state", "first_seen_at", "seen_at"),  # `state` is where a conversation stands: menus full of ids
        shown=_whether("unreachable_since"),
    ),
    "mute": Rule(("member_id", "category")),
    "member_tag": Rule(("member_id", "tag")),
    "channel_code": Rule(("member_id",), left_out=("hash", "expires_at")),
    "wrong_code": Rule(("contact_id",), left_out=("since",)),
    "entry_link": Rule(("member_id",), left_out=("hash", "expires_at")),
    # the mall
    "brand": Rule(("name",)),
    "product": Rule(("sku",), left_out=("created_at",)),
    "product_text": Rule(("product_id",)),
    "stock": Rule(("product_id", "warehouse")),
    "currency_rate": Rule(("currency", "from_at")),
    "picked_product": Rule(("member_id", "product_id"), left_out=("picked_at",)),
    "link": Rule(("member_id", "kind", "target"), left_out=("code", "created_at")),
    "visit": Rule(
        ("member_id", "day", "link_id", "bot"),
        left_out=("at", "visitor", "ip"),
        points_to={"member_id": "member", "link_id": "link"},
    ),
    "visit_day": Rule(("member_id", "day", "link_id"), points_to={"member_id": "member", "link_id": "link"}),
    "day_salt": Rule(("day",), left_out=("salt",)),
    # sales
    "plan_version": Rule(("effective_from", "name"), left_out=("published_at",)),
    "orders": Rule(("order_id",), left_out=("recorded_at",), codes=("ref",)),
    "order_line": Rule(("order_id", "line")),
    "commission": Rule(("order_id", "line", "level")),
    "binding": Rule(("order_id",)),
    "refund": Rule(("order_id", "refund_id")),
    "parcel": Rule(("order_id", "carrier", "tracking_number")),
    "order_case": Rule(("order_id", "case_id")),
    "order_event": Rule(
        ("order_id", "type", "webhook_id", "status"), left_out=("fingerprint", "received_at"), codes=("data",)
    ),
    # the books
    "account": Rule(("kind", "member_id", "currency"), points_to={"member_id": "member"}),
    "entry": Rule(("key",), left_out=("recorded_at",)),
    "posting": Rule(("entry_id", "account_id")),
    # messages
    "inbox": Rule(
        ("channel", "update_key"),
        left_out=("received_at", "answer"),  # answers are full of codes and ids
        points_to={"member_id": "member"},
    ),
    "announcement": Rule(
        ("at", "audience", "text", "created_by"),
        left_out=("reached_id", "until_id", "created_at", "resend_of"),
        shown={**_whether("finished_at"), **_whether("told_at")},
    ),
    "audience": Rule(("name",), left_out=("created_at",)),
    "live_screen": Rule(("contact_id",), left_out=("announcement_id", "message")),
    "outbox": Rule(
        ("member_id", "text_key", "params"),
        left_out=(
            "key",
            "not_before",
            "lease_until",
            "attempts",
            "taken",
            "error",
            "route",
            "created_at",
            "finished_at",
        ),
    ),
    "used_signature": Rule(("content",), left_out=("signature", "used_at")),
    "chat_message": Rule(("contact_id", "outgoing"), left_out=("body", "at")),
    "allowance": Rule(("contact_id", "kind"), left_out=("closes_at", "left")),  # what is left depends on the hour
    "platform_file": Rule(("account", "content_key"), left_out=("file_id",), shown=_whether("expires_at")),
    "scene_code": Rule(("account", "link_id"), left_out=("url",), shown=_whether("expires_at")),
    "mass_send": Rule(
        ("announcement_id", "locale"),
        left_out=("key", "platform_id", "error", "ordered_at", "tried_at"),
        shown=_whether("finished_at"),
    ),
    # work
    "task_template": Rule(("code",)),
    "task": Rule(("member_id", "day", "template_id"), shown=_whether("done_at"), points_to={"suggested_id": "product"}),
    "holiday": Rule(("day",)),
    "rest_day": Rule(("member_id", "weekday")),
    "leave": Rule(("member_id", "first_day")),
    "job_run": Rule(
        ("job", "period"),
        # What a run did, and in how many tries, is its own: cut off and begun again, the second did only the rest.
        left_out=("attempts", "started_at", "lease_until", "finished_at", "result", "error"),
    ),
    "audit_row": Rule(
        ("action", "actor", "subject"),
        left_out=("at",),
        shown={"subject": _subject},
    ),
    "alert": Rule(("key", "text_key", "params"), left_out=("raised_at",), shown=_whether("cleared_at")),
    "api_key": Rule(("name",), left_out=("hash", "created_at")),
    "fact": Rule(("name",), left_out=("value",)),  # some are secrets, some are random
}
"""Every table of the record has its rule."""


def lines(db: Session) -> Iterator[str]:
    """Yield the dump line by line. Reads one state of the record if `db` has not read anything before."""
    if is_postgresql(db) and not db.in_transaction():
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    for name in sorted(RULES):
        yield from _table_lines(db, name)


@dataclass(frozen=True, slots=True)
class _Query:
    """`columns` are the names shown with how many selected expressions make up each; the first `sorting` sort."""

    select: Select[Any]
    columns: Sequence[tuple[str, int]]
    sorting: int


def _table_lines(db: Session, name: str) -> Iterator[str]:
    query = _query(name, is_postgresql(db))
    rule = RULES[name]
    last: Sequence[Any] | None = None
    alike: list[str] = []
    for rows in db.execute(query.select, execution_options={"yield_per": _ROWS_AT_ONCE}).partitions():
        shown = [_as_shown(row, query.columns) for row in rows]
        if rule.codes:
            _name_links(db, shown, rule.codes)
        for key, group in groupby(zip(rows, shown, strict=True), lambda pair: pair[0][: query.sorting]):
            if key != last:
                yield from sorted(alike)
                last, alike = key, []
            alike += (_line(name, values) for _, values in group)
    yield from sorted(alike)


def _query(name: str, postgresql: bool) -> _Query:
    table, rule = Base.metadata.tables[name], RULES[name]
    columns: list[tuple[str, int]] = []
    selected: list[ColumnElement[Any]] = []
    source: FromClause = table
    sorting = 0
    others = [column.name for column in table.c if column.name not in (*rule.key, *rule.left_out, "id")]
    for column in (*rule.key, *others):
        source, expressions = _expressions(source, table, name, column)
        columns.append((column, len(expressions)))
        selected += expressions
        if column in rule.key:
            sorting = len(selected)
    numbered = [expression.label(f"c{number}") for number, expression in enumerate(selected)]
    order = [_sorted_by(expression, postgresql) for expression in selected[:sorting]]
    return _Query(select(*numbered).select_from(source).order_by(*order), columns, sorting)


def _expressions(
    source: FromClause, at: FromClause, name: str, column: str
) -> tuple[FromClause, list[ColumnElement[Any]]]:
    """Return `source`, joined with what is pointed to, and the expressions that make up the column of `at`."""
    rule = RULES[name]
    if column in rule.shown:
        shown = rule.shown[column](at)
        return source, [shown]
    target = rule.points_to.get(column) or _target(Base.metadata.tables[name].c[column])
    if target is None:
        return source, [at.c[column]]
    other = Base.metadata.tables[target].alias()
    source = source.outerjoin(other, other.c.id == at.c[column])
    expressions: list[ColumnElement[Any]] = []
    for part in RULES[target].key:
        source, more = _expressions(source, other, target, part)
        expressions += more
    return source, expressions


def _target(column: Column[Any]) -> str | None:
    pointed = [key.column.table for key in column.foreign_keys]
    return pointed[0].name if pointed and isinstance(pointed[0], Table) else None


def _sorted_by(expression: ColumnElement[Any], postgresql: bool) -> ColumnElement[Any]:
    """The same order on both databases: nothing first, texts by their code points."""
    if postgresql and isinstance(expression.type, Text | Json):
        expression = collate(expression, "C")
    return expression.asc().nulls_first()


def _as_shown(row: Sequence[Any], columns: Sequence[tuple[str, int]]) -> dict[str, Any]:
    shown, at = {}, 0
    for name, width in columns:
        parts = [_plain(value) for value in row[at : at + width]]
        at += width
        shown[name] = parts[0] if width == 1 else parts if any(part is not None for part in parts) else None
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    return value.isoformat() if isinstance(value, date) else value


def _name_links(db: Session, rows: Sequence[dict[str, Any]], columns: Collection[str]) -> None:
    """Replace codes by what they are the link of; a code that is nobody's link stays."""
    found = {code for row in rows for column in columns if (code := _code(row[column]))}
    if not found:
        return
    links = {
        code: {"link": [member, kind, target]}
        for code, member, kind, target in db.execute(
            select(Link.code, Member.member_id, Link.kind, Link.target)
            .outerjoin(Member, Member.id == Link.member_id)
            .where(Link.code.in_(found))
        )
    }
    for row in rows:
        for column in columns:
            link = links.get(_code(row[column]) or "")
            if link:
                row[column] = {**row[column], "ref": link} if isinstance(row[column], dict) else link


def _code(value: Any) -> str | None:
    code = value.get("ref") if isinstance(value, dict) else value
    return code if isinstance(code, str) else None


def _line(name: str, values: Mapping[str, Any]) -> str:
    return json.dumps({"table": name, **values}, ensure_ascii=False, separators=(",", ":"))
