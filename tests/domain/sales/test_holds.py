"""An operator's decisions about an order's commissions."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from domain.errors import Invalid, NotFound
from domain.sales.holds import NotHeld, NothingToDecide
from domain.schema import AuditRow
from tests.domain.shop import Shop


def test_what_is_held_is_not_settled_until_it_is_released(shop: Shop) -> None:
    shop.happens(shop.paid(), shop.completed(days=0))
    shop.hold(reason="looks like a ring")
    assert shop.commission("chen").state == "held"
    assert str(shop.commission("chen").why[-1].params["reason"]) == "looks like a ring"
    assert shop.settle(days=30) == 0
    shop.release()
    assert shop.commission("chen").state == "frozen"
    assert shop.settle(days=30) == 3


def test_denying_takes_back_also_what_is_payable_and_releasing_gives_it_again(shop: Shop) -> None:
    shop.happens(shop.paid(), shop.completed(days=0))
    shop.settle(days=7)
    shop.deny()
    assert {c.state for c in shop.order().commissions} == {"reversed"}
    assert shop.balances("chen").payable == 0
    shop.happens(shop.refunded("A-1", "R-1", 5_000))
    assert shop.balances("chen").payable == 0
    shop.release()
    assert shop.balances("chen").payable == 500
    shop.deny()
    shop.release()
    assert shop.balances("chen").payable == 500


def test_the_same_decision_again_changes_nothing(small_shop: Shop) -> None:
    shop = small_shop
    shop.happens(shop.paid(), shop.completed(days=0))
    for decide in (shop.hold, shop.deny, shop.release):
        decide()
        decide()
    rows = shop.db.execute(select(AuditRow.action, AuditRow.after).where(AuditRow.subject == "order:A-1")).all()
    assert [row.action for row in rows] == ["order.held", "order.denied", "order.released"]
    assert rows[1].after == {"decision": "denied", "reason": "it is a ring"}


def test_nothing_is_decided_about_nothing(small_shop: Shop) -> None:
    shop = small_shop
    shop.happens(shop.paid("A-1", ref=None), shop.paid("A-2"), shop.completed("A-2", days=0))
    for decide in (shop.hold, shop.deny):
        with pytest.raises(NothingToDecide):
            decide("A-1")
    with pytest.raises(NotHeld):
        shop.release("A-2")
    with pytest.raises(NotFound):
        shop.hold("A-99")
    with pytest.raises(Invalid):
        shop.hold("A-2", "  ")
    shop.settle(days=7)
    with pytest.raises(NothingToDecide):
        shop.hold("A-2")
