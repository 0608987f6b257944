"""Who gets the credit for an order: code, binding, or nobody."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money.plan import BindingRule
from domain.sales.attribution import CREDIT_CODES, Binding, Decision, decide, newest, runs

LI, WANG = 1, 2
MONDAY = datetime(2026, 11, 23, 2, tzinfo=UTC)
DAY = timedelta(days=1)
POLICIES = ("last", "protected", "permanent")


def credit(ref=None, bindings=(), *, at=MONDAY, policy="last", days=30, has_buyer=True) -> Decision:
    return decide(ref, bindings, paid_at=at, rule=BindingRule(policy, days), has_buyer=has_buyer)


def bound_to(member, days_ago=1, live=True) -> Binding:
    return Binding(MONDAY - days_ago * DAY, member, live)


def test_a_code_earns_the_credit_and_binds_the_buyer():
    assert credit(LI) == Decision(LI, LI, "credit_ref")


def test_a_code_without_a_buyer_binds_nobody():
    assert credit(LI, has_buyer=False) == Decision(LI, None, "credit_ref")


def test_without_a_code_the_running_binding_earns_the_credit_and_is_not_renewed():
    assert credit(bindings=[bound_to(LI)]) == Decision(LI, None, "credit_binding", MONDAY - DAY)


def test_without_code_and_binding_nobody_is_credited():
    assert credit() == Decision(None, None, "credit_nobody")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_code_of_the_same_member_renews_the_binding_under_every_policy(policy):
    assert credit(LI, [bound_to(LI)], policy=policy) == Decision(LI, LI, "credit_ref")


def test_the_last_code_wins_under_last():
    assert credit(WANG, [bound_to(LI)], policy="last") == Decision(WANG, WANG, "credit_ref")


@pytest.mark.parametrize("policy", ["protected", "permanent"])
def test_a_running_binding_wins_over_another_code_which_binds_nobody(policy):
    expected = Decision(LI, None, "credit_binding_protected", MONDAY - DAY)
    assert credit(WANG, [bound_to(LI)], policy=policy) == expected


@pytest.mark.parametrize("policy", POLICIES)
def test_a_binding_to_a_member_who_is_no_longer_live_stands_in_nobodys_way(policy):
    gone = [bound_to(LI, live=False)]
    assert credit(WANG, gone, policy=policy) == Decision(WANG, WANG, "credit_ref")
    assert credit(bindings=gone, policy=policy) == Decision(None, None, "credit_nobody")


def test_an_older_binding_does_not_come_back_when_the_newest_is_of_no_use():
    assert credit(bindings=[bound_to(WANG, days_ago=2), bound_to(LI, live=False)]).credited is None


@pytest.mark.parametrize("policy", ["last", "protected"])
def test_a_window_of_30_days_is_over_at_the_very_instant_of_its_end(policy):
    binding = [bound_to(LI, days_ago=30)]
    just_before = MONDAY - timedelta(microseconds=1)
    assert credit(bindings=binding, at=just_before, policy=policy).credited == LI
    assert credit(bindings=binding, policy=policy).credited is None
    assert credit(WANG, binding, policy=policy) == Decision(WANG, WANG, "credit_ref")


def test_a_permanent_binding_runs_for_ever():
    assert credit(bindings=[bound_to(LI, days_ago=9_999)], policy="permanent", days=0).credited == LI


def test_a_late_order_sees_only_the_bindings_of_its_own_time():
    bindings = [bound_to(LI, days_ago=3), bound_to(WANG, days_ago=1)]
    assert credit(bindings=bindings, at=MONDAY - 2 * DAY).credited == LI
    assert credit(bindings=bindings, at=MONDAY - 4 * DAY).credited is None
    assert credit(bindings=bindings, at=MONDAY - DAY).credited == WANG  # bound_at <= paid_at


def test_of_two_bindings_at_the_same_instant_the_later_recorded_one_counts():
    assert credit(bindings=[bound_to(LI), bound_to(WANG)]).credited == WANG
    assert credit(bindings=[bound_to(WANG), bound_to(LI)]).credited == LI


def test_without_a_plan_no_binding_runs_but_a_code_still_binds():
    assert decide(None, [bound_to(LI)], paid_at=MONDAY, rule=None, has_buyer=True).credited is None
    assert decide(WANG, [bound_to(LI)], paid_at=MONDAY, rule=None, has_buyer=True) == Decision(WANG, WANG, "credit_ref")


bindings = st.builds(
    Binding,
    st.integers(-60 * 24, 10 * 24).map(lambda hours: MONDAY + timedelta(hours=hours)),
    st.integers(1, 4),
    st.booleans(),
)
rules = st.builds(BindingRule, st.sampled_from(POLICIES), st.integers(0, 40))
refs = st.none() | st.integers(1, 4)


@given(st.lists(bindings, max_size=6), rules, refs, st.booleans())
def test_a_decision_always_credits_the_code_or_the_newest_binding(held, rule, ref, has_buyer):
    decision = decide(ref, held, paid_at=MONDAY, rule=rule, has_buyer=has_buyer)
    seen = newest(held, MONDAY)
    assert decision.credited in {ref, seen.member_id if seen and seen.live else None, None}
    assert decision.binds in {None, ref}
    assert (decision.credited is None) == (decision.reason == "credit_nobody")
    assert decision.reason in CREDIT_CODES
    if ref is not None:
        assert decision.credited is not None
        assert (decision.binds == ref) == (has_buyer and decision.credited == ref)


@given(st.lists(bindings, max_size=6), rules, refs, bindings.filter(lambda binding: binding.bound_at > MONDAY))
def test_what_is_bound_later_never_reaches_back(held, rule, ref, later):
    before = decide(ref, held, paid_at=MONDAY, rule=rule, has_buyer=True)
    assert decide(ref, [*held, later], paid_at=MONDAY, rule=rule, has_buyer=True) == before


@given(bindings, rules, st.integers(0, 90 * 24), st.integers(0, 90 * 24))
def test_a_window_once_over_never_opens_again(binding, rule, sooner, more):
    instant = binding.bound_at + timedelta(hours=sooner)
    if not runs(binding, instant, rule):
        assert not runs(binding, instant + timedelta(hours=more), rule)
