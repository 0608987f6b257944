"""Quiet hours of many readers at once: for each the instant from which they may be written to, as one expression."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Case, ColumnElement, and_, case, literal, or_, text, type_coerce
from sqlalchemy.orm import Session

from domain.messages.quiet import DAY, DEFAULT, Quiet, next_allowed
from domain.schema import Member
from domain.schema.base import Utc
from domain.sql import is_postgresql

_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_quiet_of(at: datetime, zone: ZoneInfo) -> ColumnElement[bool]:
    """SQL for a member: what `quiet.is_quiet` says of `at` and the member's own hours, or the house's."""
    first, end = _hours()
    local = at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    over_midnight = or_(first <= minute, end > minute)
    within = and_(first <= minute, end > minute)
    return or_(and_(first <= end, within), and_(first > end, over_midnight))


def next_allowed_of(db: Session, at: datetime, zone: ZoneInfo) -> Any:
    """SQL for a member: what `quiet.next_allowed` says of `at` and the member's own hours, or the house's."""
    _, end = _hours()
    *earlier, (_, latest) = _ends(at, zone)
    ends = [(end < before, _later(db, start, end)) for before, start in earlier]
    return case((~is_quiet_of(at, zone), literal(at, Utc())), *ends, else_=_later(db, latest, end))


def _hours() -> tuple[Case[int], Case[int]]:
    chosen = and_(Member.quiet_from.is_not(None), Member.quiet_to.is_not(None))
    first = case((chosen, Member.quiet_from), else_=DEFAULT.first)
    end = case((chosen, Member.quiet_to), else_=DEFAULT.end)
    return first, end


@lru_cache(maxsize=16)
def _ends(at: datetime, zone: ZoneInfo) -> list[tuple[int, datetime]]:
    """Return from when on minutes are counted: (before which minute of the day, the instant of its minute 0).

    Of hours that end at a minute already past, tomorrow's counts; a clock that is changed moves what comes after.
    """
    starts = []
    for minute in range(DAY):
        everything_else = Quiet((minute + 1) % DAY, minute)
        starts.append(next_allowed(at, everything_else, zone) - minute * _MINUTE)
    changes = [minute for minute in range(1, DAY) if starts[minute] != starts[minute - 1]]
    return [(before, starts[before - 1]) for before in (*changes, DAY)]


def _later(db: Session, start: datetime, minutes: Any) -> Any:
    if is_postgresql(db):
        return literal(start, Utc()) + minutes * text("interval '1 minute'")
    return type_coerce((start - _EPOCH) // timedelta(microseconds=1) + minutes * 60_000_000, Utc())
