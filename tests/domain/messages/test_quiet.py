"""Quiet hours: what can wait is pushed when they end, never inside, never earlier than it was to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from domain.messages.quiet import DAY, DEFAULT, Quiet, chosen, is_quiet, next_allowed

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")

minutes, lengths = st.integers(0, DAY - 1), st.integers(0, 16 * 60)
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def shanghai(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


def test_the_evening_waits_for_the_morning_and_the_day_goes_at_once():
    for at in (shanghai(23, 22), shanghai(23, 23, 59), shanghai(24, 0), shanghai(24, 7, 59)):
        assert next_allowed(at, DEFAULT, SHANGHAI) == shanghai(24, 8)
    for at in (shanghai(23, 21, 59), shanghai(24, 8), shanghai(24, 12)):
        assert next_allowed(at, DEFAULT, SHANGHAI) == at


def test_a_nap_within_the_day_and_no_quiet_hours_at_all():
    assert next_allowed(shanghai(23, 13), Quiet(12 * 60, 14 * 60), SHANGHAI) == shanghai(23, 14)
    assert next_allowed(shanghai(23, 3), Quiet(0, 0), SHANGHAI) == shanghai(23, 3)


def test_whoever_has_chosen_nothing_has_the_quiet_hours_of_the_house():
    assert chosen(None, None) == DEFAULT
    assert chosen(0, 0) == Quiet(0, 0)


@given(instants, minutes, lengths, st.sampled_from([SHANGHAI, NEW_YORK]))
def test_the_wait_ends_outside_the_quiet_hours_within_a_day(at: datetime, first: int, length: int, zone: ZoneInfo):
    quiet = Quiet(first, (first + length) % DAY)
    allowed = next_allowed(at, quiet, zone)
    assert at <= allowed <= at + timedelta(hours=25)
    assert not is_quiet(allowed, quiet, zone)
    if not is_quiet(at, quiet, zone):
        assert allowed == at


def test_where_the_clocks_go_back_the_hour_that_comes_twice_ends_after_it_began():
    at = datetime(2026, 11, 1, 1, 10, tzinfo=NEW_YORK, fold=1)
    allowed = next_allowed(at, Quiet(22 * 60, 90), NEW_YORK)
    assert allowed == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
