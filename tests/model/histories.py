"""Made-up but lively histories of a shop: people, plans, sales, refunds, quarrels and clumsy repetitions.

A `History` is a list of steps, plain dicts in the shape of the published interface. Each has `"clock"`, the time at
which it happens (never going back; all times in a step are at or before it, except the `from` of plans and the year
2999), and all of them lie between January 2026 and the autumn of that year:

| step | fields | to be done as |
|---|---|---|
| put_members, put_products, put_rates | items | `PUT /api/v1/members`, `/products`, `/rates` |
| make_link | member_id, sku | `POST /api/v1/links`; some are to be refused |
| publish_plan | from, plan | `fenxiao plan publish --from FROM --accept-guard` with `plan_toml(plan)`; some refused |
| event | id, body | `POST /hooks/shop`; `id` is the `webhook-id`, signed at `clock` |
| settle | as_of | `fenxiao settle --as-of AS_OF`; the year 2999 is to be refused |
| hold, release, deny | order_id, reason | `POST /api/v1/orders/{order_id}/hold` and so on; 404 for an unknown order |
| pay_out | member_id, amount, currency | a withdrawal asked for, approved and paid; only with `pay_outs=True` |

In an event's body `"ref": {"member": "m-3"}` stands for the code that the first successful `make_link` of that member
gave, also if the member has been suspended since; the same member always stands for the same code. A ref that is a
text is sent as it is: no such code exists. A rate is only ever put for a currency other than the settlement currency.

Every step of a history is one that the rules decide (see `doubts.py`): `World().apply(step)` gives its answer, and
`commissions` and `balances` what must be seen after it. `describe(history)` tells it all for people.
"""

import heapq
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.model.doubts import doubt
from tests.model.makings import (
    Dice,
    SeededDice,
    hour,
    some_class,
    some_member,
    some_parcel,
    some_payment,
    some_plan,
    some_product,
    some_refunds,
    text_of,
)
from tests.model.oracle import Answer, Step, World
from tests.model.rules import EARNING_ROLES, Values, instant

History = list[Step]

LONG_AFTER = 24 * 20  # hours; longer than any freeze
ONCE_ONLY = ("order.paid", "order.completed", "order.refunded")
NEVER = "2999-01-01T00:00:00Z"
MEMBER_CHANGES = (
    "suspend", "suspend", "suspend", "activate", "sponsor", "class", "tier",
    "mode", "buyer", "role", "join", "cycle", "close", "sponsor",
)  # fmt: skip
PLAN_TABLES = ("brand", "category", "product", "tier", "margin", "compliance")


@st.composite
def histories(draw: Callable[[Any], Any], pay_outs: bool = False) -> History:
    """Histories of one small shop over some months; with `pay_outs` members take their money, and may come to owe."""
    return Story(Dice(draw), pay_outs).tell()


def seeded_history(seed: int, pay_outs: bool = False) -> History:
    """The history of that number: always the same one, and more varied in a row than Hypothesis draws them."""
    return Story(SeededDice(seed), pay_outs).tell()


class Story:
    """Tells one history: plans what happens when, then lets it happen in the order of arrival, watched by a `World`."""

    def __init__(self, dice: Dice, pay_outs: bool) -> None:
        self.dice, self.pay_outs = dice, pay_outs
        self.world = World()
        self.steps: History = []
        self.coming: list[tuple[int, int, str, Any]] = []  # hour, sequence, what, with what
        self.now = self.planned = self.webhooks = 0
        self.people: list[str] = []
        self.paid_hours: list[int] = []

    def tell(self) -> History:
        dice = self.dice
        self._found_the_shop()
        last = self._plan_orders(dice.pick((4, 3, 5, 6, 2, 7, 5)))
        for what, least, most, end in (
            ("member changes", 0, 5, last),
            ("product changes", 0, 1, last),
            ("plan changes", 0, 2, last),
            ("rate changes", 0, 1, last),
            ("settlement", 2, 5, last + 24 * 14),
            ("decision", 0, 4, last + 24 * 18),
            ("late return", 0, 2, last + 24 * 18),
        ):
            for _ in range(dice.between(least, most)):
                self._at(dice.between(end // 8, end), what)
        while self.coming:
            self.now, _, what, detail = heapq.heappop(self.coming)
            getattr(self, "_" + what.replace(" ", "_"))(detail)
        self.now += LONG_AFTER
        self._do({"step": "settle", "as_of": hour(self.now)})
        return self.steps

    def _at(self, when: int, what: str, detail: Any = None) -> None:
        self.planned += 1
        heapq.heappush(self.coming, (max(when, self.now), self.planned, what, detail))

    def _do(self, step: Step) -> Answer | None:
        """Let a step happen unless the rules leave it open; None if they do."""
        step = {"step": step["step"], "clock": hour(self.now), **step}
        if doubt(self.world, step) is not None:
            return None
        self.steps.append(step)
        return self.world.apply(step)

    # Before the first order

    def _found_the_shop(self) -> None:
        dice = self.dice
        items = [some_product(dice, f"P-{number}") for number in range(1, dice.between(2, 4) + 1)]
        self._do({"step": "put_products", "items": items})
        self.skus = list(self.world.products)
        rates = [{"currency": "USD", "from": hour(0), "rate": dice.pick(("7.1", "7.0834", "6.999999"))}]
        if dice.chance(30):
            self._at(dice.between(30, 300), "late rate")
        else:
            rates.append({"currency": "JPY", "from": hour(0), "rate": "4.8"})
        self._do({"step": "put_rates", "items": rates})
        self._publish(dice.between(1, 60) if dice.chance(14) else 0)
        members: list[Values] = []
        for number in range(1, dice.pick((5, 3, 4, 6, 8, 1, 12, 2, 7, 4, 9, 5)) + 1):
            sponsors = [each["member_id"] for each in members if each["role"] in EARNING_ROLES]
            members.append(some_member(dice, number, sponsors, self.world.products))
        self.people = [each["member_id"] for each in members]
        self._do({"step": "put_members", "items": dice.shuffled(members)})  # a sponsor may come after its downline
        for member_id in self.people:
            self._link(member_id)
        if dice.chance(10):
            self._at(0, "member changes", "suspend")

    def _link(self, member_id: str) -> None:
        """Make the member's code, and now and then try for one that must be refused."""
        for sku in self.skus:
            in_vain = not self._may_link(member_id, sku)
            if not in_vain or self.dice.chance(12):
                self._do({"step": "make_link", "member_id": member_id, "sku": sku})
            if not in_vain:
                return

    def _may_link(self, member_id: str, sku: str) -> bool:
        trial = World()
        trial.members, trial.products = self.world.members, self.world.products
        step = {"step": "make_link", "clock": hour(self.now), "member_id": member_id, "sku": sku}
        return trial.apply(step).code == 200

    def _publish(self, start: int) -> None:
        plan = some_plan(self.dice, f"plan {len(self.world.plans) + 1}", self.skus)
        self._do({"step": "publish_plan", "from": hour(start), "plan": plan})

    # Orders: what happens to them, and when word of it arrives

    def _plan_orders(self, size: int) -> int:
        when = 0
        for number in range(1, size + 1):
            when += self.dice.pick((24, 1, 5, 24, 168, 20, 24, 720))  # exact days too: the edges of the windows
            self.paid_hours.append(when)
            self._plan_order(f"A-{number}", when)
        return when

    def _plan_order(self, order_id: str, paid: int) -> None:
        dice = self.dice
        buyers = {member_id: self.world.members[member_id]["buyer_id"] for member_id in self.people[::-1]}
        sellers = {member_id: buyer_id for member_id, buyer_id in buyers.items() if member_id in self.world.linked}
        products = {sku: self.world.products[sku] for sku in self.skus}
        data = some_payment(dice, order_id, paid, sellers, products)
        if dice.chance(3):
            data["items"].append({"sku": "P-late", "quantity": 1, "amount": 4000})
            self._at(paid + dice.pick((10, 90)), "late product")
        if dice.chance(2):
            data["items"][0]["amount"] = -1
        events = [(paid, "order.paid", data), *self._some_events(paid, data)]
        cancelled = any(kind == "order.cancelled" for _, kind, _ in events)
        too_much = any(detail.get("refund_id") == "r-x" for _, _, detail in events)
        if dice.chance(60 if cancelled or too_much else 15):
            last = max(at for at, _, _ in events)
            arrivals = [last + place for place in dice.shuffled(range(len(events)))]
        else:
            arrivals = [at + (dice.pick((30, 1, 5, 100, 400)) if dice.chance(12) else 0) for at, _, _ in events]
        for (at, kind, detail), arrival in zip(events, arrivals, strict=True):
            time = {"order.paid": "paid_at", "order.completed": "completed_at"}.get(kind, "at")
            body = {"type": kind, "timestamp": hour(at), "data": {"order_id": order_id, time: hour(at), **detail}}
            step = {"step": "event", "id": self._webhook_id(), "body": body}
            self._at(arrival, "event", step)
            if dice.chance(12):
                again = dice.pick(("same", "same", "same id other content", "new id", "new id other content"))
                self._at(arrival + dice.pick((0, 1, 50, 300)), "repetition", (step, again, cancelled))

    def _some_events(self, paid: int, data: Values) -> list[tuple[int, str, Values]]:
        dice = self.dice
        events: list[tuple[int, str, Values]] = []
        refunds = some_refunds(dice, data["items"])
        if dice.chance(82):
            completed = paid + dice.pick((24, 48, 100, 240))
            events.append((completed, "order.completed", {}))
        for refund in refunds:
            events.append((paid + dice.pick((2, 40, 150, 400)), "order.refunded", refund))
        if dice.chance(18):
            opened = paid + dice.pick((10, 60, 200))
            events.append((opened, "order.case_opened", {"case_id": "case-1"}))
            if dice.chance(70):
                events.append((opened + dice.pick((1, 100, 400)), "order.case_closed", {"case_id": "case-1"}))
        if dice.chance(14):
            last = max([at for at, kind, _ in events if kind == "order.refunded"], default=paid + 30)
            return [*events, (dice.pick((last, paid + 30, paid + 500)), "order.cancelled", {})]
        # What follows would be open to doubt together with a cancellation
        if dice.chance(6) and events and events[0][1] == "order.completed":
            events.append((events[0][0] + 1, "order.completed", {}))
        if dice.chance(10):
            item = data["items"][0]
            too_much = dice.pick(({**item, "amount": item["amount"] + 1}, {**item, "quantity": item["quantity"] + 1}))
            events.append((paid + dice.pick((4, 300)), "order.refunded", {"refund_id": "r-x", "items": [too_much]}))
        if dice.chance(12):
            events.append((paid + 5, "order.shipped", {"parcels": [some_parcel(data)]}))
            events.append((paid + 30, "order.delivered", {}))
        return events

    def _webhook_id(self) -> str:
        self.webhooks += 1
        return f"msg_{self.webhooks}"

    # What happens when its time has come

    def _event(self, step: Step) -> None:
        data = step["body"]["data"]
        answer = self._do(step)
        if answer is None and step["body"]["type"] == "order.paid" and "buyer_id" in data:
            del data["buyer_id"]  # without a buyer nothing is left open
            answer = self._do(step)
        paid = step["body"]["type"] == "order.paid"
        if answer is not None and answer.code == 422 and self.dice.chance(80 if paid else 25):
            self._at(self.now + self.dice.pick((150, 300)), "second try", step)

    def _second_try(self, step: Step) -> None:
        self._do(step)

    def _repetition(self, detail: tuple[Step, str, bool]) -> None:
        step, again, cancelled = detail
        body, kind = step["body"], step["body"]["type"]
        data = dict(reversed(body["data"].items()))
        if "items" in data:
            data["items"] = self.dice.shuffled(data["items"])
        if kind not in ONCE_ONLY or (cancelled and kind == "order.completed"):
            again = again.replace("new id", "same id")
        if again.endswith("other content"):
            time = {"order.completed": "completed_at"}.get(kind, "at")
            if kind == "order.paid":
                data["shipping"] += 1
            else:
                data[time] = text_of(instant(data[time]) - timedelta(minutes=1))
        webhook_id = self._webhook_id() if again.startswith("new id") else step["id"]
        self._do({"step": "event", "id": webhook_id, "body": {**body, "data": data}})

    def _late_rate(self, _: None) -> None:
        self._do({"step": "put_rates", "items": [{"currency": "JPY", "from": hour(0), "rate": "4.8125"}]})

    def _late_product(self, _: None) -> None:
        self._do({"step": "put_products", "items": [some_product(self.dice, "P-late")]})

    def _rate_changes(self, _: None) -> None:
        start = max(1, self.now - self.dice.pick((0, 30, 300)))
        rate = self.dice.pick(("7.25", "6.5", "7.000001"))
        self._do({"step": "put_rates", "items": [{"currency": "USD", "from": hour(start), "rate": rate}]})

    def _product_changes(self, _: None) -> None:
        sku = self.dice.pick(self.skus)
        price = self.world.products[sku]["price"]
        changes = (
            {"cost": price * 70 // 100},
            {"cost": price + 1},
            {"cost": None},
            {"brand": "KOTO"},
            {"on_shelf": False},
        )
        self._do({"step": "put_products", "items": [{"sku": sku, **self.dice.pick(changes)}]})

    def _plan_changes(self, _: None) -> None:
        ahead = [paid for paid in self.paid_hours if paid > self.now]
        if ahead and self.dice.chance(80):
            self._publish(self.dice.pick(ahead))  # from the very moment of a payment
        else:
            self._publish(max(1, self.now - self.dice.pick((10, 100))))

    def _member_changes(self, what: str | None) -> None:
        dice, members = self.dice, self.world.members
        what = what or dice.pick(MEMBER_CHANGES)
        if what in ("suspend", "close") and len(self.people) < 3:
            what = "tier"  # somebody has to go on selling
        if what == "join":
            item = some_member(dice, len(self.people) + 1, self._earners(), self.world.products)
            self.people.append(item["member_id"])
            self._do({"step": "put_members", "items": [item]})
            self._link(item["member_id"])
            return
        member_id = dice.pick(self.people)
        bound = sorted({bound for bindings in self.world.bindings.values() for _, bound in bindings})
        above = sorted({each["sponsor_id"] for each in members.values() if each["sponsor_id"]})
        if what == "suspend" and (bound or above):
            member_id = dice.pick([*bound, *bound, *bound, *above])
        if what == "activate":
            member_id = next((m for m in self.people if members[m]["status"] == "suspended"), member_id)
        self._do({"step": "put_members", "items": [{"member_id": member_id, **self._some_change(what, member_id)}]})

    def _earners(self) -> list[str]:
        return [member_id for member_id in self.people if self.world.members[member_id]["role"] in EARNING_ROLES]

    def _some_change(self, what: str, member_id: str) -> Values:
        dice, members = self.dice, self.world.members
        below = [each for each in self.people if members[each]["sponsor_id"] == member_id]
        changes: dict[str, Callable[[], Values]] = {
            "suspend": lambda: {"status": "suspended"},
            "activate": lambda: {"status": "active"},
            "close": lambda: {"status": "closed"},
            "sponsor": lambda: {"sponsor_id": dice.pick([*self._earners(), None])},
            "cycle": lambda: {"sponsor_id": dice.pick(below or [member_id])},
            "class": lambda: some_class(dice, self.world.products),
            "tier": lambda: {"tier": dice.pick((None, "gold", "silver"))},
            "mode": lambda: {"mode": "network" if members[member_id]["mode"] == "independent" else "independent"},
            "buyer": lambda: {"buyer_id": dice.pick((None, "c-1", "c-2"))},
            "role": lambda: {"role": dice.pick(("agent", "customer", "distributor"))},
        }
        return changes[what]()

    def _settlement(self, _: None) -> None:
        as_of = hour(max(0, self.now - (self.dice.pick((1, 24, 168)) if self.dice.chance(25) else 0)))
        now = instant(hour(self.now))
        due = [order.due_at for order in self.world.orders.values() if order.due_at is not None and order.due_at <= now]
        if due and self.dice.chance(30):
            as_of = text_of(max(due))  # the very moment at which something is due
        self._do({"step": "settle", "as_of": NEVER if self.dice.chance(4) else as_of})
        if self.pay_outs:
            self._at(self.now + 1, "pay out")

    def _late_return(self, _: None) -> None:
        """Everything that is left of an order comes back after its commissions have become payable."""
        orders = [
            order
            for order in self.world.orders.values()
            if any(each.settled and each.left for each in order.commissions)
        ]
        if not orders:
            return
        order = self.dice.pick(orders)
        goods = [
            {"sku": line.sku, "quantity": line.quantity - line.returned, "amount": line.paid - line.refunded}
            for line in order.lines
        ]
        refund = {"order_id": order.order_id, "refund_id": "r-all", "at": hour(self.now), "items": goods}
        body = {"type": "order.refunded", "timestamp": hour(self.now), "data": refund}
        self._do({"step": "event", "id": self._webhook_id(), "body": body})

    def _decision(self, _: None) -> None:
        every = [
            {"step": kind, "clock": hour(self.now), "order_id": order_id, "reason": "looked into"}
            for kind in ("release", "deny", "hold")
            for order_id in self.world.orders
        ]
        sound = [step for step in every if doubt(self.world, step) is None]
        on_held = [step for step in sound if self.world.orders[step["order_id"]].held]
        if on_held and self.dice.chance(75):
            self._do(self.dice.pick(on_held))
        elif sound and not self.dice.chance(5):
            holds = [step for step in sound if step["step"] == "hold"]
            self._do(self.dice.pick(holds or sound) if self.dice.chance(55) else self.dice.pick(sound))
        elif self.dice.chance(20):
            self._do({"step": "hold", "order_id": "A-unknown", "reason": "looked into"})

    def _pay_out(self, _: None) -> None:
        purses = {member_id: self.world.balances(member_id)["payable"] for member_id in self.people}
        rich = [member_id for member_id, payable in purses.items() if payable >= 1000]
        if rich:
            member_id = self.dice.pick(rich)
            amount = purses[member_id] + self.dice.pick((0, 0, 0, 1))
            self._do({"step": "pay_out", "member_id": member_id, "amount": amount, "currency": "CNY"})


# For those who carry histories elsewhere


def plan_toml(plan: Values) -> str:
    """The plan as the text of its file; `tomllib.loads` gives the same plan back."""
    lines = [f"{key} = {_toml(value)}" for key, value in plan.items() if key not in PLAN_TABLES]
    for table in PLAN_TABLES:
        entries = plan.get(table, {})
        named = {f"[{table}]": entries} if table in ("margin", "compliance") else {}
        for heading, entry in (
            named or {f"[{table}.{json.dumps(name)}]": entry for name, entry in entries.items()}
        ).items():
            lines += [heading, *(f"{key} = {_toml(value)}" for key, value in entry.items())] if entry else []
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def describe(history: History) -> str:
    """The history step by step with the answer each must get, and what every order and member has in the end."""
    world = World()
    lines = []
    for number, step in enumerate(history):
        answer = world.apply(step)
        detail = {key: value for key, value in step.items() if key not in ("step", "clock", "body")}
        if step["step"] == "event":
            detail = {"id": step["id"], step["body"]["type"]: step["body"]["data"]}
        said = [str(answer.code), *(each for each in (answer.status, answer.reason) if each), *answer.results]
        if answer.made_payable is not None:
            said.append(f"{answer.made_payable} made payable, {answer.amount} in all")
        told = json.dumps(detail, ensure_ascii=False)
        lines.append(f"{number:3} {step['clock']} {step['step']} {told} -> {' '.join(said)}")
    for order_id in world.orders:
        lines += [f"    {order_id}: {each}" for each in world.commissions(order_id)]
    return "\n".join([*lines, *(f"    {member_id}: {world.balances(member_id)}" for member_id in world.members)])
