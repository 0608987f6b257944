"""Why an amount is what it is: every step named, every figure there, in an order that a person can follow."""

import json
from dataclasses import replace
from decimal import Decimal

from hypothesis import given

from domain.money.commission import TRACE_CODES, CampaignBonus, Captured, Earner, OrderLine, Step, split
from domain.money.explanation import explain, explain_refund, steps_for
from domain.money.plan import Plan
from tests.domain.sale_cases import cases

PRICE = Plan("by price", "price", (1000, 500, 200), max_margin_share_bp=3000)
MARGIN = Plan("by margin", "margin", (3500, 1500, 500), tier_bonus_bp={"gold": 300})
SERUM = OrderLine(1, "SERUM", "HADA", "skincare", 2, 19_999, unit_cost=5_000)


def story(plan: Plan, chain: list[Earner], line: OrderLine = SERUM) -> tuple[list[Step], Captured]:
    [result] = split([line], chain, plan, campaign_bonuses={"SERUM": [CampaignBonus("c-1", 100)]})
    return explain(result.trace, result.captured), result.captured


def test_the_story_of_a_sale_goes_from_who_to_the_guard_with_every_figure():
    steps, _ = story(MARGIN, [Earner(1, True, tier="gold"), Earner(2, False)])
    assert steps == [
        {"code": "level_not_live", "level": 2, "member": 2},
        {"code": "level_missing", "level": 3},
        {
            "code": "rate_plan",
            "sku": "SERUM",
            "category": "skincare",
            "brand": "HADA",
            "level1_bp": 3500,
            "level2_bp": 1500,
            "level3_bp": 500,
        },
        {"code": "campaign_bonus", "level": 1, "campaign": "c-1", "bonus_bp": 100},
        {"code": "tier_bonus", "level": 1, "tier": "gold", "bonus_bp": 300},
        {"code": "base_margin", "base": 9999, "amount": 19999, "cost": 10000, "quantity": 2},
        {"code": "amount", "level": 1, "base": 9999, "rate_bp": 3900, "amount": 3899},
        {"code": "rounded_down", "level": 1, "dropped": 6100},
        {"code": "guard_kept", "sum": 3899, "cap": 5999, "margin": 9999, "share_bp": 6000},
    ]


def test_a_guard_that_bites_says_what_it_took_from_each_level():
    steps, captured = story(PRICE, [Earner(1, True), Earner(2, True)], SERUM._replace(amount=20_000))
    # 11 % with the campaign and 5 %: 2,200 + 1,000 of a cap of 3,000
    assert captured.due == (2062, 937, 0)
    assert steps[-3:] == [
        {"code": "guard_exceeded", "sum": 3200, "cap": 3000, "margin": 10000, "share_bp": 3000},
        {"code": "guard_reduced", "level": 1, "before": 2200, "amount": 2062},
        {"code": "guard_reduced", "level": 2, "before": 1000, "amount": 937},
    ]


def test_converted_amounts_show_the_rate_as_it_was_published():
    line = SERUM._replace(rate=Decimal("0.0478"), cost_rate=Decimal("7.10"))
    steps, _ = story(replace(PRICE, base="price"), [Earner(1, True)], line)
    assert {"code": "amount_converted", "amount": 19999, "rate": "0.0478", "converted": 955} in steps
    assert {"code": "cost_converted", "cost": 10000, "rate": "7.10", "converted": 71000} in steps


def test_a_product_without_a_cost_says_so():
    without = SERUM._replace(unit_cost=None)
    assert "base_without_cost" in [step["code"] for step in story(MARGIN, [Earner(1, True)], without)[0]]
    assert "guard_without_cost" in [step["code"] for step in story(PRICE, [Earner(1, True)], without)[0]]


def test_a_refund_says_what_is_left_and_what_remains_due():
    _, captured = story(PRICE, [Earner(1, True)], SERUM._replace(amount=20_000))
    assert explain_refund(captured, 10_000, 1) == [
        {"code": "refund_left", "amount": 10000, "quantity": 1},
        {"code": "base_price", "base": 10000},
        {"code": "amount", "level": 1, "base": 10000, "rate_bp": 1100, "amount": 1100},
        {"code": "guard_kept", "sum": 1100, "cap": 1500, "margin": 5000, "share_bp": 3000},
        {"code": "refund_due", "level": 1, "at_payment": 2200, "due": 1100},
    ]


def test_a_distributor_is_told_what_concerns_their_level_and_what_the_sum_of_all_is_made_of():
    steps, _ = story(MARGIN, [Earner(1, True, tier="gold"), Earner(2, True)])
    codes = [step["code"] for step in steps_for(steps, 2)]
    assert codes == ["level_missing", "rate_plan", "campaign_bonus", "tier_bonus", "base_margin", "amount", "amount",
                     "rounded_down", "guard_kept"]  # fmt: skip
    told = steps_for(steps, 2)
    assert sum(int(step["amount"]) for step in told if step["code"] == "amount") == told[-1]["sum"]


def test_nobody_is_told_who_of_the_others_could_not_earn():
    steps, _ = story(MARGIN, [Earner(1, True), Earner(2, False)])
    assert any(step["code"] == "level_not_live" for step in steps)
    told = steps_for(steps, 1)
    assert {"code": "level_unpaid", "level": 2} in told
    assert not any(step["code"] == "level_not_live" for step in told)


@given(cases)
def test_every_story_uses_known_steps_with_all_their_parameters_and_ends_at_what_is_paid(result):
    told = explain(result.trace, result.captured)
    for step in [*told, *explain_refund(result.captured, result.captured.amount, 0)]:
        assert set(step) == {"code", *TRACE_CODES[str(step["code"])]}
        assert all(type(value) in (int, str) for value in step.values())
    assert json.loads(json.dumps(told)) == told
    for share in result.shares:
        own = [step for step in steps_for(told, share.level) if step.get("level") == share.level]
        last = [step for step in own if "amount" in step][-1]
        assert last["amount"] == share.amount
