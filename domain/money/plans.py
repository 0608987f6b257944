"""The published commission plans: which one is in force when, and what must be right before a new one is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import Session

from domain import audit_log
from domain.errors import Refusal
from domain.messages import alerts, notices
from domain.money import BP, Money, commission, percent, plan
from domain.money.plan import Plan, PlanInvalid, Problem
from domain.periods import format_instant
from domain.schema import Order, PlanVersion, Product
from domain.sql import one_at_a_time
from domain.wording import Words, words

LOCK: Final = "plans"
"""Payments share it while they are recorded; whoever publishes wants it alone."""


class PlanRefused(Refusal):
    """A plan that must not be published as it stands; `errors` say why, each with its figures."""

    code = "plan_refused"

    def __init__(self, errors: Sequence[Words]) -> None:
        super().__init__(errors=list(errors))
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class Findings:
    """What stands against a plan. `guard` can be accepted by whoever publishes, `errors` cannot."""

    errors: tuple[Words, ...] = ()
    guard: tuple[Words, ...] = ()
    warnings: tuple[Words, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishResult:
    plan_id: int
    name: str
    effective_from: datetime
    warnings: tuple[Words, ...]


class Timeline:
    """The plans of a span of time."""

    def __init__(self, versions: Sequence[tuple[datetime, int, str]]) -> None:
        self._from = [version[0] for version in versions]
        self._versions = versions

    def at(self, instant: datetime) -> tuple[int, Plan] | None:
        """Return the id and the plan in force at `instant`: the last one whose time has come."""
        place = bisect_right(self._from, instant)
        if not place:
            return None
        _, id_, source = self._versions[place - 1]
        return id_, _read(source)


@lru_cache(maxsize=64)
def _read(source: str) -> Plan:
    return plan.read_plan(source)


def in_force(db: Session, at: datetime) -> tuple[int, Plan] | None:
    """Return the id and the plan in force at `at`; None before the first."""
    return timeline(db, at, at).at(at)


_first, _last = (bindparam(name, type_=PlanVersion.effective_from.type) for name in ("first", "last"))
_in_force_first = select(func.max(PlanVersion.effective_from)).where(PlanVersion.effective_from <= _first)
_TIMELINE: Final = (
    select(PlanVersion.effective_from, PlanVersion.id, PlanVersion.source)
    .where(
        PlanVersion.effective_from <= _last,
        PlanVersion.effective_from >= func.coalesce(_in_force_first.scalar_subquery(), _first),
    )
    .order_by(PlanVersion.effective_from, PlanVersion.id)
)


def timeline(db: Session, first: datetime, last: datetime) -> Timeline:
    """Return the plans in force at any instant from `first` to `last`, both included."""
    rows = db.connection().execute(_TIMELINE, {"first": first, "last": last})
    return Timeline([(row[0], row[1], row[2]) for row in rows])


def publish(
    db: Session,
    text: str,
    *,
    effective_from: datetime | None = None,
    by: str,
    accept_guard: bool = False,
    now: datetime,
) -> PublishResult:
    """Put a plan in force from `effective_from` (now where it is left out) until the next one.

    Raises PlanInvalid for a text that is no plan, PlanRefused with the figures where the catalogue, the profile of the
    market or orders that were applied already stand against it. `accept_guard` accepts rates above the margin guard.
    """
    start = effective_from or now
    new = plan.read_plan(text)
    one_at_a_time(db, LOCK)
    found = _findings(db, new)
    errors = found.errors + (() if accept_guard else found.guard)
    if start < now and (paid := db.scalar(select(func.max(Order.paid_at)).where(Order.paid_at >= start))) is not None:
        errors += (words("plan.already_paid", since=start, paid_at=paid),)
    if errors:
        raise PlanRefused(errors)
    plan_id = db.scalars(
        insert(PlanVersion).returning(PlanVersion.id),
        [
            {
                "effective_from": start,
                "name": new.name,
                "source": text,
                "published_at": now,
                "published_by": by,
                "accepted_guard": accept_guard,
            }
        ],
    ).one()
    audit_log.record(
        db,
        actor=by,
        action="plan.publish",
        subject=f"plan:{plan_id}",
        after={"name": new.name, "from": format_instant(start), "accepted_guard": accept_guard},
        now=now,
    )
    alerts.clear_alert(db, notices.NO_PLAN, now=now)
    warnings = found.warnings + (found.guard if accept_guard else ())
    return PublishResult(plan_id, new.name, start, warnings)


def check(db: Session, text: str) -> Findings:
    """Say what stands against a plan, word by word and against the catalogue, without changing anything."""
    try:
        new = plan.read_plan(text)
    except PlanInvalid as invalid:
        return Findings(errors=tuple(_problem(p) for p in invalid.problems))
    return _findings(db, new)


def _problem(problem: Problem) -> Words:
    """One thing wrong with the text of a plan, or with all of it."""
    if not problem.field:
        return words("plan.unreadable", reason=problem.reason)
    return words("plan.problem", at=problem.field, reason=problem.reason)


def _findings(db: Session, new: Plan) -> Findings:
    found: dict[str, list[Words]] = {"refusal": [], "guard": [], "warning": []}
    for finding in plan.compliance_findings(new):
        found[finding.severity].append(Words(f"plan.{finding.code}", finding.params))
    for severity, said in _against_catalogue(db, new):
        found[severity].append(said)
    return Findings(tuple(found["refusal"]), tuple(found["guard"]), tuple(found["warning"]))


def _against_catalogue(db: Session, new: Plan) -> Iterator[tuple[str, Words]]:
    """Floor prices of every product; cost, margin and guard of what is on the shelf. Figures are per piece."""
    for row in db.execute(
        select(
            Product.sku,
            Product.brand,
            Product.category,
            Product.price,
            Product.cost,
            Product.currency,
            Product.on_shelf,
            Product.hot,
            Product.floor_price,
        ).order_by(Product.sku)
    ):
        price = Money(row.price, row.currency)
        if row.floor_price is not None and row.price < row.floor_price:
            floor = Money(row.floor_price, row.currency)
            yield "refusal", words("plan.below_floor", sku=row.sku, price=price, floor=floor)
        if not row.on_shelf:
            continue
        if row.cost is None:
            yield "warning", words("plan.no_cost", sku=row.sku)
            continue
        cost = Money(row.cost, row.currency)
        line = commission.OrderLine(1, row.sku, row.brand, row.category, 1, row.price, unit_cost=row.cost)
        quote = commission.quote(line, new)
        if quote.cap is not None and sum(quote.bare) > quote.cap:
            pays, cap = Money(sum(quote.bare), row.currency), Money(quote.cap, row.currency)
            yield "guard", words("plan.over_guard", sku=row.sku, price=price, cost=cost, pays=pays, cap=cap)
        yield from _margin(new, row.sku, row.hot, price, cost)


def _margin(new: Plan, sku: str, hot: bool, price: Money, cost: Money) -> Iterator[tuple[str, Words]]:
    """Compare the gross margin, a share of the price in basis points rounded down, with what the plan asks for."""
    if not price.minor:
        return
    margin_bp = (price.minor - cost.minor) * BP // price.minor
    figures = {"sku": sku, "margin": percent(margin_bp), "price": price, "cost": cost}
    if hot:
        most = new.margin.hot_max_bp
        if most is not None and margin_bp > most:
            yield "warning", Words("plan.hot_margin", {**figures, "most": percent(most)})
    elif new.margin.other_bp is not None:
        low, high = new.margin.other_bp
        if not low <= margin_bp <= high:
            yield "warning", Words("plan.margin_outside", {**figures, "low": percent(low), "high": percent(high)})
