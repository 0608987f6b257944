"""The tree: three levels above, three below, newest first."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.people import network
from domain.schema import Contact, Order
from tests.domain.makings import contact, people


def _line(db: Session, now: datetime, names: str) -> dict[str, int]:
    chain = [{"member_id": low, "sponsor_id": high} for high, low in pairwise(names)]
    return people(db, now, {"member_id": names[0]}, *chain)


def test_above_a_member_stand_three_and_all_of_them_if_asked(db: Session, now: datetime) -> None:
    ids = _line(db, now, "abcdef")
    assert network.upline(db, ids["f"]) == [ids[name] for name in "edc"]
    assert network.upline(db, ids["f"], 1) == [ids["e"]]
    assert network.upline(db, ids["f"], None) == [ids[name] for name in "edcba"]
    assert network.upline(db, ids["a"]) == []
    assert network.below(db, ids["c"], ids["f"]) == 3
    assert network.below(db, ids["b"], ids["f"]) is None


def test_below_a_member_three_levels_are_counted_and_shown_newest_first(
    db: Session, now: datetime, count_statements: Any
) -> None:
    ids = people(
        db,
        now,
        {"member_id": "top"},
        *({"member_id": f"one{n}", "sponsor_id": "top"} for n in range(3)),
        *({"member_id": f"two{n}", "sponsor_id": "one0"} for n in range(2)),
        {"member_id": "three", "sponsor_id": "two1"},
        {"member_id": "four", "sponsor_id": "three"},
    )
    assert network.counts(db, ids["top"]) == (3, 2, 1)
    names = ["one2", "one1", "one0", "two1", "two0", "three"]
    rows = network.downline(db, ids["top"], now=now)
    assert [(row.member_id, row.level) for row in rows] == list(zip(names, [1, 1, 1, 2, 2, 3], strict=True))
    paged, after = [], None
    while page := network.downline(db, ids["top"], after=after, limit=2, now=now):
        paged += [row.member_id for row in page]
        after = (page[-1].level, page[-1].id)
    assert paged == names
    with count_statements(db) as seen:
        assert [row.member_id for row in network.downline(db, ids["top"], 2, now=now)] == ["two1", "two0"]
    assert len(seen) == 1


def test_a_downline_member_is_active_who_sold_within_thirty_days(db: Session, now: datetime) -> None:
    ids = _line(db, now, "ab")
    contact(db, now, "x", member_id=ids["b"])
    db.execute(update(Contact).values(seen_at=now - timedelta(days=2)))

    def shown() -> network.DownlineRow:
        [row] = network.downline(db, ids["a"], now=now)
        return row

    def sold(order_id: str, days_ago: int) -> None:
        at = now - timedelta(days=days_ago)
        db.execute(
            insert(Order).values(
                order_id=order_id, currency="CNY", rate="1", amount=1, shipping=0, paid_at=at,
                credited_id=ids["b"], credit_reason="credit_ref", recorded_at=at,
            )
        )  # fmt: skip

    assert (shown().last_sale_at, shown().orders_30d, shown().active(now)) == (None, 0, False)
    sold("A-1", 40)
    assert (shown().orders_30d, shown().active(now)) == (0, False)
    sold("A-2", 3)
    sold("A-3", 5)
    row = shown()
    assert (row.last_sale_at, row.orders_30d, row.active(now)) == (now - timedelta(days=3), 2, True)
    assert row.last_seen_at == now - timedelta(days=2)


def test_a_move_is_refused_that_would_close_a_circle_or_end_below_a_customer(db: Session, now: datetime) -> None:
    ids = _line(db, now, "abcdef") | people(db, now, {"member_id": "buyer", "role": "customer"})
    for low, high in (("a", "f"), ("b", "c"), ("c", "c")):
        with pytest.raises(network.SponsorCycle):
            network.move(db, ids[low], ids[high], actor="test", now=now)
    with pytest.raises(network.SponsorCannotSell):
        network.move(db, ids["f"], ids["buyer"], actor="test", now=now)
    for member, sponsor in ((ids["a"], 999), (999, ids["a"])):
        with pytest.raises(NotFound):
            network.move(db, member, sponsor, actor="test", now=now)
    network.move(db, ids["c"], ids["a"], actor="test", now=now)
    assert network.upline(db, ids["f"]) == [ids[name] for name in "edc"]
    assert network.upline(db, ids["d"]) == [ids["c"], ids["a"]]
    network.move(db, ids["c"], None, actor="test", now=now)
    assert network.upline(db, ids["e"]) == [ids["d"], ids["c"]]
