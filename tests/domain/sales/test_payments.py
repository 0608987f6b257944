"""Who is credited for a sale, who earns on it, and who is told."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from domain.money.rates import put_rates
from domain.people.member_puts import put_members
from domain.schema import Order, OrderLine, Outbox
from domain.wording import from_json
from tests.domain.makings import goods, people
from tests.domain.shop import CNY, PLAN, Shop


def change(shop: Shop, member_id: str, **fields: Any) -> None:
    [result] = put_members(shop.db, [{"member_id": member_id, **fields}], actor="test", now=shop.now)
    assert result.errors == ()


def credited(shop: Shop, order_id: str) -> str | None:
    return shop.order(order_id).credited


def test_a_buyer_stays_with_whoever_brought_them(shop: Shop) -> None:
    shop.happens(shop.paid("A-1"), shop.paid("A-2", ref=None, paid_at=shop.at(29)))
    assert credited(shop, "A-2") == "chen"
    shop.happens(shop.paid("A-3", ref=None, paid_at=shop.at(30)), shop.paid("A-4", ref="NOBODYS"))
    assert credited(shop, "A-3") is None
    assert (credited(shop, "A-4"), shop.order("A-4").credit_reason) == ("chen", "credit_binding")


def test_the_newest_binding_at_the_time_of_payment_counts_whatever_comes_late(shop: Shop) -> None:
    shop.code("li", "LIS23456")
    shop.happens(shop.paid("A-1", paid_at=shop.at(0)), shop.paid("A-2", ref="LIS23456", paid_at=shop.at(5)))
    shop.happens(shop.paid("A-3", ref=None, paid_at=shop.at(4)), shop.paid("A-4", ref=None, paid_at=shop.at(6)))
    assert (credited(shop, "A-3"), credited(shop, "A-4")) == ("chen", "li")
    shop.happens(shop.paid("A-5", paid_at=shop.at(-1)))
    assert credited(shop, "A-1") == "chen"


def test_a_protected_binding_wins_over_another_code_also_within_one_group(small_shop: Shop) -> None:
    shop = small_shop
    shop.publish(PLAN + '[binding]\npolicy = "protected"\ndays = 30\n', days=-1)
    shop.code("li", "LIS23456")
    shop.happens(shop.paid("A-1"), shop.paid("A-2", ref="LIS23456"))
    assert (credited(shop, "A-2"), shop.order("A-2").credit_reason) == ("chen", "credit_binding_protected")
    change(shop, "chen", status="suspended")
    shop.happens(shop.paid("A-3", ref="LIS23456"))
    assert credited(shop, "A-3") == "li"


def test_a_code_of_somebody_who_no_longer_sells_is_nobodys(small_shop: Shop) -> None:
    change(small_shop, "chen", status="suspended")
    small_shop.happens(small_shop.paid("A-1"))
    assert credited(small_shop, "A-1") is None
    assert small_shop.pending() == {}


def test_a_suspended_sponsor_earns_nothing_and_by_pass_up_the_next_one_above_does(shop: Shop) -> None:
    people(shop.db, shop.now, *({"member_id": f"up-{n}", "sponsor_id": f"up-{n + 1}"} for n in range(5)),
           {"member_id": "up-5"}, {"member_id": "wang", "sponsor_id": "up-0"})  # fmt: skip
    for gone in ("li", "wang", "up-0", "up-1", "up-3"):
        change(shop, gone, status="suspended")
    shop.happens(shop.paid("A-1"))
    assert shop.pending() == {"chen": 1000}
    shop.publish(PLAN.replace("levels_bp", 'compression = "pass_up"\nlevels_bp'), days=-1)
    shop.happens(shop.paid("A-2"))
    assert [(c.member_id, c.level, c.amount) for c in shop.order("A-2").commissions] == [
        ("chen", 1, 1000),
        ("up-2", 2, 500),
        ("up-4", 3, 200),
    ]
    assert "why.passed_up" in [said.key for said in shop.order("A-2").commissions[1].why]


def test_an_own_purchase_is_held_until_an_operator_decides(shop: Shop) -> None:
    change(shop, "chen", buyer_id="u-1")
    shop.happens(shop.paid("A-1"), shop.completed("A-1", days=0))
    assert {c.state for c in shop.order().commissions} == {"held"}
    assert "why.held_self_purchase" in [said.key for said in shop.commission("chen").why]
    assert shop.settle(days=8) == 0
    shop.release()
    assert shop.settle(days=8) == 3


def test_prices_and_people_change_and_old_orders_do_not(small_shop: Shop) -> None:
    shop = small_shop
    shop.happens(shop.paid("A-1"))
    change(shop, "chen", sponsor_id=None, tier="gold")
    goods(shop.db, shop.now, {"sku": "SERUM", "cost": 9_999})
    shop.publish('name = "dear"\nbase = "price"\nlevels_bp = [9000]', days=0)
    shop.happens(shop.refunded("A-1", "R-1", 5_000))
    assert shop.pending() == {"chen": 500, "li": 250, "wang": 100}


def test_another_currency_is_converted_at_the_rate_of_the_day(shop: Shop) -> None:
    order = shop.paid("A-1", currency="USD", amount=1_000)
    [refused] = shop.tell(order)
    assert refused.errors == (("currency", "no rate of USD is known for this time"),)
    rates = [
        {"currency": "USD", "from": shop.at(day), "rate": rate} for day, rate in ((-9, "6.5"), (-1, "7.1234"), (1, "9"))
    ]
    put_rates(shop.db, rates, settlement_currency=CNY, actor="test", now=shop.now)
    shop.happens(order)
    assert shop.commission("chen").base == 7123
    assert shop.pending() == {"chen": 712, "li": 356, "wang": 142}
    assert "why.amount_converted" in [said.key for said in shop.commission("chen").why]
    put_rates(
        shop.db, [{"currency": "VND", "from": shop.at(-1), "rate": "999999999999"}],
        settlement_currency=CNY, actor="test", now=shop.now,
    )  # fmt: skip
    [too_much] = shop.tell(shop.paid("A-2", currency="VND", amount=10**12))
    assert too_much.errors[0].field == "items"


def test_everyone_concerned_is_told_once(shop: Shop) -> None:
    people(shop.db, shop.now, {"member_id": "buyer", "role": "customer", "buyer_id": "u-1"})
    shop.member["buyer"] = people(shop.db, shop.now)["buyer"]
    paid = shop.paid("A-1", shipping=800)
    shop.happens(paid)
    shop.tell(paid, paid._replace(webhook_id="again"))
    assert shop.told() == {
        "chen": ["commission_earned"],
        "li": ["commission_earned", "first_sale"],
        "wang": ["commission_earned"],
        "buyer": ["order_paid"],
    }
    params = shop.db.scalars(select(Outbox.params).where(Outbox.text_key == "notice.order_paid")).one()
    assert params is not None
    assert str(from_json(params)["amount"]) == "Money(minor=10800, currency='CNY')"
    shop.happens(shop.paid("A-2"))
    assert shop.told()["li"] == ["commission_earned", "first_sale", "commission_earned"]


def test_what_is_kept_for_people_names_them_as_people_know_them(small_shop: Shop) -> None:
    shop = small_shop
    change(shop, "li", status="suspended")
    shop.happens(shop.paid("A-1", ref="not a code at all\0"), shop.paid("A-2"))
    [trace] = shop.db.scalars(select(OrderLine.trace).join(Order).where(Order.order_id == "A-2"))
    assert trace[0] == {"code": "credit_ref", "member": "chen"}
    assert trace[1] == {"code": "level_not_live", "level": 2, "member": "li"}
    assert credited(shop, "A-1") is None
