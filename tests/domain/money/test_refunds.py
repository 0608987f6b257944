"""What is still due after money or goods came back: only totals count, and nothing is left of a full refund."""

import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money.commission import Captured, Earner, OrderLine, after_refund, split
from domain.money.plan import Plan
from tests.domain.sale_cases import cases

PRICE = Plan("by price", "price", (1000, 500, 200), max_margin_share_bp=10_000)
MARGIN = Plan("by margin", "margin", (3500, 1500, 500))
CHAIN = [Earner(1, True), Earner(2, True), Earner(3, True)]


def sold(plan: Plan, amount=20_000, quantity=2, cost: int | None = 5_000, **more) -> Captured:
    line = OrderLine(1, "SERUM", "HADA", "skincare", quantity, amount, unit_cost=cost, **more)
    [result] = split([line], CHAIN, plan)
    return result.captured


def test_one_of_two_pieces_back_halves_what_is_due():
    assert sold(MARGIN).due == (3500, 1500, 500)
    assert after_refund(sold(MARGIN), 10_000, 1) == (1750, 750, 250)


def test_money_back_for_goods_kept_comes_off_the_margin():
    # 150.00 left for two pieces of 50.00: a margin of 50.00
    assert after_refund(sold(MARGIN), 5_000, 2) == (1750, 750, 250)


def test_goods_that_come_back_later_bring_back_what_money_back_took():
    line = sold(MARGIN)
    assert after_refund(line, 10_000, 2) == (0, 0, 0)
    assert after_refund(line, 10_000, 1) == (1750, 750, 250)


def test_never_more_is_due_than_at_payment():
    # both pieces back and nothing repaid: the margin is 200.00 now
    assert after_refund(sold(MARGIN), 0, 0) == (3500, 1500, 500)


def test_a_level_that_earned_nothing_at_payment_takes_its_part_of_the_cap_but_is_never_paid():
    # at payment: margin 1,000, amounts 499 + 0 (0.9 dropped), cap 60 % = 600
    # one piece back without money: margin 10,000, bare 4,990 + 9, cap 6,000
    line = replace(MARGIN, levels_bp=(4990, 9, 0))
    captured = sold(line, amount=19_000, quantity=2, cost=9_000)
    assert captured.due == (499, 0, 0)
    assert after_refund(captured, 0, 1) == (499, 0, 0)
    # with a guard that bites, the level counts in S: margin 10,000, cap 500 of 4,999: 500*4990//4999 = 499
    tight = captured._replace(max_margin_share_bp=500, due=(500, 0, 0))
    assert after_refund(tight, 0, 1) == (499, 0, 0)


def test_the_guard_is_applied_again_to_what_is_left():
    plan = replace(PRICE, max_margin_share_bp=3000)
    # 120.00 left for two pieces: margin 20.00, cap 600; bare 1,200 + 600 + 240 = 2,040
    assert after_refund(sold(plan), 8_000, 2) == (600 * 1200 // 2040, 600 * 600 // 2040, 600 * 240 // 2040)


def test_what_is_left_is_converted_as_a_total():
    line = sold(PRICE, amount=1_000, quantity=1, cost=None, rate=Decimal("0.5"))
    assert line.due == (50, 25, 10)
    # 999 left are 499 (of 499.5); converting the refunded 1 by itself would take nothing off the 500
    assert after_refund(line, 1, 1) == (49, 24, 9)


@pytest.mark.parametrize(("refunded", "left"), [(20_001, 0), (-1, 2), (0, 3), (0, -1)])
def test_more_than_was_paid_for_cannot_come_back(refunded, left):
    with pytest.raises(ValueError, match="refunded"):
        after_refund(sold(MARGIN), refunded, left)


@given(cases)
def test_what_is_paid_is_what_was_captured_and_no_level_is_paid_twice(result):
    due = list(result.captured.due)
    for share in result.shares:
        assert share.amount == due[share.level - 1] > 0
        assert share.rate_bp == result.captured.rates_bp[share.level - 1]
        due[share.level - 1] = 0
    assert due == [0, 0, 0]
    members = [share.member_id for share in result.shares]
    assert len(set(members)) == len(members)


@given(cases)
def test_all_levels_together_never_exceed_the_guard_nor_any_its_rate(result):
    line = result.captured
    paid_exact = floor(line.amount * Fraction(line.rate))
    for share in result.shares:
        assert share.amount <= Fraction(share.base * share.rate_bp, 10_000)
    if line.unit_cost is not None:
        cost = floor(line.unit_cost * line.quantity * Fraction(line.cost_rate))
        assert sum(line.due) <= Fraction(max(0, paid_exact - cost) * line.max_margin_share_bp, 10_000)


@given(cases, st.data())
def test_after_any_refund_each_level_keeps_between_nothing_and_what_it_had(result, data):
    line = result.captured
    refunded, left = data.draw(st.integers(0, line.amount)), data.draw(st.integers(0, line.quantity))
    due = after_refund(line, refunded, left)
    assert all(0 <= now <= before for now, before in zip(due, line.due, strict=True))


@given(cases, st.data())
def test_a_full_refund_leaves_exactly_nothing_and_no_refund_leaves_everything(result, data):
    line = result.captured
    assert after_refund(line, line.amount, data.draw(st.integers(0, line.quantity))) == (0, 0, 0)
    assert after_refund(line, 0, line.quantity) == line.due


@given(cases)
def test_what_was_captured_survives_being_kept_as_json(result):
    assert Captured.from_json(json.loads(json.dumps(result.captured.to_json()))) == result.captured
