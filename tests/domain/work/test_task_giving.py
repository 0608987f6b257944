"""Which tasks somebody gets: by schedule and audience, adapted to what they did before, never on a day off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from domain import wording
from domain.errors import Invalid
from domain.schema import AuditRow, Order, OrderLine, Outbox, Product, Stock, Task, TaskTemplate, VisitDay
from domain.wording import Words
from domain.work import days_off, task_giving, task_templates, tasks
from domain.work.days_off import HolidaySpan, Span
from domain.work.task_templates import Template
from tests.someone import member

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 23)  # a Monday

Count = Callable[[Session], AbstractContextManager[list[str]]]


def only(db: Session, template: Template, now: datetime) -> int:
    """Leave one task to be given."""
    db.execute(delete(TaskTemplate))
    return task_templates.add(db, template, actor="test", now=now)


VISITS = Template("带来 # 位访客", "Bring # visitors", "all", "visitors", 5, 10, 2, 50)


def came(db: Session, of: int, *counts: int, until: date = DAY) -> None:
    """So many visitors on the days before `until`, the last of them the day before."""
    days = [until - timedelta(days=len(counts) - place) for place in range(len(counts))]
    rows = [
        {"member_id": of, "day": day, "link_id": 0, "visits": count, "visitors": count, "ips": count}
        for day, count in zip(days, counts, strict=True)
    ]
    db.execute(insert(VisitDay), rows)


def sold(db: Session, of: int, order_id: str, at: datetime, sku: str = "", **more: Any) -> None:
    values = {"order_id": order_id, "currency": "CNY", "rate": "1", "amount": 100, "shipping": 0, "paid_at": at}
    values |= {"credited_id": of, "credit_reason": "ref", "recorded_at": at} | more
    new = db.execute(insert(Order).values(values).returning(Order.id)).scalar_one()
    if sku:
        db.execute(insert(OrderLine).values(order_id=new, line=1, sku=sku, quantity=1, amount=100))


def product(db: Session, sku: str, *, stock: int = 5, now: datetime, **more: Any) -> int:
    values = {"sku": sku, "name": sku, "price": 100, "currency": "CNY", "created_at": now, "on_shelf": True} | more
    new = db.execute(insert(Product).values(values).returning(Product.id)).scalar_one()
    db.execute(insert(Stock).values(product_id=new, warehouse="上海", quantity=stock))
    return int(new)


def give(db: Session, day: date = DAY, *, now: datetime) -> dict[int, list[tuple[int, str | None, int | None]]]:
    """Give the tasks of a day; returns by member target, the key of the reason, and the product."""
    reached: int | None = 0
    while reached is not None:
        reached = task_giving.assign(db, day, now=now, zone=ZONE, after=reached, limit=2)
    found: dict[int, list[tuple[int, str | None, int | None]]] = {}
    for row in db.execute(select(Task).order_by(Task.template_id)).scalars():
        if row.day >= day:
            found.setdefault(row.member_id, []).append((row.target, row.reason and row.reason[0], row.suggested_id))
    return found


def reason(db: Session, of: int) -> Words:
    key, params = db.execute(select(Task.reason).where(Task.member_id == of)).scalar_one()
    return Words(key, wording.from_json(params))


def test_a_target_comes_from_the_persons_own_days_and_says_so(db: Session, now: datetime) -> None:
    only(db, VISITS, now)
    busy, quiet = member(db, "m-busy"), member(db, "m-quiet")
    fresh = member(db, "m-fresh", joined_at=now - timedelta(days=3))
    came(db, busy, 6, 5, 7, 6, 4, 9, 6, 5, 7, 6, 6, 6, 7, 5)
    assert give(db, now=now) == {
        busy: [(6, "task.why.visitors", None)],
        quiet: [(2, "task.why_start.dormant", None)],
        fresh: [(2, "task.why_start.newcomer", None)],
    }
    assert reason(db, busy).params == {"mean": "6.1", "reached": 10, "of": 14, "target": 6}


def test_days_off_do_not_make_a_target_smaller(db: Session, now: datetime) -> None:
    only(db, VISITS, now)
    m = member(db, "m-1")
    came(db, m, *[8, 8, 8, 8, 8, 0, 0] * 2)
    days_off.set_rest_day(db, m, 6, rests=True)
    days_off.set_rest_day(db, m, 7, rests=True)
    assert give(db, now=now)[m][0][0] == 8


def test_a_sale_a_day_is_asked_only_of_those_who_usually_sell(db: Session, now: datetime) -> None:
    only(db, Template("成交 # 单", "Orders: #", "all", "sale", 1, 30, 1, 20), now)
    seller, other = member(db, "m-seller"), member(db, "m-other", buyer_id="u-1")
    for back in range(1, 15):
        sold(db, seller, f"A-{back}", now - timedelta(days=back))
        sold(db, other, f"B-{back}", now - timedelta(days=back), buyer_id="u-1")
    assert give(db, now=now) == {seller: [(1, "task.why.sale", None)]}


def test_the_task_of_a_week_is_given_once_and_due_on_sunday(db: Session, now: datetime) -> None:
    only(db, Template("本周成交 # 单", "Orders this week: #", "all", "week_sales", 1, 50, 1, 100), now)
    m = member(db, "m-1", joined_at=datetime(2026, 9, 1, tzinfo=UTC))
    for back in (3, 4, 10, 11, 12, 17, 18, 24):
        sold(db, m, f"A-{back}", now - timedelta(days=back))
    for day in (DAY, DAY + timedelta(days=1)):
        assert give(db, day, now=now + timedelta(days=(day - DAY).days)) == {m: [(2, "task.why.week_sales", None)]}
    assert len(db.scalars(select(Outbox.key)).all()) == 1, "told on the first day only"
    sold(db, m, "A-now", now + timedelta(days=2))
    wednesday = DAY + timedelta(days=2)
    [task] = tasks.today(db, m, wednesday, zone=ZONE)
    assert (task.reached, task.target, task.due) == (1, 2, date(2026, 11, 29))
    sold(db, m, "A-more", now + timedelta(days=2))
    assert tasks.check(db, wednesday, now=now + timedelta(days=2), zone=ZONE) == 1


def test_helping_somebody_new_to_a_first_sale_counts_the_sale_and_never_the_joining(db: Session, now: datetime) -> None:
    only(db, Template("帮新下线开单", "Help", "all", "downline_sale", 1, 50), now)
    m, old = member(db, "m-1", buyer_id="u-m"), member(db, "m-2")
    new = member(db, "d-1", sponsor_id=m, joined_at=now - timedelta(days=5), buyer_id="u-d")
    member(db, "d-2", sponsor_id=old, joined_at=now - timedelta(days=90))
    assert list(give(db, now=now)) == [m]
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 0
    sold(db, new, "A-1", now, buyer_id="u-d")
    sold(db, new, "A-2", now, buyer_id="u-m")
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 0, "bought by themselves, and by the one above"
    sold(db, new, "A-3", now, buyer_id="u-9")
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 1


def test_the_product_to_sell_is_in_stock_allowed_and_near_to_what_sold_before(db: Session, now: datetime) -> None:
    only(db, Template("本周成交 # 单", "Orders", "all", "week_sales", 1, 50, 1, 100), now)
    hot = product(db, "HOT", brand="甲", category="food", hot=True, now=now)
    product(db, "GONE", brand="甲", category="food", hot=True, stock=0, now=now)
    tea = product(db, "TEA", brand="乙", category="tea", now=now)
    cup = product(db, "CUP", brand="丙", category="home", now=now)
    product(db, "OFF", brand="丙", category="home", on_shelf=False, now=now)
    anyone, drinker = member(db, "m-1"), member(db, "m-2")
    bound = member(db, "m-3", member_class="single_brand", class_scope="丙")
    stuck = member(db, "m-4", member_class="single_product", class_scope="GONE")
    sold(db, drinker, "A-1", now - timedelta(days=9), "TEA")
    found = {one: rows[0][2] for one, rows in give(db, now=now).items()}
    assert (found[bound], found[stuck]) == (cup, None)
    assert found[anyone] in (hot, tea, cup)
    three_days: dict[int, set[int | None]] = {drinker: set(), anyone: set()}
    for ahead in range(3):
        portion = task_giving.choose(db, DAY + timedelta(days=7 * ahead), zone=ZONE)
        assert portion is not None
        for one in portion.given:
            if one.member in three_days:
                three_days[one.member].add(one.product)
    assert tea in three_days[drinker], "what sold before comes back again and again"


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({"weekdays": "12345"}, [0, 1, 2, 3, 4]),
        ({"weekdays": "67"}, [5, 6]),
        ({"first_day": date(2026, 11, 25)}, [2, 3, 4, 5, 6]),
        ({"first_day": date(2026, 11, 25), "last_day": date(2026, 11, 25)}, [2]),
        ({"last_day": date(2026, 11, 24), "weekdays": "246"}, [1]),
        ({"active": False}, []),
    ],
)
def test_a_task_is_given_on_the_days_of_its_schedule(changes: dict[str, Any], given: list[int]) -> None:
    template = replace(VISITS, **changes)
    assert [ahead for ahead in range(7) if template.on(DAY + timedelta(days=ahead))] == given


def test_a_task_reaches_its_audience_and_nobody_else(db: Session, now: datetime) -> None:
    long_ago = now - timedelta(days=90)
    people = {
        "all": {"m-merchant", "m-gold", "m-brand", "m-new", "m-busy"},
        "merchant": {"m-merchant"},
        "tier:gold": {"m-gold"},
        "class:single_brand": {"m-brand"},
        "stage:newcomer": {"m-new"},
        "stage:active": {"m-busy"},
        "stage:dormant": {"m-merchant", "m-gold", "m-brand"},
    }
    ids = {
        "m-merchant": member(db, "m-merchant", "merchant", joined_at=long_ago),
        "m-gold": member(db, "m-gold", tier="gold", joined_at=long_ago),
        "m-brand": member(db, "m-brand", member_class="single_brand", class_scope="甲", joined_at=long_ago),
        "m-new": member(db, "m-new", joined_at=now - timedelta(days=13)),
        "m-busy": member(db, "m-busy", joined_at=long_ago),
    }
    member(db, "c-1", "customer")
    came(db, ids["m-busy"], 1, 0, 0)
    assert set(people) <= set(task_templates.audiences(db)) | {"tier:gold"}
    for audience, expected in people.items():
        only(db, replace(VISITS, audience=audience), now)
        portion = task_giving.choose(db, DAY, zone=ZONE)
        assert portion is not None
        assert {one.member for one in portion.given} == {ids[name] for name in expected}, audience


def test_nobody_has_tasks_on_holidays_and_days_off(db: Session, now: datetime) -> None:
    only(db, VISITS, now)
    works, rests, away = member(db, "m-1"), member(db, "m-2"), member(db, "m-3")
    tuesday = DAY + timedelta(days=1)
    days_off.set_rest_day(db, rests, 2, rests=True)
    days_off.take_leave(db, away, Span(tuesday, tuesday + timedelta(days=1)), today=DAY)
    assert set(give(db, tuesday, now=now)) == {works}
    assert days_off.why_off(db, rests, tuesday) == Words("day_off.rest")
    assert days_off.why_off(db, away, tuesday) == Words("day_off.leave")
    wednesday = tuesday + timedelta(days=1)
    days_off.add_holidays(db, [HolidaySpan(Span(wednesday, wednesday), "店庆", "Jubilee")], actor="test", now=now)
    assert task_giving.assign(db, wednesday, now=now, zone=ZONE) is None
    task_giving.assign_to(db, works, wednesday, zone=ZONE)
    assert task_giving.count(db, wednesday) == 0
    days_off.remove_holidays(db, wednesday, wednesday, actor="test", now=now)
    assert set(give(db, wednesday, now=now)) == {works, rests}
    actions = db.scalars(select(AuditRow.action).order_by(AuditRow.id)).all()
    assert actions[-2:] == ["holiday.add", "holiday.remove"]


def test_days_off_have_their_limits(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    for weekday in range(1, 7):
        days_off.set_rest_day(db, m, weekday, rests=True)
    with pytest.raises(Invalid, match="no_working_day"):
        days_off.set_rest_day(db, m, 7, rests=True)
    with pytest.raises(Invalid, match="leave_begins"):
        days_off.take_leave(db, m, Span(DAY, DAY), today=DAY)
    with pytest.raises(Invalid, match="span"):
        days_off.take_leave(db, m, Span(DAY + timedelta(days=9), DAY + timedelta(days=8)), today=DAY)


@pytest.mark.parametrize(
    ("text", "first", "last", "rest"),
    [
        ("12-24", date(2026, 12, 24), date(2026, 12, 24), ""),
        ("12-31 1-3 元旦 New Year", date(2026, 12, 31), date(2027, 1, 3), "元旦 New Year"),
        ("２０２７-02-05～02-09 春节", date(2027, 2, 5), date(2027, 2, 9), "春节"),
        ("2月5日至2月9日，春节", date(2027, 2, 5), date(2027, 2, 9), "春节"),
        ("10.01-10.07 National Day", date(2027, 10, 1), date(2027, 10, 7), "National Day"),
    ],
)
def test_days_are_read_as_people_write_them(text: str, first: date, last: date, rest: str) -> None:
    assert days_off.read_span(text, DAY) == (Span(first, last), rest)


@pytest.mark.parametrize("text", ["", "明天", "13-01", "2-30", "24"])
def test_what_is_no_day_is_not_guessed_at(text: str) -> None:
    assert days_off.read_span(text, DAY) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"title": ""}, "task_title"),
        ({"title_en": "x" * 61}, "task_title"),
        ({"check": "shared"}, "task_check"),
        ({"target": 0}, "task_numbers"),
        ({"points": 10_001}, "task_numbers"),
        ({"lowest": 9, "highest": 3}, "task_bounds"),
        ({"highest": None}, "task_bounds"),
        ({"check": "first_visit"}, "task_not_counted"),
        ({"first_day": DAY, "last_day": DAY - timedelta(days=1)}, "task_days"),
    ],
)
def test_a_task_that_cannot_be_is_refused_with_what_is_wrong(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        task_templates.check_sound(replace(VISITS, **changes))


def test_changes_of_a_task_are_written_down_with_before_and_after(db: Session, now: datetime) -> None:
    new = only(db, VISITS, now)
    task_templates.change(db, new, {"points": 15, "target": 5}, actor="member:ops", now=now)
    task_templates.change(db, new, {"points": 15}, actor="member:ops", now=now)
    rows = db.execute(select(AuditRow.action, AuditRow.before, AuditRow.after).order_by(AuditRow.id)).all()
    assert [tuple(row) for row in rows[1:]] == [("task.change", {"points": 10}, {"points": 15})]


def test_the_number_of_statements_is_the_same_for_any_number_of_members(
    db: Session, now: datetime, count_statements: Count
) -> None:
    task_templates.seed(db)
    product(db, "HOT", hot=True, now=now)
    counts = []
    for size in (3, 60):
        for n in range(size):
            new = member(db, f"m-{size}-{n}")
            came(db, new, n % 7, 3)
            sold(db, new, f"A-{size}-{n}", now - timedelta(days=3), "HOT")
        db.execute(delete(Task))
        with count_statements(db) as seen:
            task_giving.assign(db, DAY, now=now, zone=ZONE)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 20
