"""Why an amount is what it is, in words: every step of a computation with names, money and percentages.

Each step becomes the text `why.<code>`; `CODES` has all of them with their parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from domain.money import Money, percent
from domain.money.commission import TRACE_CODES, Step
from domain.money.explanation import OTHERS_CODES
from domain.sales.attribution import CREDIT_CODES
from domain.wording import Words, in_two_languages, words

DECIDED: Final[Mapping[str, tuple[str, ...]]] = {
    "held_self_purchase": (),  # its buyer is the credited distributor: an operator decides
    "held": ("reason",),
    "denied": ("reason",),
}
"""What was decided about a whole order; comes last."""

_MONEY: Final = frozenset(
    {"base", "converted", "amount", "cost", "sum", "cap", "margin", "before", "at_payment", "due"}
)
_OF_ORDER: Final = frozenset({("amount_converted", "amount"), ("refund_left", "amount")})
_OF_COST: Final = frozenset({("cost_converted", "cost")})


KNOWN_TIERS: Final = frozenset({"bronze", "silver", "gold", "platinum", "diamond"})
"""Tiers that have a name in both languages; any other is called what the shop calls it."""

YOURS: Final[Mapping[str, tuple[str, ...]]] = {
    f"{code}_yours": params
    for code, params in {**CREDIT_CODES, **TRACE_CODES}.items()
    if code in ("credit_ref", "credit_binding", "credit_binding_protected", "passed_up", "self_set_used")
}
"""The same steps as they are told to the very member they speak of."""


def _name(param: str) -> str:
    return param.removesuffix("_bp")


CODES: Final[Mapping[str, tuple[str, ...]]] = {
    code: tuple(_name(param) for param in params)
    for code, params in {**CREDIT_CODES, **TRACE_CODES, **OTHERS_CODES, **YOURS, **DECIDED}.items()
}
"""Every step with its parameters as the texts see them: `rate_bp` has become `rate`, a text such as 4.5%."""


def members_in(steps: Iterable[Step]) -> set[str]:
    """Return the external ids of the members that the steps speak of."""
    return {str(step[name]) for step in steps for name in ("member", "ref_member") if name in step}


def tell(
    steps: Iterable[Step],
    *,
    currency: str,
    order_currency: str,
    cost_currency: str,
    names: Mapping[str, str],
    reader: str | None = None,
) -> list[Words]:
    """Put kept steps into words. `currency` is that of settlement, `names` has the members' names by external id.

    `reader` is the external id of the member who is told, if it is one.
    """

    def value(code: str, param: str, given: Any) -> object:
        if param.endswith("_bp"):
            return percent(given)
        if param in ("member", "ref_member"):
            return names.get(given) or given
        if param in ("category", "brand"):
            zh, en = in_two_languages(given)
            return words("bilingual", zh=zh if param == "category" else given, en=en)
        if param == "tier" and given in KNOWN_TIERS:
            return words(f"tier.{given}")
        if param == "bound_at":
            return datetime.fromisoformat(given)
        if param == "dropped":
            return f"0.{given:04d}".rstrip("0")
        if param in _MONEY:
            of_order, of_cost = (code, param) in _OF_ORDER, (code, param) in _OF_COST
            return Money(given, order_currency if of_order else cost_currency if of_cost else currency)
        return given

    return [
        Words(
            f"why.{code}_yours" if f"{code}_yours" in YOURS and step["member"] == reader else f"why.{code}",
            {_name(param): value(str(code), param, given) for param, given in step.items() if param != "code"},
        )
        for step in steps
        for code in (step["code"],)
    ]
