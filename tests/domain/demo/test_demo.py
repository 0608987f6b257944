"""The demo shop is worth looking at, true to the last cent, and the same every time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.database import Database
from domain import audit, dump
from domain.demo import goods as demo_goods
from domain.demo import shop as demo
from domain.demo.people import SHOWN_FIRST
from domain.mall import visits
from domain.messages import alerts, chat_history
from domain.money import plans
from domain.people import members, network
from domain.periods import local_date
from domain.sales import earnings
from domain.schema import Base, ChatMessage, Commission, Contact, Member, Order, Outbox
from domain.work import tasks

ZONE = ZoneInfo("Asia/Shanghai")


def build(database: Database, now: datetime, **size: Any) -> Mapping[str, int]:
    return demo.build(database.write_now, database.read_now, now=now, zone=ZONE, **size)


def rows(db: Session) -> dict[str, list[tuple[object, ...]]]:
    return {
        table.name: [tuple(row) for row in db.execute(select(table).order_by(*table.primary_key.columns))]
        for table in Base.metadata.sorted_tables
    }


def test_the_demo_has_something_for_every_screen_and_its_books_are_true(database: Database, now: datetime):
    made = build(database, now)
    assert made["members"] == demo.MEMBERS
    assert made["products"] == 60
    assert made["orders"] > 100

    def look(db: Session) -> None:
        assert audit.violations(db) == []
        lin = members.by_member_id(db, "m-lin")
        assert lin is not None
        mine = earnings.earnings(db, lin.id, now=now, zone=ZONE, currency="CNY")
        assert mine.estimated > 0 < mine.frozen
        assert mine.payable > 0 < mine.held
        assert all(network.counts(db, lin.id))
        today = local_date(now, ZONE)
        assert tasks.today(db, lin.id, today, zone=ZONE)
        week = visits.traffic(db, lin.id, today.replace(day=1), today, zone=ZONE)
        assert sum(day.visitors for day in week) > 100
        bo = members.by_member_id(db, "m-bo")
        assert bo is not None
        [sold, *others] = earnings.commissions_of(db, bo.id)  # sold once, settled, sent back
        assert not others
        assert sold.state == "reversed"
        assert alerts.open_alerts(db)
        assert not plans.check(db, demo._PLAN.read_text(encoding="utf-8")).guard
        decisions = set(db.scalars(select(Order.decision)))
        assert decisions == {"none", "held", "denied"}
        assert set(db.scalars(select(Outbox.state))) == {"sent"}
        for member_id in SHOWN_FIRST:
            chat = db.scalars(select(Contact.id).where(Contact.account == f"seat:{member_id}")).one()
            assert chat_history.before(db, chat, None, limit=3)
        assert db.scalar(select(func.max(ChatMessage.at))) <= now  # type: ignore[operator]
        assert db.scalar(select(func.max(Commission.earned_at))) <= now  # type: ignore[operator]

    database.read_now(look)


def test_nobody_sells_before_they_joined(sqlite_url: str, now: datetime):
    database = Database(sqlite_url)
    build(database, now, members=80, days=20)
    too_early = database.read_now(
        lambda db: db.execute(
            select(Member.member_id, Order.order_id)
            .join(Order, Order.credited_id == Member.id)
            .where(Order.paid_at < Member.joined_at)
        ).all()
    )
    assert too_early == []
    database.close()


def test_the_same_seed_and_time_give_the_same_shop(sqlite_url: str, tmp_path, now: datetime):
    first = Database(sqlite_url)
    build(first, now, members=30, days=12, seed=7)
    again = Database(f"sqlite:///{tmp_path / 'again.db'}")
    Base.metadata.create_all(again.writing)
    build(again, now, members=30, days=12, seed=7)
    assert first.read_now(rows) == again.read_now(rows)
    first.close()
    again.close()


def test_the_shop_is_the_same_on_both_databases(sqlite_url: str, postgresql_url: str, now: datetime):
    dumps = []
    for url in (sqlite_url, postgresql_url):
        database = Database(url)
        build(database, now, members=30, days=12)
        dumps.append(database.read_now(lambda db: list(dump.lines(db))))
        database.close()
    assert dumps[0] == dumps[1]


@pytest.mark.parametrize(("count", "days"), [(1, 1), (3, 2), (130, 3)])
def test_a_demo_may_be_as_small_or_as_large_as_wanted(sqlite_url: str, now: datetime, count: int, days: int):
    database = Database(sqlite_url)
    assert build(database, now, members=count, days=days)["members"] == count
    database.close()


def test_every_product_of_the_demo_can_be_drawn_and_earns_within_the_rules():
    for product in demo_goods.products().values():
        margin = (product.price - product.cost) * 10_000 // product.price
        assert margin <= 800 if product.hot else 1_000 <= margin <= 2_500
        assert len(product.points) == len(product.points_en) == 3
        assert "不能代替" not in "".join(product.points)  # what the law wants said is nothing to sell by
        assert product.floor is None or product.floor <= product.price
