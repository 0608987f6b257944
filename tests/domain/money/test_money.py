"""Amounts of money: whole minor units that never mix, never grow a fraction and always round down."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import MAX_MINOR, Money, MoneyInvalid, check_amount, check_currency, convert, floor_bp, read_rate

amounts = st.integers(0, MAX_MINOR)


def test_an_eighth_of_19_99_is_2_49_and_the_fraction_is_dropped():
    assert Money(1999, "CNY").take_bp(1_250) == Money(249, "CNY")


def test_amounts_of_one_currency_add_up_and_may_become_a_debt():
    earned, taken_back = Money(300, "CNY"), Money(500, "CNY")
    assert earned + taken_back == Money(800, "CNY")
    assert earned - taken_back == -Money(200, "CNY")
    assert earned < taken_back
    assert taken_back >= earned
    assert earned <= Money(300, "CNY")
    assert not Money(0, "CNY")
    assert earned


@pytest.mark.parametrize("wrong", [19.99, True, "5", None, Decimal(5), MAX_MINOR + 1, -MAX_MINOR - 1])
def test_what_is_no_whole_number_of_minor_units_never_becomes_money(wrong):
    with pytest.raises(MoneyInvalid):
        Money(wrong, "CNY")
    with pytest.raises(MoneyInvalid):
        check_amount(wrong)


@pytest.mark.parametrize("wrong", ["cny", "CN", "CNYX", "", "CN1", "\uff23\uff2e\uff39", None, 5])
def test_a_currency_is_three_capital_letters(wrong):
    with pytest.raises(MoneyInvalid):
        check_currency(wrong)


def test_yuan_and_yen_do_not_mix():
    with pytest.raises(MoneyInvalid, match="JPY"):
        Money(1, "CNY") + Money(1, "JPY")
    with pytest.raises(MoneyInvalid, match="int"):
        Money(1, "CNY") + 1  # type: ignore[operator]
    with pytest.raises(MoneyInvalid):
        assert Money(1, "CNY") < Money(1, "JPY")


@pytest.mark.parametrize(("minor", "bp"), [(-1, 100), (100, -1), (100, 12.5), (100, True), (1.5, 100)])
def test_basis_points_are_whole_and_are_never_taken_of_a_debt(minor, bp):
    with pytest.raises(MoneyInvalid):
        floor_bp(minor, bp)


@given(amounts, st.integers(0, 20_000))
def test_basis_points_are_the_exact_fraction_rounded_down(minor, bp):
    taken = floor_bp(minor, bp)
    assert taken <= Fraction(minor * bp, 10_000) < taken + 1


def test_a_thousand_yen_at_0_0478_are_47_yuan_and_80_fen():
    assert convert(100_000, Decimal("0.0478")) == 4_780
    assert convert(99, Decimal("0.0478")) == 4  # 4.7322
    # 29 digits: one more than Decimal's own arithmetic keeps, which would round up to 100,000,000,000
    assert convert(3, Decimal("33333333333.333333333333333333")) == 99_999_999_999


@given(st.integers(0, 10**9), st.decimals("0.000000000000000001", "100000", places=18))
def test_a_conversion_is_exact_before_it_is_rounded_down(total, rate):
    converted = convert(total, rate)
    assert converted <= total * Fraction(rate) < converted + 1


def test_a_conversion_that_leaves_the_bounds_is_refused():
    with pytest.raises(MoneyInvalid):
        convert(MAX_MINOR, Decimal(2))


@pytest.mark.parametrize("text", ["0.0478", "1", "999999999999.999999999999999999", "007.50"])
def test_a_rate_is_read_exactly(text):
    assert read_rate(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.000", "-1", "+1", "1e3", ".5", "5.", "1,5", "NaN", "Infinity", "\uff11", "1\n", "1" * 13, 0.5, None],
)
def test_what_is_no_plain_positive_decimal_is_no_rate(text):
    with pytest.raises(MoneyInvalid):
        read_rate(text)
