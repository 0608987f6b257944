"""Who earns what on a sale: the rules one by one with figures worked out by hand, then the laws for any figures."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.money.commission import CampaignBonus, Earner, OrderLine, quote, split, split_refusal
from domain.money.plan import Plan

PRICE = Plan("by price", "price", (1000, 500, 200), max_margin_share_bp=10_000)
MARGIN = Plan("by margin", "margin", (3500, 1500, 500))

LI, WANG, ZHAO, QIAN = (Earner(member_id, live=True) for member_id in (1, 2, 3, 4))
CHAIN = [LI, WANG, ZHAO]


def serum(amount=20_000, *, quantity=2, cost: int | None = 5_000, **more) -> OrderLine:
    return OrderLine(1, "SERUM", "HADA", "skincare", quantity, amount, unit_cost=cost, **more)


def paid(plan, chain=CHAIN, line=None, **more) -> list[tuple[int, int, int]]:
    """Return (level, member, amount) of each share on one line."""
    [result] = split([line or serum()], chain, plan, **more)
    return [(share.level, share.member_id, share.amount) for share in result.shares]


def codes(plan, chain=CHAIN, line=None, **more) -> list[object]:
    [result] = split([line or serum()], chain, plan, **more)
    return [step["code"] for step in result.trace]


def gone(member: Earner) -> Earner:
    return member._replace(live=False)


def self_set(member: Earner, *split_bp: int) -> Earner:
    return member._replace(class_="self_set_commission", split_bp=list(split_bp))


class TestWho:
    def test_three_levels_earn_on_what_was_paid(self):
        # 200.00 yuan at 10 %, 5 % and 2 %
        assert paid(PRICE) == [(1, 1, 2000), (2, 2, 1000), (3, 3, 400)]

    def test_a_level_with_nobody_there_leaves_its_share_with_the_platform(self):
        assert paid(PRICE, [LI, WANG]) == [(1, 1, 2000), (2, 2, 1000)]
        assert codes(PRICE, [LI, WANG])[0] == "level_missing"

    def test_an_order_that_credits_nobody_pays_nobody(self):
        assert paid(PRICE, []) == []

    def test_a_sponsor_who_is_not_live_leaves_the_share_with_the_platform(self):
        assert paid(PRICE, [LI, gone(WANG), ZHAO, QIAN]) == [(1, 1, 2000), (3, 3, 400)]
        assert codes(PRICE, [LI, gone(WANG), ZHAO])[0] == "level_not_live"

    def test_pass_up_gives_the_level_to_the_next_live_one_and_goes_on_from_there(self):
        plan = replace(PRICE, compression="pass_up")
        chain = [LI, gone(WANG), ZHAO, QIAN]
        [line] = split([serum()], chain, plan)
        assert [(s.level, s.member_id, s.amount) for s in line.shares] == [(1, 1, 2000), (2, 3, 1000), (3, 4, 400)]
        assert line.trace[:2] == [
            {"code": "passed_up", "level": 2, "member": 3, "skipped": 1},
            {"code": "passed_up", "level": 3, "member": 4, "skipped": 1},
        ]

    def test_pass_up_walks_past_as_many_as_it_must_and_ends_at_the_top(self):
        plan = replace(PRICE, compression="pass_up")
        assert paid(plan, [LI, gone(WANG), gone(ZHAO), QIAN]) == [(1, 1, 2000), (2, 4, 1000)]
        [line] = split([serum()], [LI, gone(WANG), gone(ZHAO), QIAN], plan)
        assert line.trace[0] == {"code": "passed_up", "level": 2, "member": 4, "skipped": 2}
        assert paid(plan, [LI, gone(WANG), gone(ZHAO)]) == [(1, 1, 2000)]

    def test_a_zero_rate_uses_up_its_level(self):
        plan = replace(PRICE, levels_bp=(1000, 0, 200), compression="pass_up")
        assert paid(plan) == [(1, 1, 2000), (3, 3, 400)]
        assert "rate_zero" in codes(plan)

    def test_nobody_above_an_independent_seller_earns(self):
        assert paid(PRICE, [LI._replace(independent=True), WANG, ZHAO]) == [(1, 1, 2000)]
        assert codes(PRICE, [LI._replace(independent=True), WANG]) == ["seller_independent", "rate_plan"]

    def test_an_independent_sponsor_still_earns_on_the_sales_below(self):
        assert paid(PRICE, [LI, WANG._replace(independent=True), ZHAO]) == [(1, 1, 2000), (2, 2, 1000), (3, 3, 400)]


class TestSelfPurchase:
    def test_none_keeps_level_1_from_earning_and_nobody_else(self):
        plan = replace(PRICE, self_purchase="none", compression="pass_up")
        assert paid(plan, buyer_is_credited=True) == [(2, 2, 1000), (3, 3, 400)]
        assert "self_purchase_none" in codes(plan, buyer_is_credited=True)
        assert paid(plan, []) == []

    @pytest.mark.parametrize("policy", ["pay", "hold"])
    def test_pay_and_hold_leave_the_amounts_as_they_are(self, policy):
        plan = replace(PRICE, self_purchase=policy)
        assert paid(plan, buyer_is_credited=True) == paid(plan)

    def test_the_guard_shares_out_without_the_level_that_earns_nothing(self):
        # margin 10,000, cap 10 % = 1,000; levels 2 and 3 would earn 1,000 and 400: 1000*1000//1400 and 1000*400//1400
        plan = replace(PRICE, self_purchase="none", max_margin_share_bp=1000)
        assert paid(plan, buyer_is_credited=True) == [(2, 2, 714), (3, 3, 285)]


class TestBase:
    def test_margin_is_what_is_left_after_the_cost_of_all_pieces(self):
        # 200.00 - 2 x 50.00 = 100.00; 35 %, 15 %, 5 % make 5,500, below the cap of 6,000
        assert paid(MARGIN) == [(1, 1, 3500), (2, 2, 1500), (3, 3, 500)]

    def test_a_sale_below_cost_pays_nothing(self):
        assert paid(MARGIN, line=serum(9_999)) == []
        assert paid(PRICE, line=serum(9_999)) == []  # the guard of a margin of zero

    def test_a_product_without_a_cost_pays_nothing_by_margin_and_has_no_guard_by_price(self):
        assert paid(MARGIN, line=serum(cost=None)) == []
        plan = replace(PRICE, max_margin_share_bp=0)
        assert paid(plan, line=serum(cost=None)) == [(1, 1, 2000), (2, 2, 1000), (3, 3, 400)]

    def test_fractions_are_dropped_per_line_and_level(self):
        # 1,999: 199.9, 99.95 and 39.98
        assert paid(PRICE, line=serum(1_999, cost=0)) == [(1, 1, 199), (2, 2, 99), (3, 3, 39)]
        # two lines of 9 at 10 % are nothing, not one
        assert [line.shares for line in split([serum(9, cost=0), serum(9, cost=0)], CHAIN, PRICE)] == [(), ()]

    def test_a_line_never_has_a_negative_amount(self):
        with pytest.raises(ValueError, match="negative"):
            split([serum(-1)], CHAIN, PRICE)
        with pytest.raises(ValueError, match="negative"):
            split([serum(quantity=-1)], CHAIN, PRICE)


class TestRate:
    FULL = replace(
        PRICE,
        brand_levels_bp={"HADA": (900, 0, 0)},
        category_levels_bp={"skincare": (800, 0, 0)},
        product_levels_bp={"SERUM": (0, 700, 0)},
    )

    def test_the_products_own_rate_comes_first_and_is_never_filled_up_from_others(self):
        assert paid(self.FULL) == [(2, 2, 1400)]

    def test_then_the_category_then_the_brand_then_the_plan(self):
        no_product = replace(self.FULL, product_levels_bp={})
        no_category = replace(no_product, category_levels_bp={})
        assert paid(no_product) == [(1, 1, 1600)]
        assert paid(no_category) == [(1, 1, 1800)]
        assert paid(no_category, line=serum()._replace(brand=None, category=None)) == paid(PRICE)
        assert [codes(plan)[0] for plan in (self.FULL, no_product, no_category, PRICE)] == [
            "rate_product",
            "rate_category",
            "rate_brand",
            "rate_plan",
        ]

    def test_a_self_set_split_replaces_the_rates(self):
        assert paid(PRICE, [self_set(LI, 1200, 300), WANG, ZHAO]) == [(1, 1, 2400), (2, 2, 600)]

    def test_the_split_of_the_nearest_counts_even_if_it_is_a_sponsors(self):
        chain = [LI, self_set(WANG, 1000, 600, 100), self_set(ZHAO, 1700)]
        assert paid(PRICE, chain) == [(1, 1, 2000), (2, 2, 1200), (3, 3, 200)]

    def test_a_split_above_the_plans_sum_is_refused_and_no_other_is_tried(self):
        chain = [self_set(LI, 1000, 701), self_set(WANG, 1700), ZHAO]
        assert paid(PRICE, chain) == paid(PRICE)
        assert "self_set_sum_too_high" in codes(PRICE, chain)
        assert paid(PRICE, [self_set(LI, 1000, 700), WANG]) == [(1, 1, 2000), (2, 2, 1400)]

    def test_a_split_that_leaves_too_little_to_level_1_is_refused(self):
        chain = [LI, self_set(WANG, 999, 500), ZHAO]
        assert paid(PRICE, chain) == paid(PRICE)
        assert "self_set_level1_too_low" in codes(PRICE, chain)

    def test_the_sellers_split_counts_even_where_self_purchase_keeps_him_from_earning(self):
        plan = replace(PRICE, self_purchase="none")
        assert paid(plan, [self_set(LI, 1000, 700), WANG], buyer_is_credited=True) == [(2, 2, 1400)]

    @pytest.mark.parametrize(
        "chain",
        [
            [LI._replace(split_bp=[1700]), WANG, ZHAO],  # another class
            [LI._replace(class_="self_set_commission"), WANG, ZHAO],  # no split
            [self_set(LI), WANG, ZHAO],
            [LI, gone(self_set(WANG, 1700)), ZHAO],  # not found in step 2
            [LI, WANG, ZHAO, self_set(QIAN, 1700)],
        ],
    )
    def test_a_split_counts_only_with_its_class_and_at_a_level_of_this_sale(self, chain):
        assert not [code for code in codes(PRICE, chain) if str(code).startswith("self_set")]

    def test_a_sponsors_split_is_nothing_to_an_independent_seller(self):
        assert paid(PRICE, [LI._replace(independent=True), self_set(WANG, 1700)]) == [(1, 1, 2000)]

    def test_the_tier_of_the_level_1_member_adds_to_level_1_only(self):
        plan = replace(PRICE, tier_bonus_bp={"gold": 300})
        assert paid(plan, [LI._replace(tier="gold"), WANG]) == [(1, 1, 2600), (2, 2, 1000)]
        assert paid(plan, [LI._replace(tier="silver"), WANG._replace(tier="gold")]) == [(1, 1, 2000), (2, 2, 1000)]

    def test_the_best_campaign_adds_to_level_1_after_a_split_and_before_the_tier(self):
        plan = replace(PRICE, tier_bonus_bp={"gold": 300})
        seller = self_set(LI, 1500)._replace(tier="gold")
        running = {"SERUM": [CampaignBonus("c-2", 200), CampaignBonus("c-9", 500), CampaignBonus("c-3", 500)]}
        [line] = split([serum()], [seller], plan, campaign_bonuses=running)
        assert [(share.rate_bp, share.amount) for share in line.shares] == [(2300, 4600)]
        assert [step for step in line.trace if "bonus_bp" in step] == [
            {"code": "campaign_bonus", "level": 1, "campaign": "c-3", "bonus_bp": 500},
            {"code": "tier_bonus", "level": 1, "tier": "gold", "bonus_bp": 300},
        ]

    def test_a_campaign_on_another_product_adds_nothing(self):
        assert paid(PRICE, campaign_bonuses={"CREAM": [CampaignBonus("c-1", 500)]}) == paid(PRICE)

    def test_a_split_may_be_checked_before_it_is_saved(self):
        rates = (1000, 500, 200)
        assert split_refusal([1000, 700], rates, 1000) is None
        assert split_refusal([1000, 701], rates, 1000) == ("self_set_sum_too_high", 1701, 1700)
        assert split_refusal([999], rates, 1000) == ("self_set_level1_too_low", 999, 1000)


class TestGuard:
    def test_amounts_above_the_cap_are_scaled_down_and_the_rest_stays_with_the_platform(self):
        # margin 10,000, cap 30 % = 3,000; S = 2,000 + 1,000 + 400 = 3,400
        # 3000*2000//3400 = 1764, 3000*1000//3400 = 882, 3000*400//3400 = 352; 2 stay
        plan = replace(PRICE, max_margin_share_bp=3000)
        assert paid(plan) == [(1, 1, 1764), (2, 2, 882), (3, 3, 352)]

    def test_amounts_that_reach_the_cap_exactly_stay(self):
        assert paid(replace(PRICE, max_margin_share_bp=3400)) == paid(PRICE)

    def test_a_share_that_the_guard_leaves_nothing_of_is_not_listed(self):
        plan = replace(PRICE, levels_bp=(5000, 1, 0), max_margin_share_bp=1)
        # margin 10,000, cap 1; S = 10,000 + 2
        assert paid(plan) == []


class TestCurrency:
    def test_paid_total_and_cost_are_each_converted_as_totals(self):
        line = serum(1_001, quantity=3, cost=101, rate=Decimal("0.5"), cost_rate=Decimal("0.1"))
        [result] = split([line], [LI], MARGIN)
        # 1,001 x 0.5 = 500 (not 500.5); 3 x 101 x 0.1 = 30 (not 3 x 10.1); margin 470; 35 % = 164.5
        assert [(share.base, share.amount) for share in result.shares] == [(470, 164)]


class TestQuote:
    def test_a_quote_shows_every_level_before_and_after_the_guard(self):
        shown = quote(serum(), replace(PRICE, max_margin_share_bp=3000))
        assert (shown.base, shown.rates_bp, shown.cap) == (20_000, (1000, 500, 200), 3_000)
        assert (shown.bare, shown.amounts) == ((2000, 1000, 400), (1764, 882, 352))

    def test_a_quote_without_a_cost_has_no_cap(self):
        assert quote(serum(cost=None), PRICE).cap is None
