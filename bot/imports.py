"""Taking a file of products, members, stock or orders into the record, with every bad row and its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy.orm import Session

from bot import tables
from bot.database import Database
from bot.tables import FileUnreadable
from domain import imports
from domain.cells import Reading
from domain.imports import HeaderInvalid, OrderRows, Row
from domain.items import CREATED, REFUSED, UNCHANGED, FieldError, PutResult
from domain.mall.catalog import put_products, put_stock
from domain.people import members
from domain.sales import order_events

T = TypeVar("T")

KINDS: Final = tuple(imports.COLUMNS)

TOGETHER: Final = 500
"""Rows per transaction: so few that a chat answer never waits for an import."""

_ORDERS_TOGETHER: Final = 64
_LONGEST_ROW: Final = 200


class BadRow(NamedTuple):
    """A row that was not taken, and why."""

    line: int
    field: str
    reason: str


@dataclass(slots=True)
class Report:
    """What became of a file: rows (orders) by status, and the bad ones. `kept` is false if nothing went in."""

    counts: Counter[str] = field(default_factory=Counter)
    bad: list[BadRow] = field(default_factory=list)
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Import:
    """What an import needs to know besides the file. `progress` is told how many rows have been read."""

    kind: str
    path: Path
    reading: Reading
    actor: str
    now: datetime
    progress: Callable[[int], None] = lambda _count: None


class _Unwanted(Exception):
    """Something is wrong in a file that was to go in as a whole or not at all."""


def import_file(database: Database, wanted: Import, *, all_or_nothing: bool = False) -> Report:
    """Take the file in: good rows in short transactions, or with `all_or_nothing` all rows in one, or none.

    Raises FileUnreadable for what is no table at all or lacks columns.
    """
    if not all_or_nothing:
        report = Report()
        _take(wanted, report, database.write_now)
        return report
    reports: list[Report] = []

    def all_of_it(db: Session) -> None:
        reports[:] = [Report()]
        _take(wanted, reports[0], lambda work: work(db))
        if reports[0].bad:
            raise _Unwanted

    try:
        database.write_now(all_of_it)
    except _Unwanted:
        reports[0].kept = False
    return reports[0]


Write = Callable[[Callable[[Session], Any]], Any]


def _take(wanted: Import, report: Report, write: Write) -> None:
    _take_all(wanted, report, write)
    report.bad.sort(key=lambda bad: bad.line)


def _take_all(wanted: Import, report: Report, write: Write) -> None:
    rows = _rows(wanted)
    if wanted.kind == "orders":
        for group in _groups(imports.orders(rows, wanted.reading), _ORDERS_TOGETHER):
            _take_orders(wanted, group, report, write)
        return
    waiting: list[Row] = []
    for chunk in _groups(rows, TOGETHER):
        waiting += _take_rows(wanted, chunk, report, write, final=wanted.kind != "members")
    while waiting:  # members whose sponsors stand further down in the file
        waiting.reverse()
        before = len(waiting)
        waiting = [row for chunk in _groups(waiting, TOGETHER)
                   for row in _take_rows(wanted, chunk, report, write, final=False)]  # fmt: skip
        if len(waiting) == before:
            for chunk in _groups(sorted(waiting), TOGETHER):
                _take_rows(wanted, chunk, report, write, final=True)
            return


def _rows(wanted: Import) -> Iterator[Row]:
    lines = tables.rows(wanted.path)
    for line, cells in lines:
        if not any(cell not in (None, "") for cell in cells):
            continue
        try:
            fields = imports.read_header(wanted.kind, cells)
        except HeaderInvalid as error:
            raise FileUnreadable(f"{wanted.path.name}, line {line}: {error}") from None
        break
    else:
        raise FileUnreadable(f"{wanted.path.name} is empty.")
    for number, (line, cells) in enumerate(lines, 1):
        row = imports.read_row(wanted.kind, fields, line, cells[:_LONGEST_ROW], wanted.reading)
        if row is not None:
            yield row
        if number % 1000 == 0:
            wanted.progress(number)


def _groups(things: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(things)
    while group := list(islice(rest, size)):
        yield group


def _put(db: Session, wanted: Import, items: Sequence[Mapping[str, Any]]) -> list[PutResult]:
    if wanted.kind == "products":
        return put_products(db, items, actor=wanted.actor, now=wanted.now, currency=wanted.reading.currency)
    put = members.put_members if wanted.kind == "members" else put_stock
    return put(db, items, actor=wanted.actor, now=wanted.now)


def _take_rows(wanted: Import, rows: Sequence[Row], report: Report, write: Write, *, final: bool) -> list[Row]:
    """Put good rows in and note the bad ones; unless `final`, rows are given back whose sponsor may still come."""
    good = [row for row in rows if not row.errors]
    results = write(lambda db: _put(db, wanted, [row.item for row in good])) if good else []
    waiting = []
    for row in (row for row in rows if row.errors):
        _note(report, row.line, row.errors)
    for row, result in zip(good, results, strict=True):
        if result.status != REFUSED:
            report.counts[result.status] += 1
        elif not final and {error.field for error in result.errors} == {"sponsor_id"}:
            waiting.append(row)
        else:
            _note(report, row.line, result.errors)
    return waiting


def _note(report: Report, line: int, errors: Iterable[FieldError]) -> None:
    report.counts[REFUSED] += 1
    report.bad += [BadRow(line, error.field, error.reason) for error in errors]


def _take_orders(wanted: Import, group: Sequence[OrderRows], report: Report, write: Write) -> None:
    events = [event for one in group for event in one.events]
    results = iter(
        write(
            lambda db: order_events.record_events(
                db, events, now=wanted.now, settlement_currency=wanted.reading.currency
            )
        )
        if events
        else ()
    )
    for one in group:
        answers = [next(results) for _ in one.events]
        errors = [BadRow(line, *error) for line, error in one.errors]
        for answer in answers:
            if answer.status == order_events.CONFLICT:
                errors.append(BadRow(one.line, "order_id", "was taken in before with other content"))
            errors += [BadRow(one.line, *error) for error in answer.errors]
        report.bad += errors
        new = any(answer.status == order_events.APPLIED for answer in answers)
        report.counts[REFUSED if errors else CREATED if new else UNCHANGED] += 1
