"""Why an amount is what it is: the whole story of a line in steps that a person can follow.

The steps are those of `commission.TRACE_CODES`: who, which rate, then base, amount and guard with all figures.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from domain.money import BP, ONE, convert
from domain.money.commission import Captured, Step, after_refund, base_and_margin, guarded

OTHERS_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "level_unpaid": ("level",),  # another level pays nobody; who stands there and why is not this reader's business
}
"""What is told of a level to those of another one."""

_SUMMED: Final = frozenset({"amount", "level_missing", "rate_zero", "campaign_bonus", "tier_bonus"})
"""What the sum of all levels is made of."""

_UNPAID: Final = frozenset({"level_not_live", "self_purchase_none"})


def explain(trace: Sequence[Step], captured: Captured) -> list[Step]:
    """Return every step from who to guard, as of payment: the kept decisions and the figures made from `captured`."""
    return [*trace, *_figures(captured, captured.amount, captured.quantity)]


def explain_refund(captured: Captured, refunded_amount: int, quantity_left: int) -> list[Step]:
    """Return every step of what is due after refunds; the arguments are those of `commission.after_refund`."""
    amount_left = captured.amount - refunded_amount
    due = after_refund(captured, refunded_amount, quantity_left)
    steps: list[Step] = [{"code": "refund_left", "amount": amount_left, "quantity": quantity_left}]
    if amount_left:
        steps += _figures(captured, amount_left, quantity_left)
    for level, (paid, left) in enumerate(zip(captured.due, due, strict=True), 1):
        if paid:
            steps.append({"code": "refund_due", "level": level, "at_payment": paid, "due": left})
    return steps


def steps_for(trace: Iterable[Step], level: int) -> list[Step]:
    """Return the steps that concern one level: its own, those of all, and of others what a sum of all is made of."""
    steps = list(trace)
    summed = any("sum" in step for step in steps)
    told = (step if step.get("level", level) == level else _of_another(step, summed=summed) for step in steps)
    return [step for step in told if step is not None]


def _of_another(step: Step, *, summed: bool) -> Step | None:
    """What those of one level are told of another: only what they need to recompute a sum."""
    if not summed:
        return None
    if step["code"] in _UNPAID:
        return {"code": "level_unpaid", "level": step["level"]}
    return step if step["code"] in _SUMMED else None


def _figures(captured: Captured, amount: int, quantity: int) -> list[Step]:
    steps: list[Step] = []
    paid = convert(amount, captured.rate)
    if captured.rate != ONE:
        steps.append({"code": "amount_converted", "amount": amount, "rate": str(captured.rate), "converted": paid})
    cost = None
    if captured.unit_cost is not None:
        whole = captured.unit_cost * quantity
        cost = convert(whole, captured.cost_rate)
        if captured.cost_rate != ONE:
            steps.append({"code": "cost_converted", "cost": whole, "rate": str(captured.cost_rate), "converted": cost})
    base, margin = base_and_margin(
        captured.base, amount, quantity, captured.rate, captured.unit_cost, captured.cost_rate
    )
    if captured.base == "price":
        steps.append({"code": "base_price", "base": base})
    elif cost is None:
        steps.append({"code": "base_without_cost"})
    else:
        steps.append({"code": "base_margin", "base": base, "amount": paid, "cost": cost, "quantity": quantity})
    bare, cap, amounts = guarded(base, captured.rates_bp, margin, captured.max_margin_share_bp)
    for level, (rate_bp, before) in enumerate(zip(captured.rates_bp, bare, strict=True), 1):
        if rate_bp:
            steps.append({"code": "amount", "level": level, "base": base, "rate_bp": rate_bp, "amount": before})
            if dropped := base * rate_bp % BP:
                steps.append({"code": "rounded_down", "level": level, "dropped": dropped})
    total = sum(bare)
    if cap is None or margin is None:
        steps.append({"code": "guard_without_cost"})
    elif total:
        figures: Step = {"sum": total, "cap": cap, "margin": margin, "share_bp": captured.max_margin_share_bp}
        steps.append({"code": "guard_exceeded" if total > cap else "guard_kept", **figures})
        for level, (before, after) in enumerate(zip(bare, amounts, strict=True), 1):
            if after < before:
                steps.append({"code": "guard_reduced", "level": level, "before": before, "amount": after})
    return steps
