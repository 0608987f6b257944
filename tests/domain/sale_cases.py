"""Any sale there may be, for laws that hold for all of them: a line, the people above the seller, a plan."""

from decimal import Decimal

from hypothesis import strategies as st

from domain.money.commission import CampaignBonus, Earner, OrderLine, split
from domain.money.plan import Plan

bp = st.integers(0, 10_000)
rates = st.tuples(bp, bp, bp).map(lambda three: tuple(each // 3 for each in three))
decimals = st.sampled_from([Decimal(1), Decimal("0.0478"), Decimal("7.1234567"), Decimal("0.333333333333333333")])
plans = st.builds(
    Plan,
    st.just("any"),
    st.sampled_from(["price", "margin"]),
    rates,
    max_margin_share_bp=bp,
    self_purchase=st.sampled_from(["pay", "hold", "none"]),
    compression=st.sampled_from(["none", "pass_up"]),
    tier_bonus_bp=st.just({"gold": 300}),
)
earners = st.builds(
    Earner,
    st.integers(1, 10**6),
    live=st.booleans(),
    independent=st.booleans(),
    class_=st.sampled_from(["self_picked_products", "self_set_commission"]),
    split_bp=st.none() | st.lists(st.integers(0, 5_000), min_size=1, max_size=3),
    tier=st.sampled_from([None, "gold", "silver"]),
)
lines = st.builds(
    OrderLine,
    st.just(1),
    st.just("SERUM"),
    st.none() | st.just("HADA"),
    st.none() | st.just("skincare"),
    st.integers(0, 20),
    st.integers(0, 10**7),
    decimals,
    st.none() | st.integers(0, 10**6),
    decimals,
)
chains = st.lists(earners, max_size=6, unique_by=lambda earner: earner.member_id)
campaigns: st.SearchStrategy[dict[str, list[CampaignBonus]]] = st.sampled_from(
    [{}, {"SERUM": [CampaignBonus("c-1", 500)]}]
)
cases = st.builds(
    lambda line, chain, plan, bonuses, own: split([line], chain, plan, campaign_bonuses=bonuses, buyer_is_credited=own)[
        0
    ],
    lines,
    chains,
    plans,
    campaigns,
    st.booleans(),
)
