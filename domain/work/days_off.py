"""Days without tasks: the holidays that operators keep, the weekdays on which a member rests, and leave."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, exists, select
from sqlalchemy.orm import Session

from domain import audit_log
from domain.errors import Invalid
from domain.schema import Holiday, Leave, RestDay
from domain.sql import insert_ignore, upsert
from domain.wording import Words, words

LONGEST: Final = 60
"""Days of one leave, and of one holiday."""

MOST_LEAVES: Final = 10


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both included."""

    first: date
    last: date

    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


@dataclass(frozen=True, slots=True)
class HolidaySpan:
    span: Span
    name: str
    name_en: str


def holidays(db: Session, first: date, last: date) -> list[HolidaySpan]:
    """Return the holidays from `first` to `last`, days of one name that follow each other as one."""
    rows = db.execute(
        select(Holiday.day, Holiday.name, Holiday.name_en)
        .where(Holiday.day >= first, Holiday.day <= last)
        .order_by(Holiday.day)
    )
    found: list[HolidaySpan] = []
    for row in rows:
        before = found[-1] if found else None
        if before and (before.name, before.span.last + timedelta(days=1)) == (row.name, row.day):
            found[-1] = HolidaySpan(Span(before.span.first, row.day), row.name, row.name_en)
        else:
            found.append(HolidaySpan(Span(row.day, row.day), row.name, row.name_en))
    return found


def is_holiday(db: Session, day: date) -> bool:
    return db.scalar(select(Holiday.day).where(Holiday.day == day)) is not None


def add_holidays(db: Session, spans: Sequence[HolidaySpan], *, actor: str, now: datetime) -> None:
    """Keep these days as holidays; a day that is one already takes the new name. Raises Invalid."""
    for one in spans:
        check_span(one.span)
    rows = {day: {"day": day, "name": one.name, "name_en": one.name_en} for one in spans for day in one.span.days()}
    upsert(db, Holiday, list(rows.values()), key=["day"], change=["name", "name_en"])
    changes = [("holiday.add", f"holiday:{one.span.first}", None, _shown(one)) for one in spans]
    audit_log.record_all(db, changes, actor=actor, now=now)


def remove_holidays(db: Session, first: date, last: date, *, actor: str, now: datetime) -> None:
    """Make the days from `first` to `last` ordinary again."""
    gone = holidays(db, first, last)
    db.execute(delete(Holiday).where(Holiday.day >= first, Holiday.day <= last))
    changes = [("holiday.remove", f"holiday:{one.span.first}", _shown(one), None) for one in gone]
    audit_log.record_all(db, changes, actor=actor, now=now)


def _shown(one: HolidaySpan) -> dict[str, Any]:
    return {"first": one.span.first.isoformat(), "last": one.span.last.isoformat(), "name": one.name}


def check_span(span: Span) -> None:
    """Raise Invalid for days in the wrong order, or too many of them."""
    if not 0 <= (span.last - span.first).days < LONGEST:
        raise Invalid("last_day", "span", most=LONGEST)


def rest_days(db: Session, member: int) -> set[int]:
    """Return the weekdays on which the member rests, Monday is 1."""
    return set(db.scalars(select(RestDay.weekday).where(RestDay.member_id == member)))


def set_rest_day(db: Session, member: int, weekday: int, *, rests: bool) -> None:
    """Let the member rest on a weekday, or no longer. One working day stays: Invalid for the seventh."""
    if not 1 <= weekday <= 7:
        raise Invalid("weekday", "weekday")
    if not rests:
        db.execute(delete(RestDay).where(RestDay.member_id == member, RestDay.weekday == weekday))
        return
    if len(rest_days(db, member) | {weekday}) == 7:
        raise Invalid("weekday", "no_working_day")
    insert_ignore(db, RestDay, [{"member_id": member, "weekday": weekday}])


def leaves(db: Session, member: int, since: date) -> list[Span]:
    """Return the member's leave that ends on `since` or later, the next first."""
    rows = db.execute(
        select(Leave.first_day, Leave.last_day)
        .where(Leave.member_id == member, Leave.last_day >= since)
        .order_by(Leave.first_day)
    )
    return [Span(row.first_day, row.last_day) for row in rows]


def take_leave(db: Session, member: int, span: Span, *, today: date) -> None:
    """Keep that the member is away. From tomorrow on: today's tasks are given already. Raises Invalid."""
    check_span(span)
    if span.first <= today:
        raise Invalid("first_day", "leave_begins")
    if len(leaves(db, member, today)) >= MOST_LEAVES:
        raise Invalid("first_day", "leaves_many", most=MOST_LEAVES)
    row = {"member_id": member, "first_day": span.first, "last_day": span.last}
    upsert(db, Leave, [row], key=["member_id", "first_day"], change=["last_day"])


def drop_leave(db: Session, member: int, first: date) -> None:
    """Forget the member's leave that begins on `first`."""
    db.execute(delete(Leave).where(Leave.member_id == member, Leave.first_day == first))


def why_off(db: Session, member: int, day: date) -> Words | None:
    """Say why the member has no tasks on `day`; None on a working day."""
    holiday = holidays(db, day, day)
    if holiday:
        return words("day_off.holiday", name=words("bilingual", zh=holiday[0].name, en=holiday[0].name_en))
    if any(span.first <= day for span in leaves(db, member, day)):
        return words("day_off.leave")
    return words("day_off.rest") if day.isoweekday() in rest_days(db, member) else None


def works(member_id: Any, day: date) -> ColumnElement[bool]:
    """SQL: whether that member works on `day`, which is no holiday."""
    rests = exists().where(RestDay.member_id == member_id, RestDay.weekday == day.isoweekday())
    away = exists().where(Leave.member_id == member_id, Leave.first_day <= day, Leave.last_day >= day)
    return and_(~rests, ~away)


def weekdays(db: Session, members: Sequence[int]) -> Mapping[int, set[int]]:
    """Return the weekdays on which each of `members` rests; those who never do are left out."""
    found: dict[int, set[int]] = {}
    for row in db.execute(select(RestDay.member_id, RestDay.weekday).where(RestDay.member_id.in_(members))):
        found.setdefault(row.member_id, set()).add(row.weekday)
    return found


_DATE: Final = re.compile(r"(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?")
_BETWEEN: Final = " \t,，;；、~～–—-至到"


def read_span(text: str, today: date) -> tuple[Span, str] | None:
    """Read "12-24", "12-24 12-26", "2027-02-05 to 2027-02-09 春节" and the like: the days, and the rest.

    Without a year it is the next time that day comes. None if there is no day in it, or one that no calendar has.
    """
    line = unicodedata.normalize("NFKC", text).strip()
    found = list(_DATE.finditer(line))[:2]
    if not found:
        return None
    rest = _DATE.sub("", line, count=len(found)).strip(_BETWEEN).removeprefix("to ").strip(_BETWEEN)
    try:
        first = _next(found[0], today)
        last = _next(found[1], first) if len(found) == 2 else first
    except ValueError:
        return None
    return Span(first, last), rest


def _next(found: re.Match[str], since: date) -> date:
    year, month, day = (int(part) if part else None for part in found.groups())
    assert month is not None
    assert day is not None
    if year is not None:
        return date(year, month, day)
    this = date(since.year, month, day)
    return this if this >= since else date(since.year + 1, month, day)
