"""The same order, the same buyer, the same webhook from several sides at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import func, select

from bot.database import Database
from domain.bulk import among, insert_all
from domain.sales import holds, order_events
from domain.sales.order_data import IncomingEvent
from domain.schema import Binding, Brand, Order, OrderEvent
from tests.domain.shop import CNY, PLAN, Shop


def tell(database: Database, now: datetime, events: list[IncomingEvent]) -> list[str]:
    results = database.write_now(lambda db: order_events.record_events(db, events, now=now, settlement_currency=CNY))
    return [result.status for result in results]


def at_once(database: Database, now: datetime, groups: list[list[IncomingEvent]]) -> list[str]:
    with ThreadPoolExecutor(len(groups)) as pool:
        return [status for group in pool.map(lambda events: tell(database, now, events), groups) for status in group]


def test_one_of_many_senders_of_the_same_order_is_first(database: Database, now: datetime) -> None:
    with database.transaction() as db:
        shop = Shop(db, now)
    order = shop.paid("A-1")
    groups = [[order._replace(webhook_id=f"w-{n % 3}"), shop.paid(f"B-{n}")] for n in range(8)]
    answers = at_once(database, now, groups)
    assert sorted(answers) == ["applied"] * 9 + ["duplicate"] * 7
    with database.transaction() as db:
        shop.db = db
        assert shop.balances("chen").pending == 9_000
        assert db.scalar(select(func.count()).select_from(OrderEvent)) == 8 + 3


def test_two_orders_of_one_buyer_at_once_see_each_others_binding(database: Database, now: datetime) -> None:
    with database.transaction() as db:
        shop = Shop(db, now, PLAN + '[binding]\npolicy = "protected"\ndays = 30\n')
        shop.code("li", "LIS23456")
    for turn in range(5):
        buyer = f"buyer-{turn}"
        orders = [shop.paid(f"{ref}-{turn}", ref=ref, buyer_id=buyer) for ref in ("CHEN2345", "LIS23456")]
        assert at_once(database, now, [[order] for order in orders]) == ["applied", "applied"]
        with database.transaction() as db:
            credited = db.scalars(select(Order.credited_id).where(Order.buyer_id == buyer)).all()
            assert credited[0] == credited[1]
            assert db.scalar(select(func.count()).select_from(Binding).where(Binding.buyer_id == buyer)) in (1, 2)


def test_refunds_decisions_and_payments_meet_and_the_books_stay_right(database: Database, now: datetime) -> None:
    with database.transaction() as db:
        shop = Shop(db, now)
        shop.happens(*(shop.paid(f"A-{n}") for n in range(4)))
    refunds = [[shop.refunded(f"A-{n % 4}", f"R-{n}", 1_000) for n in range(k, k + 8)] for k in (0, 8, 16)]

    def deny(order_id: str) -> None:
        database.write_now(lambda db: holds.deny(db, order_id, "no", actor="cli", now=now))

    with ThreadPoolExecutor(6) as pool:
        told = [pool.submit(tell, database, now, group) for group in refunds]
        denied = [pool.submit(deny, f"A-{number}") for number in (1, 3)]
        assert {status for future in told for status in future.result()} == {"applied"}
        assert [future.result() for future in denied] == [None, None]
    with database.transaction() as db:
        shop.db = db
        assert shop.pending() == {"chen": 800, "li": 400, "wang": 160}


def test_many_rows_are_inserted_and_found_like_one(database: Database) -> None:
    names = [f"品牌 '{n}\\" for n in range(2_500)]
    with database.transaction() as db:
        insert_all(db, Brand, [{"name": name, "story": None} for name in names])
        new = insert_all(db, Brand, [{"name": names[0]}, {"name": "new"}], ignore=["name"], returning=["id", "name"])
        assert [row.name for row in new] == ["new"]
        insert_all(db, Brand, [{"name": names[1]}, {"name": "newer"}], ignore=[])
        assert insert_all(db, Brand, []) == []
        found = db.scalars(select(Brand.name).where(among(Brand.name, [*names, "missing"]))).all()
        assert sorted(found) == sorted(names)
        assert db.scalars(select(Brand.name).where(among(Brand.id, [new[0].id]))).all() == ["new"]
        assert db.scalars(select(Brand.name).where(among(Brand.id, []))).all() == []
        assert db.scalar(select(func.count()).select_from(Brand)) == 2_502
