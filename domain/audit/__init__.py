"""The record proves itself: every guarantee that the data can show is asked of the whole database: `fenxiao audit`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.audit import books, rest, sales
from domain.audit.rules import Rule
from domain.sql import is_postgresql

RULES: Final[tuple[Rule, ...]] = (*books.RULES, *sales.RULES, *rest.RULES)

MOST_ROWS: Final = 100
"""So many rows are named of what violates one rule."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold, and the rows that break it; `more` says that there are others besides."""

    rule: Rule
    rows: Sequence[Mapping[str, Any]]
    more: bool = False

    def __str__(self) -> str:
        named = "; ".join(", ".join(f"{name} {value}" for name, value in row.items()) for row in self.rows)
        return f"{self.rule}: {named}{'; and more' if self.more else ''}"


def violations(db: Session) -> list[Violation]:
    """Ask every rule of the whole record; what comes back is empty where all is well. Only reads.

    Judges one state of the record if `db` has not read anything before.
    """
    if is_postgresql(db) and not db.in_transaction():
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    found = []
    for rule in RULES:
        rows = list(islice(_breaking(db, rule), MOST_ROWS + 1))
        if rows:
            found.append(Violation(rule, rows[:MOST_ROWS], len(rows) > MOST_ROWS))
    return found


def _breaking(db: Session, rule: Rule) -> Iterator[Mapping[str, Any]]:
    if callable(rule.broken):
        yield from rule.broken(db)
        return
    if statement := rule.broken["postgresql" if is_postgresql(db) else "sqlite"]:
        yield from (dict(row) for row in db.execute(text(statement)).mappings())
