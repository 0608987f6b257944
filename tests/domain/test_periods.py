"""The calendar of the shop: days on the wall clock, half-open, and instants written one way."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.periods import (
    InstantInvalid,
    Period,
    as_utc,
    business_day,
    business_month,
    business_week,
    days_up_to,
    format_instant,
    local_date,
    parse_instant,
    parse_month,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Africa/Cairo", "UTC")]
instants = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 1), timezones=st.just(UTC))


def test_a_shanghai_day_begins_at_four_in_the_afternoon_utc_the_day_before():
    day = business_day(date(2026, 11, 23), SHANGHAI)
    assert day == Period(datetime(2026, 11, 22, 16, tzinfo=UTC), datetime(2026, 11, 23, 16, tzinfo=UTC))
    assert day.start in day
    assert day.end - timedelta(microseconds=1) in day
    assert day.end not in day


def test_a_day_has_23_or_25_hours_where_clocks_change():
    new_york = ZoneInfo("America/New_York")
    lengths = [business_day(date(2026, *day), new_york) for day in ((3, 8), (11, 1), (11, 2))]
    assert [(period.end - period.start) // timedelta(hours=1) for period in lengths] == [23, 25, 24]


def test_a_day_whose_midnight_does_not_exist_begins_when_the_clock_jumps():
    cairo = ZoneInfo("Africa/Cairo")  # on 2026-04-24 the clock went from 00:00 to 01:00
    day = business_day(date(2026, 4, 24), cairo)
    assert local_date(day.start, cairo) == date(2026, 4, 24)
    assert local_date(day.start - timedelta(microseconds=1), cairo) == date(2026, 4, 23)


def test_a_week_goes_from_monday_to_sunday_and_a_month_to_its_last_day():
    week = business_week(date(2026, 11, 29), SHANGHAI)
    assert (local_date(week.start, SHANGHAI), local_date(week.end, SHANGHAI)) == (
        date(2026, 11, 23),
        date(2026, 11, 30),
    )
    month = business_month(date(2026, 12, 31), SHANGHAI)
    assert (local_date(month.start, SHANGHAI), local_date(month.end, SHANGHAI)) == (date(2026, 12, 1), date(2027, 1, 1))
    february = business_month(date(2028, 2, 29), SHANGHAI)
    assert (february.end - february.start).days == 29


def test_the_last_three_days_end_with_today():
    assert days_up_to(date(2026, 3, 1), 3) == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]


@given(instants, st.sampled_from(ZONES))
def test_every_instant_belongs_to_exactly_one_day_and_days_leave_no_gap(instant, zone):
    today = local_date(instant, zone)
    assert instant in business_day(today, zone)
    assert instant not in business_day(today - timedelta(days=1), zone)
    assert business_day(today, zone).end == business_day(today + timedelta(days=1), zone).start
    assert instant in business_week(today, zone)
    assert instant in business_month(today, zone)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T02:00:00Z", "2026-11-23T02:00:00Z"),
        ("2026-11-23T10:00:00+08:00", "2026-11-23T02:00:00Z"),
        ("2026-11-22t21:30:00-04:30", "2026-11-23T02:00:00Z"),
        ("2026-11-23T02:00:00-00:00", "2026-11-23T02:00:00Z"),
        ("2026-11-23T02:00:00.5z", "2026-11-23T02:00:00.500000Z"),
        ("2026-11-23T02:00:00.123456789Z", "2026-11-23T02:00:00.123456Z"),
    ],
)
def test_an_instant_of_any_zone_is_written_in_utc(text, expected):
    assert format_instant(parse_instant(text)) == expected


@given(instants)
def test_what_is_written_is_read_back_as_the_same_instant(instant):
    assert parse_instant(format_instant(instant)) == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T02:00:00",  # no zone
        "2026-11-23 02:00:00Z",
        "2026-11-23T02:00Z",
        "20261123T020000Z",
        "2026-11-23T02:00:00+0800",
        "2026-11-23T02:00:00,5Z",
        "2026-02-30T02:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T02:00:60Z",
        "2026-11-23T02:00:00+24:00",
        "2026-11-23T02:00:00Z\n",
        "\uff12026-11-23T02:00:00Z",
        "1969-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "",
        1766800000,
        None,
    ],
)
def test_anything_else_is_no_instant(text):
    with pytest.raises(InstantInvalid):
        parse_instant(text)


def test_an_instant_without_a_zone_is_refused_wherever_it_comes_from():
    naive = datetime(2026, 11, 23)
    with pytest.raises(InstantInvalid):
        as_utc(naive)
    with pytest.raises(InstantInvalid):
        Period(naive, naive)
    assert as_utc(datetime(2026, 11, 23, 8, tzinfo=timezone(timedelta(hours=8)))).hour == 0


def test_a_period_does_not_end_before_it_starts():
    with pytest.raises(InstantInvalid):
        Period(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC))


def test_a_month_is_read_as_its_first_day():
    assert parse_month("2026-11") == date(2026, 11, 1)


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "9999-12", "0000-01", ""])
def test_anything_else_is_no_month(text):
    with pytest.raises(InstantInvalid):
        parse_month(text)
