"""The quiet hours of a reader: when nothing is pushed that can wait until morning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

DAY: Final = 24 * 60


class Quiet(NamedTuple):
    """Minutes of the business day, from `first` on until just before `end`, over midnight where `end` is the smaller.

    Both alike: no quiet hours at all.
    """

    first: int
    end: int


DEFAULT: Final = Quiet(22 * 60, 8 * 60)
"""Of whoever has chosen nothing. Quiet hours hold for promotions only, whoever chose them: money is told at once."""


def chosen(first: int | None, end: int | None) -> Quiet:
    """Return the quiet hours of a member by the columns `quiet_from` and `quiet_to`."""
    return DEFAULT if first is None or end is None else Quiet(first, end)


def is_quiet(at: datetime, quiet: Quiet, zone: ZoneInfo) -> bool:
    local = at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    if quiet.first <= quiet.end:
        return quiet.first <= minute < quiet.end
    return minute >= quiet.first or minute < quiet.end


def next_allowed(at: datetime, quiet: Quiet, zone: ZoneInfo) -> datetime:
    """Return `at` where it is outside the quiet hours, else the instant at which they end, in UTC."""
    if not is_quiet(at, quiet, zone):
        return at
    local = at.astimezone(zone)
    day = local.date()
    if quiet.first > quiet.end and local.hour * 60 + local.minute >= quiet.first:
        day += timedelta(days=1)
    hour, minute = divmod(quiet.end, 60)
    for fold in (0, 1):  # where the clocks go back, the same time comes twice, and the first may be past
        end = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone, fold=fold).astimezone(UTC)
        if end > at:
            return end
    raise AssertionError("quiet hours end after they have begun")
