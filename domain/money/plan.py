"""A commission plan: the published rates and rules by which the shop pays for sales.

Written by operators as TOML and read by `read_plan`, which names everything that is wrong at once. `name`, `base` and
`levels_bp` must be given; anything else that is left out has the value that stands beside its field in `Plan`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, Literal, NamedTuple, TypeVar

from domain.errors import Refusal
from domain.money import BP

Levels = tuple[int, int, int]
Base = Literal["price", "margin"]
Policy = Literal["last", "protected", "permanent"]
SelfPurchase = Literal["pay", "hold", "none"]
Compression = Literal["none", "pass_up"]

MAX_TEXT: Final = 1_000_000
"""Characters of a plan at most."""
MAX_DAYS: Final = 3650

RECOMMENDED_PAID_LEVELS: Final[Mapping[str, int]] = {"CN": 2}
"""Per market: how many levels its compliance profile recommends to pay at most. China and WeChat tolerate two."""

_NAME_LENGTH: Final = 200
_Word = TypeVar("_Word", bound=str)


@dataclass(frozen=True, slots=True)
class BindingRule:
    """How long a buyer stays with a distributor: `days` of 24 hours; `permanent` takes no notice of them."""

    policy: Policy = "last"
    days: int = 30


@dataclass(frozen=True, slots=True)
class MarginPolicy:
    """Gross margins that the catalogue should keep to, in basis points of the price; None is not checked."""

    hot_max_bp: int | None = None
    other_bp: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Compliance:
    """The market whose profile applies, and who answers for paying more levels than it recommends."""

    market: str | None = None
    acknowledged_by: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Rates are basis points of the base, always three levels: a shorter list is filled with zeros."""

    name: str
    base: Base
    levels_bp: Levels
    max_margin_share_bp: int = 6000
    freeze_days: int = 7
    binding: BindingRule = BindingRule()
    self_purchase: SelfPurchase = "hold"
    compression: Compression = "none"
    self_set_min_level1_bp: int = 1000
    product_levels_bp: Mapping[str, Levels] = field(default_factory=dict)
    category_levels_bp: Mapping[str, Levels] = field(default_factory=dict)
    brand_levels_bp: Mapping[str, Levels] = field(default_factory=dict)
    tier_bonus_bp: Mapping[str, int] = field(default_factory=dict)
    margin: MarginPolicy = MarginPolicy()
    compliance: Compliance = Compliance()


class Problem(NamedTuple):
    """One thing wrong with a plan: where it stands, such as `brand.HADA.levels_bp[2]`, and what is wrong."""

    field: str
    reason: str


class PlanInvalid(Refusal):
    """A plan that cannot be read; `problems` lists all that is wrong."""

    code = "plan_invalid"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems="; ".join(f"{at}: {reason}" if at else reason for at, reason in problems))
        self.problems = tuple(problems)


class Finding(NamedTuple):
    """Something about a plan to know before it is published; a `refusal` stops publishing, a `warning` does not."""

    severity: Literal["refusal", "warning"]
    code: Literal["levels_not_acknowledged", "levels_acknowledged", "market_not_named", "market_unknown"]
    params: Mapping[str, int | str]


def read_plan(text: str) -> Plan:
    """Read a plan from TOML. Raises PlanInvalid with every problem found: unknown keys, wrong types, out of bounds."""
    if len(text) > MAX_TEXT:
        raise PlanInvalid([Problem("", f"a plan has at most {MAX_TEXT} characters")])
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanInvalid([Problem("", f"not TOML: {error}")]) from None
    problems: list[Problem] = []
    plan = _plan(_Table("", raw, problems))
    if problems:
        raise PlanInvalid(problems)
    return plan


def paid_levels(plan: Plan) -> int:
    """Return the deepest level that any rate of the plan pays: 3 for [4500, 0, 500]."""
    rates = [plan.levels_bp]
    for by_name in (plan.product_levels_bp, plan.category_levels_bp, plan.brand_levels_bp):
        rates.extend(by_name.values())
    return max((level for levels in rates for level, bp in enumerate(levels, 1) if bp), default=0)


def compliance_findings(plan: Plan) -> list[Finding]:
    """Compare the paid levels with what the profile of the plan's market recommends.

    More of them are refused until somebody has put their name under it, and then warned of. A plan that names no
    market, or one without a profile, is only warned of.
    """
    market, name = plan.compliance.market, plan.compliance.acknowledged_by
    paid = paid_levels(plan)
    if market is None:
        return [Finding("warning", "market_not_named", {"paid": paid})]
    recommended = RECOMMENDED_PAID_LEVELS.get(market)
    if recommended is None:
        return [Finding("warning", "market_unknown", {"market": market, "paid": paid})]
    if paid <= recommended:
        return []
    figures: dict[str, int | str] = {"market": market, "paid": paid, "recommended": recommended}
    if name is None:
        return [Finding("refusal", "levels_not_acknowledged", figures)]
    return [Finding("warning", "levels_acknowledged", {**figures, "acknowledged_by": name})]


_DEFAULT: Final = Plan("", "margin", (0, 0, 0))


def _plan(top: "_Table") -> Plan:
    binding, margin, compliance = top.table("binding"), top.table("margin"), top.table("compliance")
    plan = Plan(
        name=top.required_text("name"),
        base=top.choice("base", ("price", "margin"), None),
        levels_bp=top.levels(),
        max_margin_share_bp=top.number("max_margin_share_bp", BP, _DEFAULT.max_margin_share_bp),
        freeze_days=top.number("freeze_days", MAX_DAYS, _DEFAULT.freeze_days),
        binding=BindingRule(
            binding.choice("policy", ("last", "protected", "permanent"), _DEFAULT.binding.policy),
            binding.number("days", MAX_DAYS, _DEFAULT.binding.days),
        ),
        self_purchase=top.choice("self_purchase", ("pay", "hold", "none"), _DEFAULT.self_purchase),
        compression=top.choice("compression", ("none", "pass_up"), _DEFAULT.compression),
        self_set_min_level1_bp=top.number("self_set_min_level1_bp", BP, _DEFAULT.self_set_min_level1_bp),
        product_levels_bp={name: table.levels() for name, table in top.tables("product")},
        category_levels_bp={name: table.levels() for name, table in top.tables("category")},
        brand_levels_bp={name: table.levels() for name, table in top.tables("brand")},
        tier_bonus_bp={name: table.number("bonus_bp", BP, None) for name, table in top.tables("tier")},
        margin=MarginPolicy(margin.optional_number("hot_max_bp", BP), margin.optional_range("other_bp", BP)),
        compliance=Compliance(compliance.text("market"), compliance.text("acknowledged_by")),
    )
    top.refuse_unknown_keys()
    return plan


class _Table:
    """One TOML table being read: each question marks its key as known and notes what is wrong instead of raising."""

    def __init__(self, path: str, values: Mapping[str, object], problems: list[Problem]) -> None:
        self._path, self._values, self._problems = path, values, problems
        self._known: list[str] = []
        self._inside: list[_Table] = []

    def table(self, key: str) -> "_Table":
        """Return the table under `key`, empty if it is missing or no table."""
        value = self._get(key, {})
        if not isinstance(value, dict):
            self._note(key, f"must be a table, not {_shown(value)}")
            value = {}
        inside = _Table(self._at(key), value, self._problems)
        self._inside.append(inside)
        return inside

    def tables(self, key: str) -> list[tuple[str, "_Table"]]:
        """Return the named tables under `key`, such as [brand."HADA"]."""
        named = self.table(key)
        for name in named._values:
            if not name.strip():
                named._note(name, "a name must not be empty")
        return [(name, named.table(name)) for name in named._values]

    def text(self, key: str) -> str | None:
        value = self._get(key, None)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > _NAME_LENGTH or not value.isprintable():
            self._note(key, f"must be a text of 1 to {_NAME_LENGTH} printable characters, not {_shown(value)}")
            return None
        return value.strip()

    def required_text(self, key: str) -> str:
        if key not in self._values:
            self._note(key, "is missing")
        return self.text(key) or ""

    def choice(self, key: str, words: tuple[_Word, ...], default: _Word | None) -> _Word:
        """Return the word under `key`; without a default it must be given."""
        value = self._get(key, default)
        if value is None:
            self._note(key, f"is missing; one of {', '.join(words)}")
        elif value not in words:
            self._note(key, f"must be one of {', '.join(words)}, not {_shown(value)}")
        else:
            return value
        return words[0]

    def number(self, key: str, most: int, default: int | None) -> int:
        """Return the integer from 0 to `most` under `key`; without a default it must be given."""
        value = self._get(key, default)
        if value is None:
            self._note(key, f"is missing; an integer from 0 to {most}")
            return 0
        return self._integer(key, value, most)

    def optional_number(self, key: str, most: int) -> int | None:
        value = self._get(key, None)
        return None if value is None else self._integer(key, value, most)

    def optional_range(self, key: str, most: int) -> tuple[int, int] | None:
        value = self._get(key, None)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 2:
            self._note(key, f"must be two integers, the lower first, not {_shown(value)}")
            return None
        low, high = (self._integer(f"{key}[{place}]", bp, most) for place, bp in enumerate(value, 1))
        if low > high:
            self._note(key, f"must have the lower first, not {_shown(value)}")
        return low, high

    def levels(self) -> Levels:
        """Return `levels_bp`, one to three rates that sum to at most the whole, filled with zeros."""
        value = self._get("levels_bp", None)
        if value is None:
            self._note("levels_bp", "is missing; one to three integers")
            return 0, 0, 0
        if not isinstance(value, list) or not 1 <= len(value) <= 3:
            self._note("levels_bp", f"must be a list of one to three integers, not {_shown(value)}")
            return 0, 0, 0
        rates = [self._integer(f"levels_bp[{level}]", bp, BP) for level, bp in enumerate(value, 1)]
        if sum(rates) > BP:
            self._note("levels_bp", f"sum to {sum(rates)}, which is more than the whole ({BP})")
        first, second, third = (*rates, 0, 0)[:3]
        return first, second, third

    def refuse_unknown_keys(self) -> None:
        for key in self._values:
            if key not in self._known:
                close = get_close_matches(key, self._known, n=1)
                self._note(key, f"is not known; did you mean {close[0]}?" if close else "is not known")
        for inside in self._inside:
            inside.refuse_unknown_keys()

    def _get(self, key: str, default: object) -> object:
        self._known.append(key)
        return self._values.get(key, default)

    def _integer(self, key: str, value: object, most: int) -> int:
        if type(value) is not int or not 0 <= value <= most:
            self._note(key, f"must be an integer from 0 to {most}, not {_shown(value)}")
            return 0
        return value

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _note(self, key: str, reason: str) -> None:
        self._problems.append(Problem(self._at(key), reason))


def _shown(value: object) -> str:
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # more digits or a deeper nesting than Python prints
        shown = "what is too large to show"
    return shown if len(shown) <= 60 else shown[:57] + "..."
