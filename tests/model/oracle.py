"""A slow, obvious model of who earns what, read from the published rules alone; the shop must agree to the cent.

Nothing here comes from the product. `World.apply(step)` takes one step of a history (see `histories.py`) and returns
the `Answer` the shop has to give; `commissions`, `balances` and `listed` are what it then has to show. Numbers in
comments, "clause 4", are those of "How a commission is computed". Where the rules leave room, `doubts.py` says so, and
generated histories keep away from it; where a reading was needed all the same it is marked "reading:".
Money is in minor units; every amount that is earned is in the settlement currency.
"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import floor
from typing import Any

from tests.model.rules import (
    EARNING_ROLES,
    SETTLEMENT_CURRENCY,
    Commission,
    Line,
    Order,
    Records,
    Values,
    content,
    instant,
    line_amounts,
)

Step = dict[str, Any]

SMALLEST_PAY_OUT = 1000
NEW_MEMBER: Values = {
    "name": None, "role": "customer", "status": "active", "sponsor_id": None, "mode": "network",
    "class": "self_picked_products", "class_scope": None, "split_bp": None, "tier": None, "buyer_id": None,
}  # fmt: skip
NEW_PRODUCT: Values = {"brand": None, "category": None, "cost": None, "on_shelf": True}


@dataclass(frozen=True)
class Answer:
    """What a step must be answered: HTTP status, or exit status (0, 1) for the commands `publish_plan` and `settle`."""

    code: int
    status: str | None = None  # of an event: applied, duplicate, waiting
    results: tuple[str, ...] = ()  # of a PUT, item by item: created, updated, unchanged, refused
    made_payable: int | None = None  # of a settlement: how many commissions
    amount: int | None = None  # of a settlement: their sum in the settlement currency
    reason: str | None = None  # for people; not to be compared


class Refusal(Exception):
    """An expected no, with the status it is answered by."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class World(Records):
    """The whole business as plain values, one step after another."""

    def __init__(self) -> None:
        super().__init__()
        self.clock: datetime | None = None
        self.orders: dict[str, Order] = {}
        self.paid_at: dict[str, datetime] = {}
        self.waiting: dict[str, list[tuple[str, Values]]] = {}
        self.listed: list[tuple[str, Values, str]] = []  # waiting events that proved invalid
        self.seen_ids: dict[str, str] = {}
        self.seen_facts: dict[tuple[str, ...], str] = {}
        self.paid_out: dict[str, int] = {}

    # What the shop shows

    def commissions(self, order_id: str) -> list[Values]:
        """The order's commissions as `GET /orders/{order_id}` lists them, by line and level.

        `due_at` of a commission in state `reversed` is not promised by the rules.
        """
        order = self.orders[order_id]
        return [
            {
                "member_id": each.member_id,
                "level": each.level,
                "sku": each.line.sku,
                "base": each.base,
                "rate_bp": each.rate_bp,
                "amount": each.amount,
                "reversed": each.amount - each.left,
                "state": self.state(order, each),
                "due_at": order.due_at,
            }
            for each in sorted(order.commissions, key=lambda each: (each.line.sku, each.level))
        ]

    def state(self, order: Order, commission: Commission) -> str:
        """Clause 9; reading: what is payable already is not shown as held."""
        if commission.left == 0:
            return "reversed"
        if commission.settled:
            return "payable"
        if order.held:
            return "held"
        return "estimated" if order.completed_at is None else "frozen"

    def balances(self, member_id: str) -> dict[str, int]:
        """The member's balances in the settlement currency (clause 10)."""
        own = [each for order in self.orders.values() for each in order.commissions if each.member_id == member_id]
        pending = sum(each.left for each in own if not each.settled)
        withdrawn = self.paid_out.get(member_id, 0)
        payable = sum(each.left for each in own if each.settled) - withdrawn
        return {"pending": pending, "payable": max(0, payable), "owed": max(0, -payable), "withdrawn": withdrawn}

    # What happens

    def apply(self, step: Step) -> Answer:
        """Take one step and say how it must be answered; a refused step changes nothing."""
        self.clock = instant(step["clock"])
        actions = {
            "put_members": self._put_members, "put_products": self._put_products, "put_rates": self._put_rates,
            "make_link": self._make_link, "publish_plan": self._publish_plan, "event": self._event,
            "settle": self._settle, "hold": self._decide, "release": self._decide, "deny": self._decide,
            "pay_out": self._pay_out,
        }  # fmt: skip
        try:
            return actions[step["step"]](step)
        except Refusal as refusal:
            self.touched.add(f"answer {refusal.code}")
            return Answer(refusal.code, reason=refusal.reason)

    def settle(self, as_of: datetime) -> Answer:
        """Clause 9: make payable, once, what is due at or before `as_of`, neither held nor under an open case."""
        count = amount = 0
        for order in self.orders.values():
            if order.due_at is None or order.due_at > as_of:
                continue
            if order.held or order.case_is_open:
                self.touched |= {"held when due"} if order.held else {"case open when due"}
                continue
            for each in order.commissions:
                if not each.settled and each.left > 0:  # nothing left: it is reversed, not due
                    each.settled = True
                    count, amount = count + 1, amount + each.left
        return Answer(0, made_payable=count, amount=amount)

    def _settle(self, step: Step) -> Answer:
        assert self.clock is not None
        if instant(step["as_of"]) > self.clock:
            raise Refusal(1, "a settlement as of a time in the future")
        return self.settle(instant(step["as_of"]))

    def _decide(self, step: Step) -> Answer:
        order = self.orders.get(step["order_id"])
        if order is None:
            raise Refusal(404, "no such order")
        self.touched.add(step["step"])
        if step["step"] == "hold":
            order.held = True
        elif step["step"] == "release":
            order.held = False
        else:
            if any(each.settled for each in order.commissions):
                self.touched.add("deny after payable")
            order.denied, order.held = True, False
            self._post_what_changed(order)
        return Answer(200)

    def _pay_out(self, step: Step) -> Answer:
        """A withdrawal that is asked for, approved and paid at once; only histories that ask for it have any."""
        member_id, amount = step["member_id"], step["amount"]
        if not SMALLEST_PAY_OUT <= amount <= self.balances(member_id)["payable"]:
            raise Refusal(422, "less than the minimum or more than is payable")
        self.paid_out[member_id] = self.paid_out.get(member_id, 0) + amount
        self.touched.add("paid out")
        return Answer(200)

    def _make_link(self, step: Step) -> Answer:
        member, product = self.members[step["member_id"]], self.products[step["sku"]]
        if not self.is_live(step["member_id"]):
            raise Refusal(422, "customers and inactive members make no links")
        scopes = {"single_product": "sku", "single_category": "category", "single_brand": "brand"}
        scope = scopes.get(member["class"])
        if not product["on_shelf"] or (scope and product[scope] != member["class_scope"]):
            raise Refusal(422, "off the shelf or outside the member's class")
        self.linked.add(step["member_id"])
        return Answer(200)

    def _publish_plan(self, step: Step) -> Answer:
        assert self.clock is not None
        start = instant(step["from"])
        if start < self.clock and any(paid_at >= start for paid_at in self.paid_at.values()):
            raise Refusal(1, "an applied order was paid at or after this time")
        self.plans[start] = step["plan"]
        return Answer(0)

    # The records

    def _put_rates(self, step: Step) -> Answer:
        results = []
        for item in step["items"]:
            known = self.rates.setdefault(item["currency"], {})
            start, rate = instant(item["from"]), Fraction(item["rate"])
            results.append("created" if start not in known else "unchanged" if known[start] == rate else "updated")
            known[start] = rate
        return Answer(200, results=tuple(results))

    def _put_products(self, step: Step) -> Answer:
        return Answer(200, results=tuple(self._upsert(self.products, "sku", NEW_PRODUCT, i) for i in step["items"]))

    def _put_members(self, step: Step) -> Answer:
        after = self.members_after(step)
        results = []
        for item in step["items"]:
            if self.objection(after, item["member_id"]):
                self.touched.add("member refused")
                results.append("refused")
            else:
                results.append(self._upsert(self.members, "member_id", NEW_MEMBER, item))
        return Answer(200, results=tuple(results))

    @staticmethod
    def _upsert(table: dict[str, Values], key: str, new: Values, item: Values) -> str:
        before = table.get(item[key])
        table[item[key]] = {**(before or new), **item}  # fields left out stay, null clears
        return "created" if before is None else "unchanged" if before == table[item[key]] else "updated"

    def members_after(self, step: Step) -> dict[str, Values]:
        """All members as they would be if every item went in: a sponsor may come in the same call in any order."""
        after = dict(self.members)
        for item in step["items"]:
            after[item["member_id"]] = {**after.get(item["member_id"], NEW_MEMBER), **item}
        return after

    @staticmethod
    def objection(members: dict[str, Values], member_id: str) -> str | None:
        member = members[member_id]
        sponsor = member["sponsor_id"]
        if sponsor is not None and (sponsor not in members or members[sponsor]["role"] not in EARNING_ROLES):
            return "unknown sponsor, or one who may have no downline"
        above, steps = sponsor, 0
        while above is not None and steps <= len(members):
            if above == member_id:
                return "a cycle"
            above, steps = members[above]["sponsor_id"], steps + 1
        taken = [m for other, m in members.items() if other != member_id and m["buyer_id"] == member["buyer_id"]]
        return "buyer_id of somebody else" if member["buyer_id"] is not None and taken else None

    # Order events

    def _event(self, step: Step) -> Answer:
        kind, data = step["body"]["type"], step["body"]["data"]
        said = content([kind, content(data)])  # reading: the type belongs to the content
        if self.seen_ids.get(step["id"], said) != said:
            raise Refusal(409, "webhook-id seen with other content")
        fact = self.fact(kind, data)
        if fact is not None and self.seen_facts.get(fact, said) != said:
            raise Refusal(409, "the same order, refund or completion with other content")
        if step["id"] in self.seen_ids or (fact is not None and fact in self.seen_facts):
            status = "duplicate"
        elif kind == "order.paid":
            self._pay(data)
            status = "applied"
        elif data["order_id"] not in self.orders:
            self.waiting.setdefault(data["order_id"], []).append((kind, data))
            status = "waiting"
        else:
            self._happen(kind, data)
            status = "applied"
        self.seen_ids[step["id"]] = said  # only what is answered 200 or 202 is remembered
        if fact is not None:
            self.seen_facts[fact] = said
        self.touched.add(f"answer {status}")
        return Answer(202 if status == "waiting" else 200, status)

    @staticmethod
    def fact(kind: str, data: Values) -> tuple[str, ...] | None:
        """What can happen once only, whatever the webhook-id."""
        if kind in ("order.paid", "order.completed"):
            return (kind, data["order_id"])
        return (kind, data["order_id"], data["refund_id"]) if kind == "order.refunded" else None

    def _happen(self, kind: str, data: Values) -> None:
        order = self.orders[data["order_id"]]
        if kind == "order.completed" and order.cancelled_at is None:
            order.completed_at = instant(data["completed_at"])
        elif kind == "order.cancelled" and order.cancelled_at is None:
            order.cancelled_at = instant(data["at"])  # refunds whatever is not refunded yet
            self.touched.add("cancelled")
        elif kind == "order.refunded":
            self._refund(order, data)
        elif kind == "order.case_opened":
            order.opened_cases.add(data["case_id"])
        elif kind == "order.case_closed":
            self.touched |= set() if data["case_id"] in order.opened_cases else {"case closed before opened"}
            order.closed_cases.add(data["case_id"])
        self._post_what_changed(order)

    def _refund(self, order: Order, data: Values) -> None:
        if order.cancelled_at is not None and instant(data["at"]) <= order.cancelled_at:
            self.touched.add("refund overtaken by cancellation")
            return  # applied, changes nothing
        lines = {line.sku: line for line in order.lines}
        skus = [item["sku"] for item in data["items"]]
        if len(set(skus)) < len(skus) or any(sku not in lines for sku in skus):
            raise Refusal(422, "each SKU of the order stands in one line only")
        for item in data["items"]:
            line = lines[item["sku"]]
            money_left, pieces_left = line.paid - line.refunded, line.quantity - line.returned
            if order.cancelled_at is not None:  # the cancellation has refunded everything
                money_left = pieces_left = 0
            if not (0 <= item["amount"] <= money_left and 0 <= item["quantity"] <= pieces_left):
                raise Refusal(422, "more money or pieces refunded than paid for")
        for item in data["items"]:
            lines[item["sku"]].refunded += item["amount"]
            lines[item["sku"]].returned += item["quantity"]
        self.touched.add("refund of postage" if not skus else "refund")

    def _post_what_changed(self, order: Order) -> None:
        """Clause 7: only totals count. What was denied or cancelled stays at nothing."""
        for each in order.commissions:
            line, plan = each.line, order.plan
            assert plan is not None
            due = 0
            if order.cancelled_at is None and not order.denied:
                paid, quantity = line.paid - line.refunded, line.quantity - line.returned
                due = min(each.amount, line_amounts(plan, line, order.earners, paid, quantity)[1][each.level - 1])
            if due > each.left:
                self.touched.add("brought back")
            elif due < each.left:
                self.touched.add("reversed once payable" if each.settled else "reversed")
            each.left = due
            if self.balances(each.member_id)["owed"]:
                self.touched.add("owed")

    # A payment

    def _pay(self, data: Values) -> None:
        paid_at = instant(data["paid_at"])
        plan = self.plan_at(paid_at)
        skus = [item["sku"] for item in data["items"]]
        if len(set(skus)) < len(skus):
            raise Refusal(422, "each SKU stands in one line only")
        for item in data["items"]:
            if item["sku"] not in self.products:
                raise Refusal(422, "unknown SKU")
            if item["amount"] < 0:
                raise Refusal(422, "negative amount")
        rates = self.rates_for(data)
        if None in rates.values():
            raise Refusal(422, "a missing currency rate")
        credited, binds = self.credit(data, plan)
        found = self.found(credited, plan)
        earners = list(found)
        buyer = data.get("buyer_id")
        self_purchase = credited is not None and buyer is not None and self.members[credited]["buyer_id"] == buyer
        if self_purchase and plan is not None:  # clause 8
            self.touched.add(f"self-purchase {plan['self_purchase']}")
            if plan["self_purchase"] == "none":
                earners[0] = None
        order = Order(data["order_id"], plan, credited, earners, [])
        for item in data["items"]:
            product = self.products[item["sku"]]
            line = Line(
                item["sku"], item["amount"], item["quantity"], product["cost"],
                rates[data["currency"]] or Fraction(0), rates.get(product["currency"]) or Fraction(0),
                self.rates_bp(plan, product, found),
            )  # fmt: skip
            order.lines.append(line)
            if plan is not None:
                base, amounts = line_amounts(plan, line, earners, line.paid, line.quantity)
                self._note_guard(plan, line, base, earners, amounts)
                for index, (member_id, amount) in enumerate(zip(earners, amounts, strict=True)):
                    if member_id is not None and amount > 0:  # clause 5: zero amounts are not listed
                        rate_bp = line.rates_bp[index]
                        order.commissions.append(Commission(member_id, index + 1, line, base, rate_bp, amount, amount))
        order.held = self_purchase and plan is not None and plan["self_purchase"] == "hold"
        if binds is not None and buyer is not None:
            self.bindings.setdefault(buyer, []).append((paid_at, binds))
        self.orders[order.order_id] = order
        self.paid_at[order.order_id] = paid_at
        self._note_order(order, data)
        for kind, late in self.waiting.pop(order.order_id, []):  # in the order of their arrival
            try:
                self._happen(kind, late)
            except Refusal as refusal:
                self.touched.add("waiting event proved invalid")
                self.listed.append((kind, late, refusal.reason))

    def _note_guard(self, plan: Values, line: Line, base: int, earners: list[str | None], amounts: list[int]) -> None:
        rates = zip(line.rates_bp, earners, strict=True)
        bare = [floor(Fraction(base * rate_bp, 10000)) if earner else 0 for rate_bp, earner in rates]
        self.touched |= {"guard"} if bare != amounts else set()
        self.touched |= {"no cost"} if line.cost is None else set()
        self.touched |= {f"base {plan['base']}"} if sum(amounts) else set()

    def _note_order(self, order: Order, data: Values) -> None:
        self.touched |= {"no plan"} if order.plan is None else set()
        self.touched |= {"nobody credited"} if order.credited is None else set()
        self.touched |= {f"level {each.level} earns" for each in order.commissions}
        self.touched |= {"other currency"} if data["currency"] != SETTLEMENT_CURRENCY and order.commissions else set()
        self.touched |= {"waiting event applied"} if order.order_id in self.waiting else set()
