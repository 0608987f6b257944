"""Who earns what on a sale, and why: the rates of the plan, shared over at most three levels, guarded by the margin.

`split` decides at payment, `after_refund` whatever money or goods come back later, `quote` what a product would pay.
All amounts are minor units of the settlement currency unless said otherwise; fractions are always dropped.
The rules are numbered as in docs: 2 who, 3 base, 4 rate, 5 amount, 6 margin guard, 7 refunds, 8 self-purchase,
11 currency. The credit (rule 1) is decided before, in attribution.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

from domain.money import BP, ONE, convert
from domain.money.plan import Base, Levels, Plan

TRACE_CODES: Final[dict[str, tuple[str, ...]]] = {
    # who: once per order, the same on each of its lines
    "level_missing": ("level",),  # nobody there: the share stays with the platform
    "level_not_live": ("level", "member"),  # somebody there who is not live: the share stays with the platform
    "passed_up": ("level", "member", "skipped"),  # so many below were not live: the next live one moved down
    "seller_independent": ("member",),  # levels 2 and 3 pay nobody
    "self_purchase_none": ("level", "member"),  # the credited distributor bought it: level 1 earns nothing
    # rate
    "rate_product": ("level1_bp", "level2_bp", "level3_bp", "sku"),
    "rate_category": ("level1_bp", "level2_bp", "level3_bp", "sku", "category"),  # no rate of the product's own
    "rate_brand": ("level1_bp", "level2_bp", "level3_bp", "sku", "category", "brand"),  # nor of its category
    "rate_plan": ("level1_bp", "level2_bp", "level3_bp", "sku", "category", "brand"),  # nor of its brand
    "self_set_used": ("level1_bp", "level2_bp", "level3_bp", "member"),
    "self_set_sum_too_high": ("member", "sum_bp", "allowed_bp"),  # the rates above stay
    "self_set_level1_too_low": ("member", "level1_bp", "minimum_bp"),  # the rates above stay
    "campaign_bonus": ("level", "campaign", "bonus_bp"),
    "tier_bonus": ("level", "tier", "bonus_bp"),
    "rate_zero": ("level",),  # a member is there, but the level pays nothing
    # base, and what follows: figures made from what was captured
    "amount_converted": ("amount", "rate", "converted"),
    "cost_converted": ("cost", "rate", "converted"),
    "base_price": ("base",),
    "base_margin": ("base", "amount", "cost", "quantity"),  # `cost` of all pieces together
    "base_without_cost": (),  # margin is the base, and the product has no cost: nothing is paid
    # amount, for each level that pays
    "amount": ("level", "base", "rate_bp", "amount"),
    "rounded_down": ("level", "dropped"),  # ten-thousandths of a minor unit that were dropped
    # guard
    "guard_without_cost": (),  # the product has no cost: no guard
    "guard_kept": ("sum", "cap", "margin", "share_bp"),
    "guard_exceeded": ("sum", "cap", "margin", "share_bp"),
    "guard_reduced": ("level", "before", "amount"),
    # refunds, followed by base, amount and guard on what is left
    "refund_left": ("amount", "quantity"),  # in the order's currency
    "refund_due": ("level", "at_payment", "due"),  # the smaller of then and now
}
"""Every step of a trace with the names of its parameters, each an int or a str.

A step with a `level` concerns that level alone; the others concern them all. The texts must know every code.
"""

LEVELS: Final = 3

Step = dict[str, int | str]
"""One step of a trace: {"code": …} and the parameters of that code, ready for JSON."""


class Earner(NamedTuple):
    """A member as they stand when the order is applied. `split_bp` counts only for the class self_set_commission."""

    member_id: int
    live: bool
    independent: bool = False
    class_: str = ""
    split_bp: Sequence[int] | None = None
    tier: str | None = None


class OrderLine(NamedTuple):
    """A paid line. `amount` is for the whole line in the order's currency, `unit_cost` in the product's.

    The rates are minor units of the settlement currency for one minor unit of each; 1 for the settlement currency.
    """

    line: int
    sku: str
    brand: str | None
    category: str | None
    quantity: int
    amount: int
    rate: Decimal = ONE
    unit_cost: int | None = None
    cost_rate: Decimal = ONE


class CampaignBonus(NamedTuple):
    """What a running campaign on a product, joined by the credited distributor, adds to level 1."""

    campaign_id: str
    bonus_bp: int


class Share(NamedTuple):
    """What one member earns on one line at one level: `amount` is more than zero, after the guard."""

    level: int
    member_id: int
    base: int
    rate_bp: int
    amount: int


class Captured(NamedTuple):
    """All that is needed to compute a line again for ever, whatever becomes of plan, product, rates and members.

    `rates_bp` are the rates of the levels that pay somebody (else 0), `due` their amounts at payment after the guard.
    """

    base: Base
    amount: int
    quantity: int
    rate: Decimal
    unit_cost: int | None
    cost_rate: Decimal
    max_margin_share_bp: int
    rates_bp: Levels
    due: Levels

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; currency rates become decimal strings."""
        return {**self._asdict(), "rate": str(self.rate), "cost_rate": str(self.cost_rate)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Captured":
        """The inverse of `to_json`."""
        return cls(
            base=stored["base"],
            amount=stored["amount"],
            quantity=stored["quantity"],
            rate=Decimal(stored["rate"]),
            unit_cost=stored["unit_cost"],
            cost_rate=Decimal(stored["cost_rate"]),
            max_margin_share_bp=stored["max_margin_share_bp"],
            rates_bp=cast(Levels, tuple(stored["rates_bp"])),
            due=cast(Levels, tuple(stored["due"])),
        )


class LineShares(NamedTuple):
    """The outcome for one line: who earns what, what to keep for refunds, and the decisions in steps of TRACE_CODES.

    Keep `captured` and `trace` with the order; `explanation.explain` makes the whole story of them.
    """

    line: int
    sku: str
    shares: tuple[Share, ...]
    captured: Captured
    trace: list[Step]


class Quote(NamedTuple):
    """What a line would pay if every level had a member and nobody a bonus. `cap` is None without a guard."""

    base: int
    rates_bp: Levels
    bare: Levels
    cap: int | None
    amounts: Levels


class Guarded(NamedTuple):
    """Amounts of the levels before the guard, the guard's cap (None without a cost), and the amounts after it."""

    bare: Levels
    cap: int | None
    amounts: Levels


Who = tuple[Earner | None, Earner | None, Earner | None]


def split(
    lines: Iterable[OrderLine],
    chain: Sequence[Earner],
    plan: Plan,
    *,
    campaign_bonuses: Mapping[str, Sequence[CampaignBonus]] | None = None,
    buyer_is_credited: bool = False,
) -> list[LineShares]:
    """Decide who earns what on each line of a paid order.

    `chain` is the credited member and then each one's sponsor upwards: three are enough unless the plan's compression
    is pass_up, which goes on to the top. An empty chain (nobody credited) pays nobody. `campaign_bonuses` has, by SKU,
    the running campaigns that the credited member has joined. `buyer_is_credited` says that the buyer is the credited
    member; under self-purchase `hold` the caller holds the order, the amounts are as usual.
    """
    found, who_steps = members_of_levels(chain, plan)
    self_set = next((m for m in found if m and m.class_ == "self_set_commission" and m.split_bp), None)
    paid = found
    if buyer_is_credited and plan.self_purchase == "none" and found[0]:
        who_steps.append({"code": "self_purchase_none", "level": 1, "member": found[0].member_id})
        paid = (None, found[1], found[2])
    bonuses = campaign_bonuses or {}
    return [_line(line, paid, self_set, plan, bonuses.get(line.sku, ()), who_steps) for line in lines]


def after_refund(captured: Captured, refunded_amount: int, quantity_left: int) -> Levels:
    """Return what each level is due once `refunded_amount` of the line is paid back and `quantity_left` is kept.

    Both are totals over all refunds so far, the amount in the order's currency. Never more than was due at payment;
    a full refund leaves exactly zero. Raises ValueError for more money or goods than the line had.
    """
    kind, amount, quantity, rate, unit_cost, cost_rate, share_bp, rates, due = captured
    if not (0 <= refunded_amount <= amount and 0 <= quantity_left <= quantity):
        raise ValueError("no more can be refunded than was paid for")
    base, margin = base_and_margin(kind, amount - refunded_amount, quantity_left, rate, unit_cost, cost_rate)
    one, two, three = guarded(base, rates, margin, share_bp).amounts
    return min(one, due[0]), min(two, due[1]), min(three, due[2])


def quote(line: OrderLine, plan: Plan) -> Quote:
    """Return what `line` would pay at each level by the plan alone: for screens, and for the check of a new plan.

    The full rates exceed the guard where `sum(bare) > cap`.
    """
    rates = rates_for(line, plan)
    base, margin = base_and_margin(plan.base, line.amount, line.quantity, line.rate, line.unit_cost, line.cost_rate)
    return Quote(base, rates, *guarded(base, rates, margin, plan.max_margin_share_bp))


def members_of_levels(chain: Sequence[Earner], plan: Plan) -> tuple[Who, list[Step]]:
    """Find the member of each level (rule 2), None where a level pays nobody, with the steps that say why."""
    steps: list[Step] = []
    wanted = LEVELS
    if chain and chain[0].independent:
        steps.append({"code": "seller_independent", "member": chain[0].member_id})
        wanted = 1
    found: list[Earner | None] = []
    walk, skipped = iter(chain), 0
    for level in range(1, wanted + 1):
        member = next(walk, None)
        while member and not member.live and plan.compression == "pass_up":
            member, skipped = next(walk, None), skipped + 1
        if member is None:
            steps.append({"code": "level_missing", "level": level})
        elif not member.live:
            steps.append({"code": "level_not_live", "level": level, "member": member.member_id})
            member = None
        elif skipped:
            steps.append({"code": "passed_up", "level": level, "member": member.member_id, "skipped": skipped})
        found.append(member)
    one, two, three = (*found, None, None)[:LEVELS]
    return (one, two, three), steps


def rates_for(line: OrderLine, plan: Plan) -> Levels:
    """Return the most specific rates that the plan sets: product, category, brand, plan."""
    return _rule(line, plan, [])


def base_and_margin(
    kind: Base, amount: int, quantity: int, rate: Decimal, unit_cost: int | None, cost_rate: Decimal
) -> tuple[int, int | None]:
    """Return base and margin in the settlement currency (rules 3, 6, 11); no margin for a product without a cost."""
    paid = convert(amount, rate)
    if unit_cost is None:
        return (paid if kind == "price" else 0), None
    margin = max(0, paid - convert(unit_cost * quantity, cost_rate))
    return (paid if kind == "price" else margin), margin


def guarded(base: int, rates: Levels, margin: int | None, share_bp: int) -> Guarded:
    """Return the amounts of the levels before and after the margin guard (rules 5 and 6)."""
    one, two, three = base * rates[0] // BP, base * rates[1] // BP, base * rates[2] // BP
    bare = (one, two, three)
    if margin is None:
        return Guarded(bare, None, bare)
    cap, total = margin * share_bp // BP, one + two + three
    if total <= cap:
        return Guarded(bare, cap, bare)
    return Guarded(bare, cap, (cap * one // total, cap * two // total, cap * three // total))


def split_refusal(split_bp: Sequence[int], rates_bp: Levels, minimum_level1_bp: int) -> tuple[str, int, int] | None:
    """Say why a self-set split may not replace `rates_bp`: code, its figure and the limit; None if it may."""
    total, allowed = sum(split_bp), sum(rates_bp)
    if total > allowed:
        return "self_set_sum_too_high", total, allowed
    if split_bp[0] < minimum_level1_bp:
        return "self_set_level1_too_low", split_bp[0], minimum_level1_bp
    return None


def _line(
    line: OrderLine,
    paid: Who,
    self_set: Earner | None,
    plan: Plan,
    campaigns: Sequence[CampaignBonus],
    who_steps: list[Step],
) -> LineShares:
    if line.amount < 0 or line.quantity < 0:
        raise ValueError("a line has no negative amount or quantity")
    trace = who_steps.copy()
    one, two, three = _rule(line, plan, trace)
    if self_set and self_set.split_bp:
        one, two, three = _self_set(self_set, self_set.split_bp, (one, two, three), plan, trace)
    seller, second, third = paid
    if seller:
        one += _bonus(seller, campaigns, plan, trace)
    rates = (one if seller else 0, two if second else 0, three if third else 0)
    base, margin = base_and_margin(plan.base, line.amount, line.quantity, line.rate, line.unit_cost, line.cost_rate)
    amounts = guarded(base, rates, margin, plan.max_margin_share_bp).amounts
    shares = []
    for place, member in enumerate(paid):
        if member:
            if amounts[place]:
                shares.append(Share(place + 1, member.member_id, base, rates[place], amounts[place]))
            elif not rates[place]:
                trace.append({"code": "rate_zero", "level": place + 1})
    captured = Captured(
        plan.base,
        line.amount,
        line.quantity,
        line.rate,
        line.unit_cost,
        line.cost_rate,
        plan.max_margin_share_bp,
        rates,
        amounts,
    )
    return LineShares(line.line, line.sku, tuple(shares), captured, trace)


def _rule(line: OrderLine, plan: Plan, trace: list[Step]) -> Levels:
    sku, category, brand = line.sku, line.category, line.brand
    place: Step
    if (rates := plan.product_levels_bp.get(sku)) is not None:
        place = {"code": "rate_product", "sku": sku}
    elif category is not None and (rates := plan.category_levels_bp.get(category)) is not None:
        place = {"code": "rate_category", "sku": sku, "category": category}
    elif brand is not None and (rates := plan.brand_levels_bp.get(brand)) is not None:
        place = {"code": "rate_brand", "sku": sku, "category": category or "", "brand": brand}
    else:
        rates = plan.levels_bp
        place = {"code": "rate_plan", "sku": sku, "category": category or "", "brand": brand or ""}
    place["level1_bp"], place["level2_bp"], place["level3_bp"] = rates
    trace.append(place)
    return rates


def _self_set(member: Earner, split_bp: Sequence[int], rates: Levels, plan: Plan, trace: list[Step]) -> Levels:
    refused = split_refusal(split_bp, rates, plan.self_set_min_level1_bp)
    if refused:
        code, figure, limit = refused
        names = TRACE_CODES[code]
        trace.append({"code": code, names[0]: member.member_id, names[1]: figure, names[2]: limit})
        return rates
    one, two, three = (*split_bp, 0, 0)[:LEVELS]
    trace.append(
        {"code": "self_set_used", "member": member.member_id, "level1_bp": one, "level2_bp": two, "level3_bp": three}
    )
    return one, two, three


def _bonus(seller: Earner, campaigns: Sequence[CampaignBonus], plan: Plan, trace: list[Step]) -> int:
    """Return what campaign and tier add to level 1: of campaigns the highest bonus, on a tie the lowest id."""
    bonus = 0
    if campaigns:
        best = min(campaigns, key=lambda campaign: (-campaign.bonus_bp, campaign.campaign_id))
        bonus = best.bonus_bp
        trace.append({"code": "campaign_bonus", "level": 1, "campaign": best.campaign_id, "bonus_bp": bonus})
    if seller.tier is not None and (tier_bonus := plan.tier_bonus_bp.get(seller.tier, 0)):
        bonus += tier_bonus
        trace.append({"code": "tier_bonus", "level": 1, "tier": seller.tier, "bonus_bp": tier_bonus})
    return bonus
