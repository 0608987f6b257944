"""The model itself, held against sums done by hand and against laws that any right reading of the rules obeys."""

import tomllib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.model.histories import History, describe, histories, plan_toml
from tests.model.makings import Dice, hour, some_payment, some_plan, some_product, some_refunds
from tests.model.oracle import Answer, World
from tests.model.rules import Values, instant


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow])


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
    ("compression", "earned"),
    [("none", {"cyd": 1600, "ann": 200}), ("pass_up", {"cyd": 1600, "ann": 600, "top": 200})],
)
def test_the_share_of_a_suspended_sponsor_stays_or_passes_up(compression: str, earned: dict[str, int]) -> None:
    shop = Shop(compression=compression)
    shop.do("put_members", items=[{"member_id": "top", "role": "agent"}])
    shop.put("ann", sponsor_id="top")
    shop.put("ben", status="suspended")
    shop.pay()
    assert shop.earned() == earned


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


# Laws


@examples(80)
@given(histories(pay_outs=True))
def test_no_line_ever_pays_more_than_its_guard_nor_twice_on_a_level(history: History) -> None:
    world = World()
    for step in history:
        world.apply(step)
        assert_sound(world)
    assert describe(history).count("\n") >= len(history)


def assert_sound(world: World) -> None:
    for order_id, order in world.orders.items():
        rows = world.commissions(order_id)
        assert len({(each["sku"], each["level"]) for each in rows}) == len(rows)
        for each in rows:
            assert 0 <= each["reversed"] <= each["amount"] != 0
        for line in order.lines:
            if line.cost is not None and order.plan is not None:
                paid, quantity = line.paid - line.refunded, line.quantity - line.returned
                for money, pieces, mine in ((line.paid, line.quantity, "amount"), (paid, quantity, "left")):
                    margin = max(0, int(money * line.paid_rate) - int(line.cost * pieces * line.cost_rate))
                    given_away = sum(getattr(each, mine) for each in order.commissions if each.line is line)
                    assert given_away * 10000 <= margin * order.plan["max_margin_share_bp"]


@examples(60)
@given(histories())
def test_a_full_refund_of_everything_leaves_exactly_nothing(history: History) -> None:
    world = after(history)
    last = instant(history[-1]["clock"])
    for order_id in world.orders:
        data = {"order_id": order_id, "at": last.isoformat()}
        event = {"step": "event", "clock": last.isoformat(), "id": f"end-{order_id}"}
        assert world.apply({**event, "body": {"type": "order.cancelled", "data": data}}).status == "applied"
    for member_id in world.members:
        assert world.balances(member_id) == {"pending": 0, "payable": 0, "owed": 0, "withdrawn": 0}


@examples(60)
@given(histories())
def test_everything_told_again_changes_nothing(history: History) -> None:
    world = World()
    remembered = [step for step in history if world.apply(step).status is not None]
    before = seen(world)
    for number, step in enumerate(remembered):
        assert world.apply({**step, "clock": history[-1]["clock"]}).status == "duplicate"
        fact = world.fact(step["body"]["type"], step["body"]["data"])
        if fact is not None:
            assert world.apply({**step, "id": f"again-{number}"}).status == "duplicate"
    assert seen(world) == before


@st.composite
def orders_with_events(draw: Callable[[Any], Any]) -> tuple[list[Values], list[Values]]:
    """The events of one order in the order of their times, and the same in any order."""
    dice = Dice(draw)
    plan = some_plan(dice, "any", ["P-1", "P-2"])
    plan |= {"binding": {"policy": "last", "days": 30}}
    products = [some_product(dice, sku) | {"currency": "CNY"} for sku in ("P-1", "P-2")]
    known = {each["sku"]: each for each in products}
    data = some_payment(dice, "A-1", 1, {"m-1": "u-1"}, known)
    data["currency"] = "CNY"
    told: list[tuple[str, str, Values]] = [("order.paid", "paid_at", data), ("order.completed", "completed_at", {})]
    told += [("order.refunded", "at", refund) for refund in some_refunds(dice, data["items"])]
    if dice.chance(25):
        told.insert(dice.between(2, len(told)), ("order.cancelled", "at", {}))
    told += [("order.case_opened", "at", {"case_id": "c"}), ("order.case_closed", "at", {"case_id": "c"})]
    events: list[Values] = []
    for number, (kind, time, detail) in enumerate(told):
        body = {"type": kind, "data": {"order_id": "A-1", time: hour(number + 1), **detail}}
        events.append({"step": "event", "clock": hour(99), "id": f"w-{number}", "body": body})
    start: list[Values] = [
        {"step": "put_products", "clock": hour(0), "items": products},
        {"step": "put_members", "clock": hour(0), "items": [{"member_id": "m-1", "role": "agent", "buyer_id": "u-1"}]},
        {"step": "make_link", "clock": hour(0), "member_id": "m-1", "sku": "P-1"},
        {"step": "publish_plan", "clock": hour(0), "from": hour(0), "plan": plan},
    ]
    settlement: Values = {"step": "settle", "clock": hour(999), "as_of": hour(999)}
    shuffled = dice.shuffled(events)
    shuffled.insert(dice.between(0, len(shuffled)), settlement)
    return [*start, *events, settlement], [*start, *shuffled, settlement]


@examples(150)
@given(orders_with_events())
def test_the_order_in_which_events_arrive_does_not_matter_after_the_next_settlement(
    both: tuple[History, History],
) -> None:
    in_time, in_any_order = after(both[0]), after(both[1])
    assert in_time.balances("m-1") == in_any_order.balances("m-1")


@examples(150)
@given(orders_with_events())
def test_refunds_in_parts_are_worth_one_refund_of_their_sum(both: tuple[History, History]) -> None:
    in_parts = both[0]
    money: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    others = []
    for step in in_parts:
        if step["step"] == "event" and step["body"]["type"] == "order.refunded":
            for item in step["body"]["data"]["items"]:
                money[item["sku"]] += item["amount"]
                pieces[item["sku"]] += item["quantity"]
        else:
            others.append(step)
    items = [line(sku, pieces[sku], money[sku]) for sku in money]
    body = {"type": "order.refunded", "data": {"order_id": "A-1", "refund_id": "all", "at": hour(2), "items": items}}
    once = {"step": "event", "clock": hour(99), "id": "w-all", "body": body}
    paid = next(n for n, step in enumerate(others) if step["step"] == "event") + 1
    assert after(in_parts).balances("m-1") == after([*others[:paid], once, *others[paid:]]).balances("m-1")


def test_a_plan_survives_its_file() -> None:
    @examples(50)
    @given(st.composite(lambda draw: some_plan(Dice(draw), 'a "plan"\n方案', ["P-1", "P 2.5"]))())
    def same(plan: Values) -> None:
        assert tomllib.loads(plan_toml(plan)) == plan

    same()


def test_histories_are_lively() -> None:
    heard: list[History] = []

    @settings(examples(200), derandomize=True, database=None, phases=[Phase.generate])
    @given(histories())
    def listen(history: History) -> None:
        heard.append(history)

    listen()
    answers: Counter[str | int] = Counter()
    touched: Counter[str] = Counter()
    with_commissions = 0
    for history in heard:
        world = World()
        for step in history:
            answer = world.apply(step)
            answers[answer.status or answer.code] += step["step"] == "event"
        touched.update(world.touched)
        with_commissions += any(order.commissions for order in world.orders.values())
    assert answers["applied"] >= 0.65 * sum(answers.values())
    assert with_commissions >= 0.75 * len(heard)
    assert len(touched) >= 45
    assert {name: times for name, times in touched.items() if times < 0.02 * len(heard)} == {}


def after(history: History) -> World:
    world = World()
    for step in history:
        world.apply(step)
    return world


def seen(world: World) -> Any:
    """All that the shop would show."""
    return (
        {order_id: world.commissions(order_id) for order_id in world.orders},
        {member_id: world.balances(member_id) for member_id in world.members},
        len(world.listed),
    )
