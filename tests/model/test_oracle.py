"""The model itself, held against sums done by hand."""

from collections import Counter
from typing import Any

import pytest

from tests.model.makings import hour
from tests.model.oracle import Answer, World
from tests.model.rules import Values

PLAN: Values = {
    "name": "by hand", "base": "margin", "levels_bp": [4000, 1500, 500], "max_margin_share_bp": 6000, "freeze_days": 7,
    "binding": {"policy": "last", "days": 30}, "self_purchase": "hold", "compression": "none",
    "self_set_min_level1_bp": 1000, "product": {"SERUM": {"levels_bp": [4500, 0, 500]}},
    "tier": {"gold": {"bonus_bp": 300}},
}  # fmt: skip


class Shop:
    """A world in which ann sponsors ben, ben sponsors cyd, and cyd sells a serum of 12,900 that costs 9,000."""

    def __init__(self, **plan: Any) -> None:
        self.world = World()
        self.calls = 0
        self.publish(0, 0, **plan)
        self.do("put_products", items=[{"sku": "SERUM", "price": 12900, "cost": 9000, "currency": "CNY"},
                                       {"sku": "TEA", "price": 1000, "cost": 600, "currency": "CNY"},
                                       {"sku": "GIFT", "price": 500, "currency": "CNY"}])  # fmt: skip
        self.do("put_members", items=[{"member_id": "cyd", "role": "distributor", "sponsor_id": "ben"},
                                      {"member_id": "ben", "role": "merchant", "sponsor_id": "ann"},
                                      {"member_id": "ann", "role": "merchant"}])  # fmt: skip
        for member_id in ("ann", "ben", "cyd"):
            self.do("make_link", member_id=member_id, sku="TEA")

    def do(self, step: str, at: int = 0, **fields: Any) -> Answer:
        return self.world.apply({"step": step, "clock": hour(at), **fields})

    def publish(self, at: int, start: int, **plan: Any) -> int:
        fields = {"from": hour(start), "plan": {**PLAN, **plan}}
        return self.world.apply({"step": "publish_plan", "clock": hour(at), **fields}).code

    def put(self, member_id: str, **fields: Any) -> None:
        assert self.do("put_members", items=[{"member_id": member_id, **fields}]).results == ("updated",)

    def tell(
        self, kind: str, order_id: str = "A", at: int = 1, webhook_id: str | None = None, **data: Any
    ) -> str | int:
        """Send an event; the status that it is answered with, or the number of a refusal."""
        self.calls += 1
        time = {"paid": "paid_at", "completed": "completed_at"}.get(kind, "at")
        body = {"type": f"order.{kind}", "data": {"order_id": order_id, time: hour(at), **data}}
        answer = self.do("event", at, id=webhook_id or f"w-{self.calls}", body=body)
        return answer.status or answer.code

    def pay(self, *items: tuple[str, int, int], ref: str | None = "cyd", **more: Any) -> str | int:
        lines = [{"sku": sku, "quantity": quantity, "amount": amount} for sku, quantity, amount in items]
        more |= {"ref": {"member": ref}} if ref else {}
        return self.tell("paid", **{"currency": "CNY", "items": lines or [line("TEA", 10, 10000)], **more})

    def refund(self, *items: tuple[str, int, int], refund_id: str = "r-1", **more: Any) -> str | int:
        lines = [line(*each) for each in items]
        return self.tell("refunded", refund_id=refund_id, items=lines, **more)

    def settle(self, at: int) -> int | None:
        return self.do("settle", at, as_of=hour(at)).amount

    def earned(self, order_id: str = "A") -> dict[str, int]:
        """What is due now of the order, by member."""
        due: Counter[str] = Counter()
        for each in self.world.commissions(order_id):
            due[each["member_id"]] += each["amount"] - each["reversed"]
        return dict(due)

    def states(self, order_id: str = "A") -> set[str]:
        return {each["state"] for each in self.world.commissions(order_id)}


def line(sku: str, quantity: int, amount: int) -> Values:
    return {"sku": sku, "quantity": quantity, "amount": amount}


# Sums done by hand


def test_three_levels_earn_on_the_margin_with_the_products_own_rates_and_the_tier_bonus() -> None:
    shop = Shop()
    shop.put("cyd", tier="gold")
    shop.pay(("SERUM", 2, 25800), ("TEA", 1, 999))
    # serum: margin 25800 - 2 x 9000 = 7800; 4500 + 300 bp = 3744; level 2 is 0; 500 bp = 390; together 4134 <= 4680
    # tea: margin 999 - 600 = 399; 4300 bp = 171.57; 1500 bp = 59.85; 500 bp = 19.95; 171 + 59 + 19 = 249
    # cap 6000 bp of 399 = 239 < 249: 239 x 171 / 249 = 164.1; 239 x 59 / 249 = 56.6; 239 x 19 / 249 = 18.2
    rows = [
        (c["sku"], c["level"], c["member_id"], c["base"], c["rate_bp"], c["amount"])
        for c in shop.world.commissions("A")
    ]
    assert rows == [
        ("SERUM", 1, "cyd", 7800, 4800, 3744),
        ("SERUM", 3, "ann", 7800, 500, 390),
        ("TEA", 1, "cyd", 399, 4300, 164),
        ("TEA", 2, "ben", 399, 1500, 56),
        ("TEA", 3, "ann", 399, 500, 18),
    ]


def test_without_a_cost_the_margin_pays_nothing_and_the_price_pays_unguarded() -> None:
    on_margin, on_price = Shop(), Shop(base="price")
    on_margin.pay(("GIFT", 1, 500))
    on_price.pay(("GIFT", 1, 500))
    assert on_margin.earned() == {}
    assert on_price.earned() == {"cyd": 200, "ben": 75, "ann": 25}  # 40, 15 and 5 per cent of 500


def test_money_back_with_the_goods_kept_takes_more_than_the_later_return_of_goods() -> None:
    shop = Shop()
    shop.pay(("TEA", 10, 10000))
    # margin 10000 - 6000 = 4000: 1600, 600, 200; together 2400 = the cap of 6000 bp
    assert shop.earned() == {"cyd": 1600, "ben": 600, "ann": 200}
    shop.refund(("TEA", 0, 3000), refund_id="r-1")
    # margin 7000 - 6000 = 1000: 400, 150, 50
    assert shop.earned() == {"cyd": 400, "ben": 150, "ann": 50}
    shop.refund(("TEA", 4, 0), refund_id="r-2")
    # margin 7000 - 3600 = 3400: 1360, 510, 170
    assert shop.earned() == {"cyd": 1360, "ben": 510, "ann": 170}
    shop.refund(("TEA", 6, 0), refund_id="r-3")
    # margin 7000 - 0 = 7000 would give 2800: never more than at payment
    assert shop.earned() == {"cyd": 1600, "ben": 600, "ann": 200}
    assert shop.refund(("TEA", 0, 7001), refund_id="r-4") == 422
    shop.refund(("TEA", 0, 7000), refund_id="r-4")
    assert shop.earned() == {"cyd": 0, "ben": 0, "ann": 0}


def test_totals_are_converted_and_never_parts() -> None:
    shop = Shop(levels_bp=[4000], max_margin_share_bp=10000)
    assert shop.pay(("CREAM", 3, 1001), currency="USD") == 422  # unknown SKU
    cream = {"sku": "CREAM", "price": 400, "cost": 111, "currency": "JPY"}
    shop.do("put_products", items=[cream])
    shop.do("put_rates", items=[{"currency": "USD", "from": hour(0), "rate": "7.1234"}])
    assert shop.pay(("CREAM", 3, 1001), currency="USD") == 422  # no rate for the cost
    shop.do(
        "put_rates",
        items=[{"currency": "JPY", "from": hour(0), "rate": "4.85"}, {"currency": "JPY", "from": hour(2), "rate": "9"}],
    )
    assert shop.pay(("CREAM", 3, 1001), currency="USD") == "applied"
    # 1001 x 7.1234 = 7130.52 -> 7130; 333 x 4.85 = 1615.05 -> 1615; margin 5515; 4000 bp = 2206
    assert shop.earned() == {"cyd": 2206}
    shop.refund(("CREAM", 1, 334))
    # 667 x 7.1234 = 4751.31 -> 4751; 222 x 4.85 = 1076.7 -> 1076; margin 3675; 4000 bp = 1470
    assert shop.earned() == {"cyd": 1470}


@pytest.mark.parametrize(
    ("compression", "suspended", "earned"),
    [
        ("none", ["ben"], {"cyd": 1600, "ann": 200}),
        ("none", ["ben", "ann"], {"cyd": 1600}),
        ("pass_up", ["ben"], {"cyd": 1600, "ann": 600, "top": 200}),
        ("pass_up", ["ben", "ann"], {"cyd": 1600, "top": 600}),
    ],
)
def test_the_share_of_a_suspended_sponsor_stays_or_passes_up(
    compression: str, suspended: list[str], earned: dict[str, int]
) -> None:
    shop = Shop(compression=compression)
    shop.do("put_members", items=[{"member_id": "top", "role": "agent"}])
    shop.put("ann", sponsor_id="top")
    for member_id in suspended:
        shop.put(member_id, status="suspended")
    shop.pay()
    assert shop.earned() == earned


def test_the_guard_bites_from_the_first_cent_above_it() -> None:
    shop = Shop(max_margin_share_bp=5999)
    shop.pay()
    # 1600 + 600 + 200 = 2400; 5999 bp of 4000 = 2399.6 -> 2399; 2399 / 2400 of each: 1599.3, 599.8, 199.9
    assert shop.earned() == {"cyd": 1599, "ben": 599, "ann": 199}


def test_an_independent_seller_shares_with_nobody_above() -> None:
    shop = Shop()
    shop.put("cyd", mode="independent")
    shop.pay()
    assert shop.earned() == {"cyd": 1600}


@pytest.mark.parametrize(
    ("split", "earned"),
    [
        ([3000, 2000, 1000], {"cyd": 1200, "ben": 800, "ann": 400}),  # 6000 bp, as much as the plan's
        ([1000], {"cyd": 400}),  # filled with zeros
        ([999, 3000], {"cyd": 1600, "ben": 600, "ann": 200}),  # leaves too little to level 1
        ([3000, 2001, 1000], {"cyd": 1600, "ben": 600, "ann": 200}),  # more than the plan's
    ],
)
def test_the_nearest_self_set_split_replaces_the_rates_if_it_may(split: list[int], earned: dict[str, int]) -> None:
    shop = Shop()
    shop.put("ben", **{"class": "self_set_commission"}, split_bp=split)
    shop.put("ann", **{"class": "self_set_commission"}, split_bp=[1000, 1000, 1000])  # never asked
    shop.pay()
    assert shop.earned() == earned


def test_a_self_purchase_is_paid_held_or_keeps_level_1_from_earning() -> None:
    shops = {rule: Shop(self_purchase=rule, max_margin_share_bp=1000) for rule in ("pay", "hold", "none")}
    for shop in shops.values():
        shop.put("cyd", buyer_id="u-cyd")
        shop.pay(buyer_id="u-cyd")
    # the guard: 1000 bp of 4000 = 400 for 1600 + 600 + 200: 266.7, 100, 33.3; without level 1 for 600 + 200: 300, 100
    assert shops["pay"].earned() == shops["hold"].earned() == {"cyd": 266, "ben": 100, "ann": 33}
    assert shops["none"].earned() == {"ben": 300, "ann": 100}
    assert [shops[rule].states() for rule in ("pay", "hold", "none")] == [{"estimated"}, {"held"}, {"estimated"}]


def test_who_may_not_earn_from_an_own_purchase_still_sets_the_split_and_the_tier() -> None:
    shop = Shop(self_purchase="none")
    shop.put("cyd", **{"class": "self_set_commission"}, split_bp=[1000, 2000, 300], tier="gold", buyer_id="u-cyd")
    shop.pay(buyer_id="u-cyd")
    assert [(each["level"], each["rate_bp"], each["amount"]) for each in shop.world.commissions("A")] == [
        (2, 2000, 800),
        (3, 300, 120),
    ]


def test_what_comes_back_after_its_settlement_found_nothing_waits_for_the_next() -> None:
    shop = Shop(freeze_days=0)
    shop.pay()
    shop.refund(("TEA", 0, 5000), refund_id="r-1", at=2)  # margin 5000 - 6000: nothing
    shop.tell("completed", at=3)
    assert shop.do("settle", 4, as_of=hour(4)) == Answer(0, made_payable=0, amount=0)
    shop.refund(("TEA", 5, 0), refund_id="r-2", at=5)  # margin 5000 - 3000 = 2000: 800, 300, 100
    assert (shop.states(), shop.earned()) == ({"frozen"}, {"cyd": 800, "ben": 300, "ann": 100})
    assert shop.do("settle", 6, as_of=hour(6)) == Answer(0, made_payable=3, amount=1200)


def test_a_buyer_comes_back_to_the_member_of_the_running_binding() -> None:
    shop = Shop(levels_bp=[4000], binding={"policy": "protected", "days": 1})
    for order_id, at, ref in (("A", 1, "cyd"), ("B", 24, "ben"), ("C", 25, None), ("D", 26, "ben"), ("E", 27, None)):
        shop.pay(ref=ref, order_id=order_id, at=at, buyer_id="u-1")
    assert shop.earned("B") == {"cyd": 1600}  # protected, 23 hours after the binding
    assert shop.earned("C") == {}  # 24 hours after the binding it is over
    assert shop.earned("D") == shop.earned("E") == {"ben": 1600}
    shop.put("ben", status="closed")
    shop.pay(ref=None, order_id="F", at=28, buyer_id="u-1")
    shop.pay(ref="ann", order_id="G", at=29, buyer_id="u-1")
    assert shop.earned("F") == {}
    assert shop.earned("G") == {"ann": 1600}  # the binding to one who left stands in nobody's way
    shop.pay(ref=None, order_id="H", at=23, buyer_id="u-1")
    assert shop.earned("H") == {"cyd": 1600}  # a late order sees what was bound before it was paid


def test_settlement_waits_for_the_freeze_the_case_and_the_operator() -> None:
    shop = Shop()
    shop.pay()
    shop.tell("completed", at=10)
    shop.tell("case_closed", case_id="c-2", at=30)  # overtook its opening
    shop.tell("case_opened", case_id="c-1", at=20)
    shop.tell("case_opened", case_id="c-2", at=25)
    due = 10 + 7 * 24
    assert shop.states() == {"frozen"}
    assert shop.settle(due) == 0
    shop.tell("case_closed", case_id="c-1", at=due)
    assert shop.settle(due - 1) == 0
    shop.do("hold", due, order_id="A")
    assert (shop.states(), shop.settle(due)) == ({"held"}, 0)
    shop.do("release", due, order_id="A")
    assert (shop.states(), shop.settle(due)) == ({"frozen"}, 2400)
    assert (shop.states(), shop.settle(due)) == ({"payable"}, 0)
    assert shop.do("settle", due, as_of=hour(due + 1)).code == 1


def test_what_is_denied_after_payout_is_owed_and_netted_by_later_commissions() -> None:
    shop = Shop(freeze_days=0)
    shop.pay()
    shop.tell("completed", at=2)
    shop.settle(2)
    assert shop.do("pay_out", 3, member_id="cyd", amount=1600).code == 200
    shop.do("deny", 4, order_id="A")
    assert shop.world.balances("cyd") == {"pending": 0, "payable": 0, "owed": 1600, "withdrawn": 1600}
    assert shop.world.balances("ben") == {"pending": 0, "payable": 0, "owed": 0, "withdrawn": 0}
    shop.refund(("TEA", 1, 1), at=5)
    assert shop.states() == {"reversed"}  # a refund brings nothing back that was denied
    shop.pay(("TEA", 11, 11000), order_id="B", at=6)  # margin 4400: 1760
    shop.tell("completed", order_id="B", at=7)
    shop.settle(7)
    assert shop.world.balances("cyd") == {"pending": 0, "payable": 160, "owed": 0, "withdrawn": 1600}


def test_a_cancellation_leaves_nothing_and_only_an_earlier_refund_may_still_come() -> None:
    shop = Shop()
    assert shop.tell("cancelled", at=10) == "waiting"
    assert shop.pay() == "applied"
    assert shop.earned() == {"cyd": 0, "ben": 0, "ann": 0}
    assert shop.refund(("TEA", 1, 1000), refund_id="r-1", at=10) == "applied"
    assert shop.refund(("TEA", 1, 1000), refund_id="r-2", at=11) == 422
    assert shop.tell("completed", at=12) == "applied"
    assert shop.states() == {"reversed"}


def test_repeated_waiting_and_contradicting_events_are_told_apart() -> None:
    shop = Shop()
    assert shop.refund(("TEA", 0, 10001), refund_id="r-1", webhook_id="w") == "waiting"
    assert shop.refund(("TEA", 0, 10001), refund_id="r-1", webhook_id="w") == "duplicate"
    assert shop.pay(("TEA", 10, 10000), ("GIFT", 1, 500), webhook_id="p") == "applied"
    assert [reason for _, _, reason in shop.world.listed] == ["more money or pieces refunded than paid for"]
    assert shop.pay(("GIFT", 1, 500), ("TEA", 10, 10000)) == "duplicate"  # the order of items does not count
    assert shop.pay(("TEA", 10, 9999), ("GIFT", 1, 500)) == 409
    assert shop.pay(order_id="B", webhook_id="p") == 409
    assert shop.tell("completed", at=5) == "applied"
    assert shop.tell("completed", at=5) == "duplicate"
    assert shop.tell("completed", at=6) == 409


def test_plans_rates_and_people_are_those_of_the_payment() -> None:
    shop = Shop()
    shop.pay()
    assert shop.publish(5, 1, levels_bp=[1000]) == 1  # an order was paid at that time
    assert shop.publish(5, 2, levels_bp=[1000]) == 0
    shop.put("cyd", sponsor_id=None)
    shop.do("put_products", items=[{"sku": "TEA", "cost": 999}])
    shop.refund(("TEA", 5, 5000))
    # margin 5000 - 3000 = 2000 by the cost, the rates and the people of the payment: 800, 300, 100
    assert shop.earned() == {"cyd": 800, "ben": 300, "ann": 100}
