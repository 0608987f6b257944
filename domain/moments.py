"""A moment as people write it in a chat: "明天下午3点", "tomorrow 9:00", "18:30", "2026-11-26 09:00"."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_DAYS: Final = {"today": 0, "今天": 0, "今日": 0, "tomorrow": 1, "明天": 1, "明日": 1, "后天": 2}
_AFTERNOON: Final = ("下午", "晚上", "pm")
_MORNING: Final = ("早上", "上午", "am")
_FAR: Final = timedelta(days=183)
_YEARS: Final = (1970, 2199)

_WHEN = re.compile(
    rf"""
    (?: (?P<day>{"|".join(_DAYS)}) (?: \s+ at)?
      | (?: (?P<year>\d{{4}}) [-/.年] \s* )? (?P<month>\d{{1,2}}) [-/.月] \s* (?P<date>\d{{1,2}})
        (?: 日 | 号 | t (?=\d) | (?=\s) )
    )?
    \s* (?P<before>早上|上午|中午|下午|晚上)?
    \s* (?P<hour>\d{{1,2}}) (?: [:.点时] (?: (?P<minute>\d{{2}}) 分? | (?P<half>半) )? | (?= \s* [ap]m) )
    \s* (?P<after>am|pm)?
    """,
    re.VERBOSE,
)


def read_moment(text: str, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the instant (UTC) that `text` means on the clock of `zone`; None if it is no time or is past.

    Without a day it is today, or tomorrow where today's is past; without a year the next time that day comes, if that
    is within half a year: a day just gone is a slip, not next year's.
    """
    found = _WHEN.fullmatch(unicodedata.normalize("NFKC", text).strip().rstrip("。").casefold())
    clock = _clock(found) if found else None
    if found is None or clock is None:
        return None
    days = _days(found, now.astimezone(zone).date())
    moments = [datetime.combine(day, clock, zone).astimezone(UTC) for day in days]
    ahead = [moment for moment in moments if moment > now]
    if not ahead or (len(ahead) < len(moments) and ahead[0] - now > _FAR):
        return None
    return ahead[0]


def _days(found: re.Match[str], today: date) -> list[date]:
    """The days that may be meant, the likeliest first; none where the calendar has no such day."""
    if found["day"]:
        return [today + timedelta(days=_DAYS[found["day"]])]
    if not found["month"]:
        return [today, today + timedelta(days=1)]
    years = [int(found["year"])] if found["year"] else [today.year, today.year + 1]
    return [day for year in years if (day := _day(year, int(found["month"]), int(found["date"])))]


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if _YEARS[0] <= year <= _YEARS[1] else None
    except ValueError:
        return None


def _clock(found: re.Match[str]) -> time | None:
    """The time of day that was written, with "下午3点" and "3 pm" on the clock of 24 hours."""
    hour, half = int(found["hour"]), found["half"]
    minute = 30 if half else int(found["minute"] or 0)
    part = found["before"] or found["after"]
    if part in _AFTERNOON and hour < 12:
        hour += 12
    elif part in _MORNING and hour == 12:
        hour = 0
    elif part == "中午" and hour in (1, 2):
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None
