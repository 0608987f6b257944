"""Publishing a plan: what stands against it, from when it counts, and who answers for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.money import plans
from domain.money.plan import PlanInvalid
from domain.money.plans import PlanRefused
from domain.schema import AuditRow
from tests.domain.makings import goods
from tests.domain.shop import PLAN, Shop

GREEDY = 'name = "greedy"\nbase = "margin"\nlevels_bp = [4000, 2000, 1000]\n'


def keys(said: object) -> list[str]:
    return [each.key for each in said]  # type: ignore[attr-defined]


def publish(db: Session, text: str, now: datetime, *, days: int = 0, accept_guard: bool = False) -> plans.PublishResult:
    start = now + timedelta(days=days)
    return plans.publish(db, text, effective_from=start, by="cli", accept_guard=accept_guard, now=now)


def test_the_last_plan_whose_time_has_come_is_in_force(db: Session, now: datetime) -> None:
    assert plans.in_force(db, now) is None
    for name, days in (("first", 0), ("third", 10), ("second", 5), ("second again", 5)):
        publish(db, PLAN.replace("autumn", name), now, days=days)
    names = []
    for hours in (-1, 0, 119, 120, 240, 9999):
        found = plans.in_force(db, now + timedelta(hours=hours))
        names.append(found[1].name if found else None)
    assert names == [None, "first", "first", "second again", "third", "third"]
    timeline = plans.timeline(db, now + timedelta(days=1), now + timedelta(days=9))
    during = [timeline.at(now + timedelta(days=day)) for day in (1, 9)]
    assert [pair[1].name for pair in during if pair] == ["first", "second again"]


def test_a_text_that_is_no_plan_is_refused_with_everything_that_is_wrong(db: Session, now: datetime) -> None:
    bad = 'name = "x"\nbase = "prise"\nlevels_bp = [20000]\nfreeze = 3'
    assert [said.params["at"] for said in plans.check(db, bad).errors] == ["base", "levels_bp[1]", "freeze"]
    with pytest.raises(PlanInvalid):
        publish(db, bad, now)


def test_rates_above_the_guard_are_refused_with_the_figures_unless_they_are_accepted(
    db: Session, now: datetime
) -> None:
    goods(
        db,
        now,
        {"sku": "SERUM", "cost": 4_000, "currency": "CNY"},
        {"sku": "HIDDEN", "cost": 4_000, "currency": "CNY", "on_shelf": False},
    )
    with pytest.raises(PlanRefused) as refused:
        publish(db, GREEDY, now)
    [said] = refused.value.errors
    assert said.key == "plan.over_guard"
    assert {name: getattr(value, "minor", value) for name, value in said.params.items()} == {
        "sku": "SERUM", "price": 10_000, "cost": 4_000, "pays": 4_200, "cap": 3_600,
    }  # fmt: skip
    assert plans.in_force(db, now) is None
    accepted = publish(db, GREEDY, now, accept_guard=True)
    assert "plan.over_guard" in keys(accepted.warnings)
    row = db.execute(select(AuditRow.actor, AuditRow.action, AuditRow.after)).all()[-1]
    assert (row.actor, row.action, row.after["accepted_guard"]) == ("cli", "plan.publish", True)


def test_a_price_below_its_floor_is_refused_and_cannot_be_accepted(db: Session, now: datetime) -> None:
    goods(db, now, {"sku": "SERUM", "currency": "CNY", "floor_price": 9_000})
    publish(db, PLAN, now)
    goods(db, now, {"sku": "SERUM", "price": 8_999})
    with pytest.raises(PlanRefused) as refused:
        publish(db, PLAN, now, accept_guard=True)
    assert keys(refused.value.errors) == ["plan.below_floor"]


def test_the_check_warns_of_margins_outside_the_policy_and_of_missing_costs(db: Session, now: datetime) -> None:
    goods(
        db,
        now,
        {"sku": "HOT", "hot": True, "cost": 9_100, "currency": "CNY"},
        {"sku": "HOT-OK", "hot": True, "cost": 9_200, "currency": "CNY"},
        {"sku": "LOW", "cost": 9_001, "currency": "CNY"},
        {"sku": "OK", "cost": 7_500, "currency": "CNY"},
        {"sku": "HIGH", "cost": 1_000, "currency": "CNY"},
        {"sku": "UNKNOWN", "currency": "CNY"},
    )
    policy = '[margin]\nhot_max_bp = 800\nother_bp = [1000, 2500]\n[compliance]\nmarket = "EU"\n'
    plan = 'name = "thin"\nbase = "margin"\nlevels_bp = [100]\n' + policy
    findings = plans.check(db, plan)
    assert (findings.errors, findings.guard) == ((), ())
    said = [(each.key, each.params.get("sku")) for each in findings.warnings if "sku" in each.params]
    assert said == [
        ("plan.margin_outside", "HIGH"),
        ("plan.hot_margin", "HOT"),
        ("plan.margin_outside", "LOW"),
        ("plan.no_cost", "UNKNOWN"),
    ]
    assert findings.warnings[-2].params["margin"] == "9.99%"


def test_three_paid_levels_in_china_need_somebody_who_answers_for_them(db: Session, now: datetime) -> None:
    china = PLAN + '[compliance]\nmarket = "CN"\n'
    with pytest.raises(PlanRefused) as refused:
        publish(db, china, now)
    assert keys(refused.value.errors) == ["plan.levels_not_acknowledged"]
    assert keys(publish(db, china + 'acknowledged_by = "Zhang Wei"\n', now).warnings) == ["plan.levels_acknowledged"]


def test_a_plan_may_begin_in_the_past_only_where_no_order_was_paid_since(small_shop: Shop) -> None:
    shop = small_shop
    shop.happens(shop.paid(paid_at=shop.at(-3)))
    with pytest.raises(PlanRefused) as refused:
        publish(shop.db, PLAN, shop.now, days=-3)
    assert keys(refused.value.errors) == ["plan.already_paid"]
    publish(shop.db, PLAN, shop.now, days=-2)
    publish(shop.db, PLAN, shop.now, days=2)
