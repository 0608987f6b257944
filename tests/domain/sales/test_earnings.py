"""What people see of their orders and their money."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from bot.database import Database
from domain.errors import NotFound
from domain.mall.catalog import product
from domain.money.commissions import STATES
from domain.people.member_puts import put_members
from domain.sales import earnings, orders
from domain.sales.order_events import refused_events
from domain.sales.why import CODES
from domain.schema import Commission
from domain.work import figures
from tests.domain.makings import goods
from tests.domain.shop import CNY, Shop

SHANGHAI = ZoneInfo("Asia/Shanghai")


def seen(shop: Shop, member: str = "chen") -> earnings.Earnings:
    return earnings.earnings(shop.db, shop.member[member], now=shop.now, zone=SHANGHAI, currency=CNY)


def test_the_sums_by_state_are_those_of_the_books(shop: Shop) -> None:
    assert seen(shop) == earnings.Earnings(currency=CNY)
    shop.happens(*(shop.paid(f"A-{number}", amount=10_000 * number, paid_at=shop.at(-1)) for number in range(1, 6)))
    shop.happens(*(shop.completed(f"A-{number}", days=number - 5) for number in (1, 2, 3)))
    shop.hold("A-3")
    shop.settle(days=3)
    shop.happens(shop.refunded("A-5", "R-1", 10_000), shop.paid("A-6", amount=6_000))
    found = seen(shop)
    assert (found.estimated, found.frozen, found.held, found.payable) == (4000 + 4000 + 600, 2000, 3000, 1000)
    assert found.pending == shop.balances("chen").pending
    assert (found.today, found.owed, found.withdrawn) == (600, 0, 0)
    assert (found.next_due_at, found.next_due_amount) == (shop.now + timedelta(days=4), 2000)


def test_the_day_of_the_shop_decides_what_was_earned_today(small_shop: Shop) -> None:
    times = {"A-1": "2026-11-22T15:59:59Z", "A-2": "2026-11-22T16:00:00Z", "A-3": "2026-11-23T15:59:59Z"}
    small_shop.happens(*(small_shop.paid(name, paid_at=at) for name, at in times.items()))
    assert seen(small_shop).today == 2_000


def test_a_home_screen_needs_two_statements(database: Database, now: object) -> None:
    with database.transaction() as db:
        shop = Shop(db, now)  # type: ignore[arg-type]
        shop.happens(shop.paid())
        statements: list[str] = []
        event.listen(database.writing, "before_cursor_execute", lambda *args: statements.append(args[2]))
        seen(shop)
        assert len(statements) == 2


def test_lists_show_the_newest_first_and_page_on(shop: Shop) -> None:
    names = [f"A-{number}" for number in range(5)]
    shop.happens(*(shop.paid(name, paid_at=shop.at(number // 2)) for number, name in enumerate(names)))
    chen = shop.member["chen"]
    page = orders.orders_of(shop.db, chen, limit=3)
    assert [row.order_id for row in page] == ["A-4", "A-3", "A-2"]
    rest = orders.orders_of(shop.db, chen, after=page[-1].id)
    assert [(row.order_id, row.level, row.earned, row.product) for row in rest] == [
        ("A-1", 1, 1000, "精华"),
        ("A-0", 1, 1000, "精华"),
    ]
    bought = orders.orders_of_buyer(shop.db, "u-1", limit=2)
    more = orders.orders_of_buyer(shop.db, "u-1", after=bought[-1].id, limit=9)
    assert [row.order_id for row in [*bought, *more]] == names[::-1]
    assert orders.orders_of_buyer(shop.db, "nobody") == []
    mine = earnings.commissions_of(shop.db, chen, limit=2)
    assert [row.order_id for row in mine + earnings.commissions_of(shop.db, chen, after=mine[-1].id)] == names[::-1]
    assert earnings.commissions_of(shop.db, chen, state="frozen") == []
    assert {row.state for row in earnings.commissions_of(shop.db, chen, state="estimated")} <= set(STATES)


def test_one_sees_ones_own_commission_with_its_reasons_and_nobody_elses(shop: Shop) -> None:
    goods(shop.db, shop.now, {"sku": "CREAM", "name": "面霜", "name_en": "Cream", "cost": 500, "currency": CNY})
    lines = [{"sku": "SERUM", "quantity": 1, "amount": 9_999}, {"sku": "CREAM", "quantity": 2, "amount": 3_000}]
    shop.happens(shop.paid("A-1", items=lines), shop.refunded("A-1", "R-1", 500, sku="CREAM"))
    chen, li = shop.member["chen"], shop.member["li"]
    [cream] = [row for row in earnings.commissions_of(shop.db, chen) if row.sku == "CREAM"]
    assert (cream.product_en, cream.amount, cream.left) == ("Cream", 300, 250)
    detail = earnings.commission(shop.db, chen, cream.id)
    assert (detail.order_id, detail.line.name, detail.commission.level) == ("A-1", "面霜", 1)
    told = [said.key.removeprefix("why.") for said in detail.commission.why]
    assert told == ["credit_ref_yours", "rate_plan", "base_price", "amount", "amount", "amount", "guard_kept",
                    "refund_left", "base_price", "amount", "amount", "amount", "guard_kept", "refund_due"]  # fmt: skip
    assert detail.commission.why[0].params == {"member": "小陈"}
    for said in detail.commission.why:
        assert set(said.params) == set(CODES[said.key.removeprefix("why.")])
    for member, commission_id in ((li, cream.id), (chen, 99_999)):
        with pytest.raises(NotFound):
            earnings.commission(shop.db, member, commission_id)
    with pytest.raises(NotFound):
        orders.order(shop.db, "A-99")


def test_a_product_shows_what_it_would_bring_at_each_level_after_the_guard(shop: Shop) -> None:
    goods(shop.db, shop.now, {"sku": "THIN", "cost": 9_000, "currency": CNY}, {"sku": "FAR", "currency": "USD"})
    products = [product(shop.db, sku) for sku in ("SERUM", "THIN", "FAR")]
    chen = shop.member["chen"]
    would = earnings.would_earn(shop.db, chen, products, now=shop.now)
    assert would["SERUM"].amounts == (1000, 500, 200)
    assert would["THIN"].amounts == (352, 176, 70)  # 600.00 × 1000 / 1700, not 10.00
    assert "FAR" not in would
    split = {"member_id": "chen", "class": "self_set_commission", "split_bp": [1500, 100, 100]}
    put_members(shop.db, [split], actor="test", now=shop.now)
    assert earnings.would_earn(shop.db, chen, products[:1], now=shop.now)["SERUM"].amounts == (1500, 100, 100)
    put_members(shop.db, [{"member_id": "chen", "status": "suspended"}], actor="test", now=shop.now)
    assert earnings.would_earn(shop.db, chen, products, now=shop.now) == {}


def test_the_figures_of_a_day(shop: Shop) -> None:
    shop.happens(
        shop.paid("A-1"), shop.paid("A-2", amount=5_000, ref=None, buyer_id=None), shop.refunded("A-1", "R-1", 5_000)
    )
    shop.tell(shop.paid("A-3", items=[]))
    found = figures.figures(shop.db, shop.now.astimezone(SHANGHAI).date(), SHANGHAI)
    assert (found.orders, dict(found.sales), found.commission, found.reversed) == (2, {CNY: 15_000}, 1700, 850)
    assert (found.sellers, found.new_members, found.visits, found.refused_events) == (1, 3, 0, 1)
    assert len(refused_events(shop.db)) == 1


def test_every_commission_is_on_a_line_and_level_once(db: Session, shop: Shop) -> None:
    shop.happens(shop.paid("A-1"), shop.paid("A-2"))
    rows = db.execute(select(Commission.order_id, Commission.line, Commission.level)).all()
    assert len(set(rows)) == len(rows) == 6
