"""Visits: kept without an address, counted once for each person and day, told at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from bot.database import Database
from domain.mall import links, visits
from domain.mall.visits import NewVisit, TrafficDay
from domain.periods import business_day
from domain.schema import DaySalt, Order, Visit, VisitDay
from tests.domain.makings import people

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 23)


def visit(
    visitor: int = 1, *, link: int = 1, member: int = 1, day: date = TODAY, ip: int = 1, bot: bool = False
) -> NewVisit:
    return NewVisit(link, member, day, datetime(2026, 11, 23, 1, 2, 3, 456789, UTC), visitor, ip, bot)


def today(db: Session, member: int = 1, day: date = TODAY) -> TrafficDay:
    [found] = visits.traffic(db, member, day, day, zone=SHANGHAI)
    return found


def test_a_day_counts_visits_different_visitors_and_different_addresses_without_bots(db: Session) -> None:
    visits.record_all(db, [visit(1), visit(1), visit(2), visit(3, ip=2), visit(9, ip=9, bot=True), visit(5, member=2)])
    assert today(db) == TrafficDay(TODAY, visits=4, visitors=3, ips=2)
    visits.roll_up(db, TODAY)
    assert today(db) == TrafficDay(TODAY, visits=4, visitors=3, ips=2)


def test_a_day_counts_the_same_before_and_after_it_is_rolled_up_also_with_a_late_visit(
    db: Session, count_statements: Any
) -> None:
    days = [TODAY - timedelta(days=back) for back in (2, 1, 0)]
    visits.record_all(db, [visit(n % 3, link=n % 2 + 1, day=day) for n, day in enumerate(days * 5)])
    before = visits.traffic(db, 1, days[0] - timedelta(days=1), TODAY, zone=SHANGHAI)
    assert [day.visits for day in before] == [0, 5, 5, 5]
    visits.roll_up(db, days[0])
    visits.roll_up(db, days[1])
    visits.roll_up(db, days[1])
    assert visits.traffic(db, 1, days[0] - timedelta(days=1), TODAY, zone=SHANGHAI) == before
    visits.record_all(db, [visit(77, day=days[0])])
    visits.roll_up(db, days[0])
    with count_statements(db) as seen:
        assert [day.visits for day in visits.traffic(db, 1, days[0], TODAY, zone=SHANGHAI)] == [6, 5, 5]
    assert len(seen) == 3
    with count_statements(db) as seen:
        assert today(db, day=days[0]).visits == 6
    assert len(seen) == 1


def test_orders_are_counted_on_the_business_day_they_were_paid(db: Session, now: datetime) -> None:
    member = people(db, now, {"member_id": "a"})["a"]
    start = business_day(TODAY, SHANGHAI).start
    moment = timedelta(microseconds=1)
    for number, at in enumerate((start - moment, start, start + timedelta(hours=24) - moment)):
        db.execute(
            insert(Order).values(
                order_id=f"A-{number}", currency="CNY", rate="1", amount=1, shipping=0, paid_at=at,
                credited_id=member, credit_reason="credit_ref", recorded_at=at,
            )
        )  # fmt: skip
    assert today(db, member).orders == 2
    days = visits.traffic(db, member, TODAY - timedelta(days=1), TODAY, zone=SHANGHAI)
    assert [day.orders for day in days] == [1, 2]


def test_the_links_that_brought_most_come_first(db: Session, now: datetime) -> None:
    member = people(db, now, {"member_id": "a"})["a"]
    shop, team = (links.make(db, member, kind, now=now) for kind in ("shop", "invite"))
    yesterday = TODAY - timedelta(days=1)
    visits.record_all(db, [visit(n, link=shop.id, member=member, day=yesterday) for n in range(3)])
    visits.record_all(db, [visit(1, link=team.id, member=member) for _ in range(9)])
    visits.roll_up(db, yesterday)
    top = visits.link_traffic(db, member, yesterday, TODAY, limit=5)
    assert [(one.code, one.visits, one.visitors) for one in top] == [(shop.code, 3, 3), (team.code, 9, 1)]
    assert visits.link_traffic(db, member, yesterday, TODAY, limit=1) == top[:1]


def test_b9_a_hundred_thousand_clicks_of_one_visitor_are_one_visitor_and_are_flagged(database: Database) -> None:
    for _ in range(10):
        database.write_now(lambda db: visits.record_all(db, [visit(7) for _ in range(10_000)]))
    with database.transaction() as db:
        visits.record_all(db, [visit(8, ip=2)])
        live = today(db)
        visits.roll_up(db, TODAY)
        assert today(db) == live == TrafficDay(TODAY, visits=100_001, visitors=2, ips=2)
        assert live.suspicious
    assert not TrafficDay(TODAY, visits=60, visitors=1, ips=1).suspicious
    assert not TrafficDay(TODAY, visits=900, visitors=300, ips=250).suspicious


def test_the_same_person_is_recognized_on_one_day_only_and_no_address_is_kept(db: Session) -> None:
    first = visits.salt_of(db, TODAY)
    second = visits.salt_of(db, TODAY + timedelta(days=1))
    assert visits.salt_of(db, TODAY) == first != second
    one = visits.visitor_of(first, "203.0.113.9", "Safari")
    assert one == visits.visitor_of(first, "203.0.113.9", "Safari")
    others = {visits.visitor_of(first, "203.0.113.9", "Chrome"), visits.visitor_of(second, "203.0.113.9", "Safari"),
              visits.address_of(first, "203.0.113.9"), visits.visitor_of(first, "203.0.113.90", "Safari")}  # fmt: skip
    assert len(others | {one}) == 5
    assert all(0 <= number < 2**63 for number in others)
    visits.record_all(db, [visit(one, ip=visits.address_of(first, "203.0.113.9"))])
    assert "203.0.113.9" not in str(db.execute(select(Visit.__table__)).all())


def test_salts_are_thrown_away_after_two_days(db: Session) -> None:
    for back in range(4):
        visits.salt_of(db, TODAY - timedelta(days=back))
    visits.roll_up(db, TODAY - timedelta(days=1))
    assert set(db.scalars(select(DaySalt.day))) == {TODAY, TODAY - timedelta(days=1)}


def test_whoever_comes_first_makes_the_salt(database: Database) -> None:
    choices = iter(["aa", "bb"])
    salts = [database.write_now(lambda db: visits.salt_of(db, TODAY, choose=lambda: next(choices))) for _ in range(2)]
    assert salts == ["aa", "aa"]


_VISITS = st.lists(
    st.builds(
        visit, st.integers(0, 3), link=st.integers(1, 3), member=st.integers(1, 2), ip=st.integers(0, 2),
        day=st.sampled_from([TODAY, TODAY - timedelta(days=1)]), bot=st.booleans(),
    ),
    max_size=25,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(group=_VISITS)
def test_rolled_up_or_live_the_figures_are_those_of_counting_by_hand(database: Database, group: list[NewVisit]) -> None:
    with database.transaction() as db:
        for table in (Visit, VisitDay):
            db.execute(delete(table))
        visits.record_all(db, group)
        assert db.scalar(select(func.count()).select_from(Visit)) == len(group)
        for rolled in (False, True):
            if rolled:
                visits.roll_up(db, TODAY)
            for member in (1, 2):
                for day in (TODAY, TODAY - timedelta(days=1)):
                    mine = [one for one in group if (one.member_id, one.day, one.bot) == (member, day, False)]
                    counted = TrafficDay(
                        day, len(mine), len({one.visitor for one in mine}), len({one.ip for one in mine})
                    )
                    assert today(db, member, day) == counted
                    assert counted in visits.traffic(db, member, TODAY - timedelta(days=2), TODAY, zone=SHANGHAI)
