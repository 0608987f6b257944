"""A commission plan: read with everything that is wrong named at once, and held against its market's profile."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money.plan import (
    MAX_TEXT,
    BindingRule,
    Compliance,
    Finding,
    MarginPolicy,
    Plan,
    PlanInvalid,
    Problem,
    compliance_findings,
    paid_levels,
    read_plan,
)

AUTUMN = """
name = "2026 autumn"
base = "margin"                   # or "price"
levels_bp = [3500, 1500, 500]
max_margin_share_bp = 5000
freeze_days = 14
binding = { policy = "protected", days = 60 }
self_purchase = "pay"
compression = "pass_up"
self_set_min_level1_bp = 900
[brand."HADA"]
levels_bp = [3000, 1000, 500]
[category."护肤"]
levels_bp = [4000]
[product."JP-SERUM-30"]
levels_bp = [4500, 0, 500]
[tier.gold]
bonus_bp = 300
[margin]
hot_max_bp = 800
other_bp = [1000, 2500]
[compliance]
market = "CN"
acknowledged_by = "Chen"
"""

SMALLEST = 'name = "n"\nbase = "price"\nlevels_bp = [1000]\n'


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(PlanInvalid) as refused:
        read_plan(text)
    return list(refused.value.problems)


def test_a_plan_is_read_word_for_word():
    assert read_plan(AUTUMN) == Plan(
        name="2026 autumn",
        base="margin",
        levels_bp=(3500, 1500, 500),
        max_margin_share_bp=5000,
        freeze_days=14,
        binding=BindingRule("protected", 60),
        self_purchase="pay",
        compression="pass_up",
        self_set_min_level1_bp=900,
        product_levels_bp={"JP-SERUM-30": (4500, 0, 500)},
        category_levels_bp={"护肤": (4000, 0, 0)},
        brand_levels_bp={"HADA": (3000, 1000, 500)},
        tier_bonus_bp={"gold": 300},
        margin=MarginPolicy(800, (1000, 2500)),
        compliance=Compliance("CN", "Chen"),
    )


def test_the_smallest_plan_holds_self_purchases_and_leaves_the_platform_four_tenths_of_the_margin():
    plan = read_plan(SMALLEST)
    assert plan == Plan("n", "price", (1000, 0, 0))
    assert (plan.max_margin_share_bp, plan.freeze_days, plan.self_purchase) == (6000, 7, "hold")
    assert (plan.binding, plan.compression, plan.self_set_min_level1_bp) == (BindingRule("last", 30), "none", 1000)


def test_everything_that_is_wrong_is_named_at_once():
    wrong = """
        base = "profit"
        levels_bp = [6000, 4000, 1]
        max_margin_share_bp = 60.5
        freeze_day = 7
        self_purchase = true
        binding = { policy = "frist", days = 3651 }
        [tier.gold]
        [tier.silver]
        bonus_bp = true
        bonus = 3
        [brand.HADA]
        [category.tea]
        levels_bp = [1, 2, 3, 4]
        [product.X]
        levels_bp = [-1, "5"]
        [margin]
        hot_max_bp = 10001
        other_bp = [2500, 1000]
    """
    found = dict(problems_of(wrong))
    assert set(found) == {
        "name",
        "base",
        "levels_bp",
        "max_margin_share_bp",
        "freeze_day",
        "self_purchase",
        "binding.policy",
        "binding.days",
        "tier.gold.bonus_bp",
        "tier.silver.bonus_bp",
        "tier.silver.bonus",
        "brand.HADA.levels_bp",
        "category.tea.levels_bp",
        "product.X.levels_bp[1]",
        "product.X.levels_bp[2]",
        "margin.hot_max_bp",
        "margin.other_bp",
    }
    assert found["levels_bp"] == "sum to 10001, which is more than the whole (10000)"
    assert found["max_margin_share_bp"] == "must be an integer from 0 to 10000, not 60.5"
    assert found["freeze_day"] == "is not known; did you mean freeze_days?"
    assert found["base"] == "must be one of price, margin, not 'profit'"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "base"),
        ('name = ""\n', "name"),
        ("name = 5\n", "name"),
        (f'name = "{"n" * 201}"\n', "name"),
        ('name = "a\\u0000b"\n', "name"),
        ("levels_bp = []\n", "levels_bp"),
        ("levels_bp = 5\n", "levels_bp"),
        ("levels_bp = [1.0]\n", "levels_bp[1]"),
        (f"levels_bp = [{'9' * 4000}]\n", "levels_bp[1]"),
        ("levels_bp = [0x" + "f" * 5000 + "]\n", "levels_bp[1]"),
        ("name" + ".a" * 5000 + " = 1\n", "name"),
        ("binding = 5\n", "binding"),
        ("brand = 5\n", "brand"),
        ("brand = { HADA = 5 }\n", "brand.HADA"),
        ('[brand." "]\nlevels_bp = [1]\n', "brand. "),
        ("[margin]\nother_bp = [1]\n", "margin.other_bp"),
        ("[margin]\nother_bp = 5\n", "margin.other_bp"),
        ('[compliance]\nacknowledged_by = " "\n', "compliance.acknowledged_by"),
        ("xyz = 1\n", "xyz"),
    ],
)
def test_a_wrong_value_is_found_where_it_stands(text, field):
    assert field in dict(problems_of(text))


@pytest.mark.parametrize(
    "text", ["name = ", "a = 1\na = 2\n", f"levels_bp = [{'9' * 5000}]", "a = " + "[" * 20_000, "#" * (MAX_TEXT + 1)]
)
def test_what_is_no_toml_is_refused_as_a_whole(text):
    [problem] = problems_of(text)
    assert problem.field == ""


def test_a_refused_plan_says_why_in_one_line():
    with pytest.raises(PlanInvalid, match=r"levels_bp: is missing; one to three integers"):
        read_plan('name = "n"\nbase = "price"\n')


@given(st.text(max_size=200))
def test_no_text_at_all_does_more_than_be_refused(text):
    with suppress(PlanInvalid):
        read_plan(SMALLEST + text)


@pytest.mark.parametrize(
    ("levels", "deepest"), [("[0]", 0), ("[1000]", 1), ("[1000, 500]", 2), ("[1000, 0, 500]", 3), ("[1, 0, 0]", 1)]
)
def test_the_deepest_level_that_is_paid_counts(levels, deepest):
    assert paid_levels(read_plan(SMALLEST.replace("[1000]", levels))) == deepest


def test_a_rate_of_one_product_counts_as_much_as_the_plans():
    assert paid_levels(read_plan(SMALLEST + "[product.X]\nlevels_bp = [1, 1, 1]\n")) == 3


def test_three_levels_in_china_are_refused_until_somebody_puts_their_name_under_them():
    nobody = read_plan(AUTUMN.replace('acknowledged_by = "Chen"', ""))
    figures: dict[str, int | str] = {"market": "CN", "paid": 3, "recommended": 2}
    assert compliance_findings(nobody) == [Finding("refusal", "levels_not_acknowledged", figures)]
    assert compliance_findings(read_plan(AUTUMN)) == [
        Finding("warning", "levels_acknowledged", {**figures, "acknowledged_by": "Chen"})
    ]


def test_two_levels_in_china_need_no_name():
    two = SMALLEST.replace("[1000]", "[6000, 4000]") + '[compliance]\nmarket = "CN"\n'
    assert compliance_findings(read_plan(two)) == []


def test_a_plan_without_a_market_or_with_an_unknown_one_is_warned_of():
    assert compliance_findings(read_plan(SMALLEST)) == [Finding("warning", "market_not_named", {"paid": 1})]
    elsewhere = read_plan(SMALLEST + '[compliance]\nmarket = "SG"\n')
    assert compliance_findings(elsewhere) == [Finding("warning", "market_unknown", {"market": "SG", "paid": 1})]
