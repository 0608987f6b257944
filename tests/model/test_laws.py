"""The model held against laws that any right reading of the rules obeys; and its histories, which must be lively."""

import tomllib
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.model.histories import History, describe, histories, plan_toml, seeded_history
from tests.model.makings import Dice, hour, some_payment, some_plan, some_product, some_refunds
from tests.model.oracle import World
from tests.model.rules import Values, instant


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow])


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
    items = [{"sku": sku, "quantity": pieces[sku], "amount": money[sku]} for sku in money]
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
    heard = [seeded_history(seed) for seed in range(500)]
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
    assert answers["applied"] >= 0.70 * sum(answers.values())
    assert with_commissions >= 0.80 * len(heard)
    assert len(touched) >= 45
    assert {name: times for name, times in touched.items() if times < 0.04 * len(heard)} == {}


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
