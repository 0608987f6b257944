"""What happens to an order after it was paid: parcels, completion, refunds, cancellation, quarrels."""

from __future__ import annotations

from itertools import permutations

import pytest

from domain.messages.alerts import open_alerts
from domain.sales.order_events import refused_events
from tests.domain.makings import people
from tests.domain.shop import PLAN, Shop


def parcel(shop: Shop, number: str, days: float = 1, order_id: str = "A-1") -> object:
    parcels = [{"carrier": "SF", "tracking_number": number, "warehouse": "HK"}]
    return shop.event("shipped", order_id, parcels=parcels, at=shop.at(days))


def test_customer_and_distributor_follow_the_parcel(shop: Shop) -> None:
    shop.member |= people(shop.db, shop.now, {"member_id": "buyer", "role": "customer", "buyer_id": "u-1"})
    shop.happens(shop.paid())
    shop.happens(parcel(shop, "1"), parcel(shop, "2", 2), parcel(shop, "1", 3))  # type: ignore[arg-type]
    shop.happens(*(shop.event(step, "A-1", at=shop.at(4)) for step in ("customs_cleared", "delivered", "delivered")))
    assert shop.order().state == "delivered"
    assert [each.tracking_number for each in shop.order().parcels] == ["1", "2"]
    assert shop.told()["buyer"][1:] == ["order_shipped", "order_shipped", "order_customs_cleared", "order_delivered"]
    assert shop.told()["chen"][1:] == ["parcel_shipped", "parcel_shipped", "parcel_customs_cleared", "parcel_delivered"]


def test_a_commission_is_frozen_from_completion_and_payable_after_the_freeze(shop: Shop) -> None:
    shop.happens(shop.paid())
    assert shop.commission("chen").state == "estimated"
    shop.happens(shop.completed(days=2))
    assert shop.commission("chen").state == "frozen"
    assert shop.settle(days=8.99) == 0
    assert shop.settle(days=9) == 3
    assert shop.settle(days=9) == 0
    assert shop.commission("chen").state == "payable"
    assert (shop.balances("chen").pending, shop.balances("chen").payable) == (0, 1000)


def test_refunds_in_parts_in_any_order_end_as_one_refund_of_the_sum(small_shop: Shop) -> None:
    shop = small_shop
    shop.publish(PLAN.replace('"price"', '"margin"'), days=-1)
    parts = [(3_000, 0), (1, 1), (2_500, 2)]
    for number, turn in enumerate(permutations(parts)):
        name = f"A-{number}"
        shop.happens(shop.paid(name, amount=20_000, quantity=3))
        shop.happens(*(shop.refunded(name, f"R-{amount}", amount, pieces) for amount, pieces in turn))
    shop.happens(shop.paid("A-whole", amount=20_000, quantity=3), shop.refunded("A-whole", "R-1", 5_501, 3))
    left = {
        tuple(c.amount - c.reversed for c in shop.order(name).commissions) for name in ("A-0", "A-3", "A-5", "A-whole")
    }
    assert left == {(1400, 700, 280)}  # all goods are back, so what was due at payment is the limit: 14,000 × 10 %


def test_goods_that_come_back_bring_back_what_the_refunded_money_took(shop: Shop) -> None:
    shop.publish(PLAN.replace('"price"', '"margin"'), days=-1)
    shop.happens(shop.paid(amount=20_000, quantity=2))
    assert shop.balances("chen").pending == 1600
    shop.happens(shop.refunded("A-1", "R-1", 10_000, 0))
    assert shop.balances("chen").pending == 600
    shop.happens(shop.refunded("A-1", "R-2", 0, 1))
    assert shop.balances("chen").pending == 800
    assert shop.told()["chen"] == ["commission_earned", "commission_refunded", "commission_restored"]


def test_a_full_refund_leaves_nothing_and_settlement_passes_it_by(shop: Shop) -> None:
    shop.happens(shop.paid(), shop.completed(days=0), shop.refunded("A-1", "R-1", 10_000, 1))
    assert shop.order().state == "refunded"
    assert {c.state for c in shop.order().commissions} == {"reversed"}
    assert shop.settle(days=30) == 0
    assert shop.pending() == {}


def test_a_refund_after_settlement_leaves_the_distributor_owing_and_later_sales_net_it(shop: Shop) -> None:
    shop.happens(shop.paid(), shop.completed(days=0))
    shop.settle(days=7)
    shop.happens(shop.refunded("A-1", "R-1", 10_000, 1))
    assert shop.balances("chen").payable == 0
    assert shop.balances("chen").owed == 0
    shop.happens(shop.paid("A-2"), shop.completed("A-2", days=0))
    shop.settle(days=7)
    shop.deny("A-2")
    shop.happens(shop.paid("A-3", amount=4_000), shop.completed("A-3", days=0))
    shop.settle(days=7)
    assert shop.balances("chen").payable == 400


def test_a_completion_before_the_payment_counts_as_it_stands_and_operators_hear_of_it(shop: Shop) -> None:
    shop.happens(shop.paid("A-1"), shop.completed("A-1", days=-8), shop.paid("A-2"), shop.completed("A-2", days=0))
    [alert] = open_alerts(shop.db)
    assert alert.words.params["order_id"] == "A-1"
    assert shop.settle(days=0) == 3, "eight days ago and a freeze of seven: due at once, and only A-1"
    assert shop.order("A-1").commissions[0].state == "payable"


def test_a_shop_whose_clock_is_wrong_is_no_flood_of_alerts(small_shop: Shop) -> None:
    for number in range(40):
        small_shop.happens(small_shop.paid(f"A-{number}"), small_shop.completed(f"A-{number}", days=-1))
    assert len(open_alerts(small_shop.db)) == 21


@pytest.mark.parametrize(("amount", "quantity", "field"), [(10_001, 0, "items[0].amount"), (0, 2, "items[0].quantity")])
def test_no_more_comes_back_than_was_paid_for(small_shop: Shop, amount: int, quantity: int, field: str) -> None:
    small_shop.happens(small_shop.paid())
    [result] = small_shop.tell(small_shop.refunded("A-1", "R-1", amount, quantity))
    assert (result.status, result.errors[0].field) == ("refused", field)
    assert len(refused_events(small_shop.db)) == 1
    [result] = small_shop.tell(small_shop.refunded("A-1", "R-1", 1, sku="OTHER"))
    assert result.errors[0].field == "items[0].sku"
    small_shop.happens(small_shop.event("refunded", "A-1", refund_id="R-1", at=small_shop.at(1), items=[]))
    assert small_shop.balances("chen").pending == 1000


def test_a_cancellation_takes_the_rest_back_and_what_was_overtaken_changes_nothing(shop: Shop) -> None:
    shop.happens(shop.paid(), shop.refunded("A-1", "R-1", 4_000), shop.cancelled(days=5))
    assert shop.order().state == "cancelled"
    assert shop.pending() == {}
    shop.happens(shop.refunded("A-1", "R-2", 6_000, 1, days=5), shop.completed(days=6), shop.cancelled(days=7))
    assert shop.order().completed_at is None
    assert [r.status for r in shop.tell(shop.refunded("A-1", "R-3", 1, days=8))] == ["refused"]
    assert shop.settle(days=60) == 0


def test_nothing_becomes_payable_while_a_case_is_open(shop: Shop) -> None:
    def case(step: str, case_id: str, days: float) -> object:
        return shop.event(f"case_{step}", "A-1", case_id=case_id, at=shop.at(days))

    shop.happens(shop.paid(), case("opened", "c-1", 1), shop.completed(days=2), case("opened", "c-2", 2))  # type: ignore[arg-type]
    assert shop.order().case_open
    shop.happens(case("closed", "c-1", 3))  # type: ignore[arg-type]
    assert shop.settle(days=20) == 0
    shop.happens(case("closed", "c-2", 4))  # type: ignore[arg-type]
    assert shop.settle(days=20) == 3
    shop.happens(case("closed", "c-3", 5), case("opened", "c-3", 4))  # type: ignore[arg-type]
    assert not shop.order().case_open
