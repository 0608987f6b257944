"""What the published rules say about one payment: who is credited, who earns, at which rates, and how much.

Part of the model (see `oracle.py`), read from the published rules alone. Numbers, "clause 4", are those of "How a
commission is computed"; "reading:" marks what the rules leave open. Money is in minor units.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any

Values = dict[str, Any]

SETTLEMENT_CURRENCY = "CNY"
EARNING_ROLES = ("distributor", "merchant", "agent")


@dataclass
class Line:
    """One line of a paid order, with everything that was captured when the payment was applied."""

    sku: str
    paid: int  # in the order's currency
    quantity: int
    cost: int | None  # of one piece, in the product's currency
    paid_rate: Fraction
    cost_rate: Fraction
    rates_bp: list[int]
    refunded: int = 0
    returned: int = 0


@dataclass
class Commission:
    """One level's earning on one line. `left` is what is due of it now; `settled` once it has been made payable."""

    member_id: str
    level: int
    line: Line
    base: int
    rate_bp: int
    amount: int
    left: int
    settled: bool = False


@dataclass
class Order:
    """A paid order; `plan` is None when none was in force, `earners` holds the paid member of levels 1 to 3 or None."""

    order_id: str
    plan: Values | None
    credited: str | None
    earners: list[str | None]
    lines: list[Line]
    commissions: list[Commission] = field(default_factory=list)
    held: bool = False
    denied: bool = False
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    opened_cases: set[str] = field(default_factory=set)
    closed_cases: set[str] = field(default_factory=set)

    @property
    def due_at(self) -> datetime | None:
        """Clause 9: completion plus the freeze of the plan that was in force at payment."""
        if self.completed_at is None or self.plan is None:
            return None
        return self.completed_at + timedelta(hours=24 * self.plan["freeze_days"])

    @property
    def case_is_open(self) -> bool:
        """A closing that overtook its opening counts: events may arrive in any order."""
        return bool(self.opened_cases - self.closed_cases)


def instant(text: str) -> datetime:
    """Read an ISO time with its zone."""
    return datetime.fromisoformat(text)


def content(value: Any) -> str:
    """One text per content: key order and item order do not count."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{content(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(sorted(content(each) for each in value)) + "]"
    return json.dumps(value)


def three(rates_bp: list[int]) -> list[int]:
    """A shorter list is filled with zeros."""
    return [*rates_bp, 0, 0, 0][:3]


def line_amounts(
    plan: Values, line: Line, earners: list[str | None], paid: int, quantity: int
) -> tuple[int, list[int]]:
    """Base and amounts of levels 1 to 3 for `paid` money and `quantity` pieces of a line: clauses 3, 5, 6 and 11."""
    money = floor(paid * line.paid_rate)  # clause 11: totals are converted, never parts
    margin = None
    if line.cost is not None:
        margin = max(0, money - floor(line.cost * quantity * line.cost_rate))
    base = money if plan["base"] == "price" else (margin or 0)  # clause 3: margin without a cost pays nothing
    amounts = [0, 0, 0]
    for level in range(3):
        if earners[level] is not None:  # clause 5: a level that pays nobody is zero before the guard
            amounts[level] = floor(Fraction(base * line.rates_bp[level], 10000))
    if margin is not None:  # clause 6: no cost, no guard
        cap = floor(Fraction(margin * plan["max_margin_share_bp"], 10000))
        asked = sum(amounts)
        if asked > cap:
            amounts = [floor(Fraction(cap * amount, asked)) for amount in amounts]
    return base, amounts


class Records:
    """What the shop has been told so far. `touched` collects the names of the rules that a history has exercised."""

    def __init__(self) -> None:
        self.members: dict[str, Values] = {}
        self.products: dict[str, Values] = {}
        self.rates: dict[str, dict[datetime, Fraction]] = {}
        self.plans: dict[datetime, Values] = {}
        self.linked: set[str] = set()  # members who have a code
        self.bindings: dict[str, list[tuple[datetime, str]]] = {}
        self.touched: set[str] = set()

    def plan_at(self, moment: datetime) -> Values | None:
        starts = [start for start in self.plans if start <= moment]
        return self.plans[max(starts)] if starts else None

    def rate_at(self, currency: str, moment: datetime) -> Fraction | None:
        if currency == SETTLEMENT_CURRENCY:
            return Fraction(1)
        starts = [start for start in self.rates.get(currency, {}) if start <= moment]
        return self.rates[currency][max(starts)] if starts else None

    def rates_for(self, data: Values) -> dict[str, Fraction | None]:
        """The rate at payment of the order's currency and of every currency in which a cost of its lines stands."""
        products = [self.products[item["sku"]] for item in data["items"]]
        currencies = {data["currency"], *(each["currency"] for each in products if each["cost"] is not None)}
        return {currency: self.rate_at(currency, instant(data["paid_at"])) for currency in currencies}

    def is_live(self, member_id: str | None) -> bool:
        member = self.members.get(member_id or "")
        return member is not None and member["status"] == "active" and member["role"] in EARNING_ROLES

    def credit(self, data: Values, plan: Values | None) -> tuple[str | None, str | None]:
        """Clause 1: who is credited, and to whom the buyer is bound by this order (nobody: None)."""
        ref, buyer = data.get("ref"), data.get("buyer_id")
        from_ref = ref["member"] if isinstance(ref, dict) and ref["member"] in self.linked else None
        if from_ref is not None and not self.is_live(from_ref):
            self.touched.add("ref of a member not live")
            from_ref = None
        bound = self.bound_to(buyer, instant(data["paid_at"]), plan)
        if from_ref is None:
            self.touched |= {"credit by binding"} if bound else set()
            return bound, None
        if bound not in (None, from_ref) and plan is not None:
            self.touched.add(f"ref of another, {plan['binding']['policy']}")
            if plan["binding"]["policy"] in ("protected", "permanent"):
                return bound, None
        return from_ref, from_ref

    def bound_to(self, buyer: str | None, paid_at: datetime, plan: Values | None) -> str | None:
        """The live member of the buyer's running binding. Reading: the window is that of the plan at this `paid_at`."""
        earlier = [each for each in self.bindings.get(buyer or "", []) if each[0] <= paid_at]
        if not earlier or plan is None:
            return None
        if len(earlier) < len(self.bindings[buyer or ""]):
            self.touched.add("paid before a known binding")
        bound_at, member_id = max(earlier)
        runs = paid_at < bound_at + timedelta(hours=24 * plan["binding"]["days"])
        if plan["binding"]["policy"] != "permanent" and not runs:
            self.touched.add("binding over")
            return None
        if not self.is_live(member_id):
            self.touched.add("binding to a member not live")
            return None
        return member_id

    def found(self, credited: str | None, plan: Values | None) -> list[str | None]:
        """Clause 2: the member of each level, None where it pays nobody."""
        if credited is None or plan is None:
            return [None, None, None]
        if self.members[credited]["mode"] == "independent":
            self.touched.add("independent")
            return [credited, None, None]
        found: list[str | None] = [credited]
        above = self.members[credited]["sponsor_id"]
        while len(found) < 3:
            if above is not None and not self.is_live(above):
                self.touched.add(f"upline not live, {plan['compression']}")
                if plan["compression"] == "pass_up":
                    above = self.members[above]["sponsor_id"]
                    continue  # the next one above takes this level
            found.append(above if self.is_live(above) else None)
            above = self.members[above]["sponsor_id"] if above is not None else None
        return found

    def rates_bp(self, plan: Values | None, product: Values, found: list[str | None]) -> list[int]:
        """Clause 4. Campaigns come with their feature: their bonus would stand before the tier's."""
        if plan is None:
            return [0, 0, 0]
        rates_bp = three(plan["levels_bp"])
        for table, key in (("product", product["sku"]), ("category", product["category"]), ("brand", product["brand"])):
            if key in plan.get(table, {}):
                rates_bp = three(plan[table][key]["levels_bp"])
                self.touched.add(f"rate by {table}")
                break
        for member_id in found:
            if member_id is None:
                continue
            member = self.members[member_id]
            if member["class"] == "self_set_commission" and member["split_bp"] is not None:
                split = three(member["split_bp"])
                taken = sum(split) <= sum(rates_bp) and split[0] >= plan["self_set_min_level1_bp"]
                self.touched.add("self-set split" if taken else "self-set split not taken")
                rates_bp = split if taken else rates_bp
                break  # only the one nearest to the sale is asked
        tier = self.members[found[0]]["tier"] if found[0] is not None else None
        if tier in plan.get("tier", {}):
            self.touched.add("tier bonus")
            rates_bp = [rates_bp[0] + plan["tier"][tier]["bonus_bp"], *rates_bp[1:]]
        return rates_bp
