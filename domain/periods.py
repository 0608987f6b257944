"""The calendar of the shop: which instants belong to a business day, week or month, and how an instant is written.

A period is half-open, [start, end), in UTC. A business day is a day on the wall clock of the given zone, so it may
last 23 or 25 hours where clocks change.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

DAY: Final = timedelta(hours=24)
"""24 hours, whatever the wall clock does: freeze and binding windows are counted in these."""

_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2199


class InstantInvalid(ValueError):
    """A text that is not an instant or a month as we read them, or an instant without a time zone."""


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open span of time: `start` belongs to it, `end` does not. Both are UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if as_utc(self.start) > as_utc(self.end):
            raise InstantInvalid("a period ends after it starts")

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def as_utc(instant: datetime) -> datetime:
    """Return the same instant in UTC; one without a time zone raises InstantInvalid."""
    if instant.tzinfo is None:
        raise InstantInvalid("an instant needs its time zone")
    return instant.astimezone(UTC)


def local_date(instant: datetime, zone: tzinfo) -> date:
    """Return the business day that `instant` falls on in `zone`."""
    return as_utc(instant).astimezone(zone).date()


def business_day(day: date, zone: tzinfo) -> Period:
    """Return the period of the business day `day` in `zone`."""
    return _from_to(day, day + timedelta(days=1), zone)


def business_week(day: date, zone: tzinfo) -> Period:
    """Return the period of the week, Monday to Sunday, that contains `day`."""
    monday = day - timedelta(days=day.weekday())
    return _from_to(monday, monday + timedelta(days=7), zone)


def business_month(day: date, zone: tzinfo) -> Period:
    """Return the period of the calendar month that contains `day`."""
    first = day.replace(day=1)
    return _from_to(first, (first + timedelta(days=31)).replace(day=1), zone)


def days_up_to(day: date, count: int) -> list[date]:
    """Return `count` days in order, the last of them `day`."""
    return [day - timedelta(days=back) for back in range(count - 1, -1, -1)]


def parse_instant(text: object) -> datetime:
    """Read an RFC 3339 instant such as 2026-11-23T02:00:00Z and return it in UTC.

    The time zone is required, the years go from 1970 to 2199, and what is finer than a microsecond is dropped.
    Anything else, a leap second included, raises InstantInvalid.
    """
    found = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InstantInvalid("a time is written like 2026-11-23T02:00:00Z, with its time zone")
    day, clock, fraction, offset = found.groups()
    micro = (fraction or "").ljust(6, "0")[:6]
    try:
        instant = datetime.fromisoformat(f"{day}T{clock}.{micro}{offset.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise InstantInvalid(f"{text} is no time that any clock shows") from None
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise InstantInvalid(f"a time lies between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return instant


def format_instant(instant: datetime) -> str:
    """Write an instant the one canonical way: UTC with Z, microseconds only where there are any."""
    return as_utc(instant).isoformat().removesuffix("+00:00") + "Z"


def parse_month(text: str) -> date:
    """Read YYYY-MM and return the first day of that month; else InstantInvalid."""
    found = _MONTH.fullmatch(text)
    if found is None or not (_FIRST_YEAR <= int(found[1]) <= _LAST_YEAR and 1 <= int(found[2]) <= 12):
        raise InstantInvalid("a month is written like 2026-11")
    return date(int(found[1]), int(found[2]), 1)


def _from_to(first: date, after_last: date, zone: tzinfo) -> Period:
    # Where midnight does not exist (clocks jump over it), fold=0 yields the jump itself, which is what starts the day.
    start, end = (datetime.combine(day, time.min, zone).astimezone(UTC) for day in (first, after_last))
    return Period(start, end)
