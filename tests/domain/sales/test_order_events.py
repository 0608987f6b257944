"""What the shop reports is taken in once, answered each by itself, and never lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.errors import NotFound
from domain.messages.alerts import open_alerts
from domain.sales.order_data import IncomingEvent
from domain.sales.order_events import refused_events, retry_event
from domain.schema import OrderEvent
from tests.domain.makings import goods
from tests.domain.shop import CNY, Shop


def statuses(shop: Shop, *events: IncomingEvent) -> list[str]:
    return [result.status for result in shop.tell(*events)]


def test_a_paid_order_pays_three_levels(shop: Shop) -> None:
    assert statuses(shop, shop.paid("A-1")) == ["applied"]
    assert shop.pending() == {"chen": 1000, "li": 500, "wang": 200}
    assert [(c.member_id, c.level, c.base, c.rate_bp) for c in shop.order().commissions] == [
        ("chen", 1, 10_000, 1000),
        ("li", 2, 10_000, 500),
        ("wang", 3, 10_000, 200),
    ]


def test_what_is_told_again_is_a_duplicate_by_webhook_by_order_and_by_refund(shop: Shop) -> None:
    paid, refund = shop.paid("A-1"), shop.refunded("A-1", "R-1", 3000)
    completed = shop.completed("A-1")
    assert statuses(shop, paid, refund, completed) == ["applied"] * 3
    before = shop.pending()
    again = [paid._replace(webhook_id="other-1"), refund._replace(webhook_id="other-2")]
    assert statuses(shop, paid, refund, *again) == ["duplicate"] * 4
    assert statuses(shop, completed._replace(webhook_id="other-3")) == ["duplicate"]
    assert statuses(shop, paid._replace(webhook_id="other-1")) == ["duplicate"]
    assert shop.pending() == before


def test_the_same_with_other_content_is_a_conflict(shop: Shop) -> None:
    paid, refund = shop.paid("A-1"), shop.refunded("A-1", "R-1", 3000)
    shop.happens(paid, refund, shop.completed("A-1"))
    assert statuses(shop, shop.paid("A-1", amount=9_000)) == ["conflict"]
    assert statuses(shop, shop.refunded("A-1", "R-1", 2000)) == ["conflict"]
    assert statuses(shop, shop.completed("A-1", days=3)) == ["conflict"]
    [conflict] = shop.tell(shop.paid("A-2")._replace(webhook_id=paid.webhook_id))
    assert conflict.status == "conflict"
    assert conflict.errors[0].field == "webhook-id"


def test_the_order_of_items_and_the_spelling_of_times_make_no_other_content(small_shop: Shop) -> None:
    shop = small_shop
    goods(shop.db, shop.now, {"sku": "CREAM", "currency": CNY})
    lines = [{"sku": "SERUM", "quantity": 1, "amount": 10_000}, {"sku": "CREAM", "quantity": 2, "amount": 4_000}]
    assert statuses(shop, shop.paid("A-1", items=lines, shipping=0)) == ["applied"]
    [same] = shop.tell(shop.paid("A-1", items=lines[::-1], paid_at="2026-11-23T10:00:00+08:00", channel=""))
    assert same.status == "duplicate"


def test_repetitions_inside_one_group_are_recognised(shop: Shop) -> None:
    paid = shop.paid("A-1")
    other = shop.paid("A-1", amount=1)
    refund = shop.refunded("A-1", "R-1", 10_000)
    answers = statuses(shop, paid, paid, paid._replace(webhook_id="w-2"), other, refund, refund)
    assert answers == ["applied", "duplicate", "duplicate", "conflict", "applied", "duplicate"]
    assert shop.pending() == {}


def test_one_bad_event_harms_no_other_of_its_group(shop: Shop) -> None:
    unknown = shop.paid("A-2", items=[{"sku": "NO-SUCH", "quantity": 1, "amount": 5}])
    junk = IncomingEvent("w-junk", "order.paid", "", ["not an object"])
    strange = IncomingEvent("w-strange", "order.exploded", "", {"order_id": "A-9"})
    results = shop.tell(shop.paid("A-1"), unknown, junk, strange, shop.completed("A-2"), shop.paid("A-3"))
    assert [result.status for result in results] == ["applied", "refused", "refused", "refused", "waiting", "applied"]
    assert results[1].errors == (("items[0].sku", "is not known"),)
    assert results[3].errors[0].field == "type"
    assert shop.pending()["chen"] == 2000


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"items": []}, "items"),
        ({"items": None}, "items"),
        ({"items": [{"sku": "SERUM", "quantity": 0, "amount": 1}]}, "items[0].quantity"),
        ({"items": [{"sku": "SERUM", "quantity": True, "amount": 1}]}, "items[0].quantity"),
        ({"items": [{"sku": "SERUM", "quantity": 1, "amount": -1}]}, "items[0].amount"),
        ({"items": [{"sku": "SERUM", "quantity": 1, "amount": 1.0}]}, "items[0].amount"),
        ({"items": [{"sku": "SERUM", "quantity": 1, "amount": 2**63}]}, "items[0].amount"),
        ({"items": [{"sku": "SERUM", "quantity": 1, "amount": 1}] * 2}, "items[1].sku"),
        ({"items": [{"sku": "NUL\0", "quantity": 1, "amount": 1}]}, "items[0].sku"),
        ({"buyer_id": "\ud800"}, "buyer_id"),
        ({"currency": "cny"}, "currency"),
        ({"currency": "USD"}, "currency"),
        ({"paid_at": "2026-11-23T02:00:00"}, "paid_at"),
        ({"paid_at": "2026-11-23T02:00:00.5e3Z"}, "paid_at"),
        ({"shipping": "1200"}, "shipping"),
        ({"ref": 7}, "ref"),
        ({"order_id": ""}, "order_id"),
    ],
)
def test_b1_a_wrong_field_is_refused_by_name(small_shop: Shop, change: dict[str, object], field: str) -> None:
    event = small_shop.paid("A-1")
    assert isinstance(event.data, dict)
    [result] = small_shop.tell(event._replace(data=event.data | change))
    assert result.status == "refused"
    assert [error.field for error in result.errors] == [field]
    assert [event.errors for event in refused_events(small_shop.db)] == [result.errors]


def test_b1_what_no_database_can_keep_is_kept_readable(shop: Shop) -> None:
    bad = IncomingEvent("w\0", "order.\ud800", "", {"order_id": "\ud800", "x": float("nan"), "y": 10**5000})
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    results = shop.tell(bad, IncomingEvent("w-deep", "order.paid", "", deep), shop.paid("A-1"))
    assert [result.status for result in results] == ["refused", "refused", "applied"]
    assert {event.webhook_id for event in refused_events(shop.db)} == {r"'w\x00'", "w-deep"}


def test_a_refused_event_is_judged_anew_and_leaves_the_list_when_it_comes_right(shop: Shop) -> None:
    event = shop.paid("A-1", items=[{"sku": "CREAM", "quantity": 1, "amount": 100}])
    assert statuses(shop, event, event) == ["refused", "refused"]
    assert len(refused_events(shop.db)) == 1
    assert [alert.words.params["order_id"] for alert in open_alerts(shop.db)] == ["A-1"]
    goods(shop.db, shop.now, {"sku": "CREAM", "currency": CNY})
    assert statuses(shop, event) == ["applied"]
    assert refused_events(shop.db) == []
    assert open_alerts(shop.db) == []


def test_an_operator_retries_what_was_refused(small_shop: Shop) -> None:
    shop = small_shop
    shop.tell(shop.paid("A-1", items=[{"sku": "CREAM", "quantity": 1, "amount": 100}]))
    [refused] = refused_events(shop.db)

    def retry() -> str:
        return retry_event(shop.db, refused.id, now=shop.now, settlement_currency=CNY).status

    shop.now += timedelta(hours=5)
    assert retry() == "refused"
    [still] = refused_events(shop.db)
    assert (still.id, still.received_at) == (refused.id, refused.received_at)
    goods(shop.db, shop.now, {"sku": "CREAM", "currency": CNY})
    assert retry() == "applied"
    with pytest.raises(NotFound):
        retry()


def test_a_flood_of_refused_events_is_not_a_flood_of_alerts(small_shop: Shop) -> None:
    for number in range(60):
        small_shop.tell(small_shop.paid(f"A-{number}", items=[]))
    assert len(refused_events(small_shop.db)) == 60
    assert 20 <= len(open_alerts(small_shop.db)) <= 22


def test_events_wait_for_their_payment_and_are_applied_in_the_order_they_came(shop: Shop) -> None:
    early = [shop.completed("A-1"), shop.refunded("A-1", "R-1", 10_000, 1), shop.completed("A-1", days=3)]
    assert statuses(shop, *early) == ["waiting", "waiting", "conflict"]
    assert statuses(shop, early[0]) == ["duplicate"]
    assert statuses(shop, shop.paid("A-1")) == ["applied"]
    assert shop.order().state == "refunded"
    assert shop.order().completed_at is not None
    assert shop.pending() == {}


def test_a_waiting_event_that_proves_invalid_is_listed_and_the_payment_stands(shop: Shop) -> None:
    shop.tell(shop.refunded("A-1", "R-1", 99_999), shop.completed("A-1"))
    assert statuses(shop, shop.paid("A-1")) == ["applied"]
    [listed] = refused_events(shop.db)
    assert (listed.type, listed.waited, listed.errors[0].field) == ("order.refunded", True, "items[0].amount")
    assert shop.pending()["chen"] == 1000
    assert shop.order().state == "completed"
    assert statuses(shop, shop.refunded("A-1", "R-1", 10_000)) == ["applied"]  # the shop corrects itself


def test_an_event_before_its_payment_in_the_same_group_waits_for_it(shop: Shop) -> None:
    assert statuses(shop, shop.cancelled("A-1"), shop.paid("A-1")) == ["waiting", "applied"]
    assert shop.order().state == "cancelled"
    kept = shop.db.execute(select(OrderEvent.type, OrderEvent.status).order_by(OrderEvent.id)).all()
    assert [tuple(row) for row in kept] == [("order.cancelled", "applied"), ("order.paid", "applied")]


def test_a_large_group_is_taken_in_like_one_by_one(small_shop: Shop) -> None:
    events = [small_shop.paid(f"A-{number}", buyer_id=f"u-{number % 7}") for number in range(150)]
    small_shop.happens(*events)
    assert small_shop.balances("chen").pending == 150_000


def test_without_a_plan_nobody_earns_and_the_operator_is_told(db: object, now: object) -> None:
    shop = Shop(db, now, plan="")  # type: ignore[arg-type]
    shop.happens(shop.paid("A-1"))
    assert shop.order().commissions == ()
    assert shop.order().credited == "chen"
    assert [alert.key for alert in open_alerts(shop.db)] == ["no_plan"]
    shop.publish('name = "first"\nbase = "price"\nlevels_bp = [1000]', days=1)
    assert open_alerts(shop.db) == []
