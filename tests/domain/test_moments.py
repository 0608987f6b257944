"""A time is read as people write it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.moments import read_moment

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # twelve in Shanghai


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("18:30", "2026-11-23 18:30"),
        ("9：05", "2026-11-24 09:05"),
        ("9点", "2026-11-24 09:00"),
        ("晚上8点30分", "2026-11-23 20:30"),
        ("3 pm", "2026-11-23 15:00"),
        ("12 am", "2026-11-24 00:00"),
        ("明天 9点", "2026-11-24 09:00"),
        ("明天9点半", "2026-11-24 09:30"),
        ("后天下午3点", "2026-11-25 15:00"),
        ("tomorrow 9:00", "2026-11-24 09:00"),
        ("Tomorrow at 9am", "2026-11-24 09:00"),
        ("today 8 pm", "2026-11-23 20:00"),
        ("11-25 09:00", "2026-11-25 09:00"),
        ("11月25日 09:00", "2026-11-25 09:00"),
        ("11月25日9点", "2026-11-25 09:00"),
        ("2027-01-02 09:00", "2027-01-02 09:00"),
        ("２０２６－１１－２６　０９：００", "2026-11-26 09:00"),
        ("2026-11-26T09:00", "2026-11-26 09:00"),
        ("1-2 09:00", "2027-01-02 09:00"),
    ],
)
def test_a_time_is_read_on_the_clock_of_the_shop(written: str, meant: str):
    at = read_moment(written, now=NOON, zone=SHANGHAI)
    assert at is not None
    assert at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") == meant


@pytest.mark.parametrize(
    "written",
    ["", "9", "tomorrow", "面膜", "25:00", "9:61", "2-30 10:00", "0-0 10:00", "9999-01-01 10:00", "11-25 9", "9:00 x"],
)
def test_what_is_no_time_is_none(written: str):
    assert read_moment(written, now=NOON, zone=SHANGHAI) is None


@pytest.mark.parametrize("written", ["today 8:00", "2025-01-02 09:00", "11-22 09:00"])
def test_a_time_that_is_past_is_none(written: str):
    assert read_moment(written, now=NOON, zone=SHANGHAI) is None


def test_a_leap_day_is_taken_where_there_is_one():
    now = datetime(2028, 2, 1, tzinfo=UTC)
    assert read_moment("2-29 09:00", now=now, zone=SHANGHAI) == datetime(2028, 2, 29, 1, 0, tzinfo=UTC)
    assert read_moment("2-29 09:00", now=NOON, zone=SHANGHAI) is None


def test_tomorrow_is_a_day_of_the_calendar_where_clocks_change():
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 10, 24, 10, 0, tzinfo=UTC)  # the night after this day the clock goes back
    at = read_moment("tomorrow 9:00", now=now, zone=berlin)
    assert at == datetime(2026, 10, 25, 8, 0, tzinfo=UTC)
    assert read_moment("9:00", now=now, zone=berlin) == at
