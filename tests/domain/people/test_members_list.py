"""Members as scripts send them: sponsors in any order, circles refused, nobody twice."""

from __future__ import annotations

import threading
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bot.database import Database
from domain.errors import Refusal
from domain.people import network
from domain.people.member_puts import put_members
from domain.schema import AuditRow, Contact, Member


def put(db: Session, now: datetime, *items: dict[str, Any]) -> list[str]:
    return [result.status for result in put_members(db, items, actor="api:test", now=now)]


def refusals(db: Session, now: datetime, *items: dict[str, Any]) -> dict[str, list[str]]:
    results = put_members(db, items, actor="api:test", now=now)
    return {result.id: [error.field for error in result.errors] for result in results if result.errors}


def seller(member_id: str, sponsor: str | None = None, **fields: Any) -> dict[str, Any]:
    item = {"member_id": member_id, "role": "distributor", **fields}
    return item if sponsor is None else {**item, "sponsor_id": sponsor}


def tree(db: Session) -> dict[str, list[str]]:
    """Who stands above whom, as the three columns say."""
    rows = db.execute(
        select(Member.id, Member.member_id, Member.sponsor_id, Member.sponsor2_id, Member.sponsor3_id)
    ).all()
    names = {row.id: row.member_id for row in rows}
    return {row.member_id: [names[above] for above in row[2:] if above is not None] for row in rows}


def member(db: Session, member_id: str) -> Any:
    return db.execute(select(Member.__table__).where(Member.member_id == member_id)).one()


def test_a_sponsor_may_come_later_in_the_same_list(db: Session, now: datetime) -> None:
    items = [seller("d", "c"), seller("c", "b"), seller("b", "a"), seller("a"), seller("e", "d")]
    assert put(db, now, *items) == ["created"] * 5
    assert tree(db) == {"a": [], "b": ["a"], "c": ["b", "a"], "d": ["c", "b", "a"], "e": ["d", "c", "b"]}
    assert put(db, now, *items) == ["unchanged"] * 5


def test_a_field_left_out_stays_and_null_goes_back_to_what_a_newcomer_has(db: Session, now: datetime) -> None:
    put(db, now, seller("a", name="Lin", tier="gold", buyer_id="u-1", locale="en", status="suspended"))
    assert put(db, now, {"member_id": "a", "tier": "silver"}) == ["updated"]
    assert put(db, now, {"member_id": "a", "status": None, "buyer_id": None, "name": None}) == ["updated"]
    row = member(db, "a")
    assert (row.tier, row.role, row.locale) == ("silver", "distributor", "en")
    assert (row.status, row.buyer_id, row.name) == ("active", None, "")


def test_whoever_moves_takes_the_downline_along(db: Session, now: datetime) -> None:
    put(db, now, seller("a"), *[seller(low, high) for high, low in pairwise("abcdef")], seller("z"))
    assert put(db, now, {"member_id": "c", "sponsor_id": "z"}) == ["updated"]
    assert tree(db) == {
        "a": [], "b": ["a"], "z": [], "c": ["z"], "d": ["c", "z"], "e": ["d", "c", "z"], "f": ["e", "d", "c"],
    }  # fmt: skip
    assert put(db, now, {"member_id": "c", "sponsor_id": None}) == ["updated"]
    assert tree(db)["e"] == ["d", "c"]


def test_of_a_circle_in_one_list_the_last_is_refused(db: Session, now: datetime) -> None:
    put(db, now, seller("a"), seller("b"), seller("c"))
    moves = [{"member_id": low, "sponsor_id": high} for low, high in ("ab", "bc", "ca")]
    assert refusals(db, now, *moves) == {"c": ["sponsor_id"]}
    assert tree(db) == {"a": ["b", "c"], "b": ["c"], "c": []}


def test_newcomers_in_a_circle_are_refused_with_all_who_need_them(db: Session, now: datetime) -> None:
    items = [seller("a", "b"), seller("b", "c"), seller("c", "a"), seller("d", "a"), seller("own", "own"), seller("e")]
    assert set(refusals(db, now, *items)) == {"a", "b", "c", "d", "own"}
    assert tree(db) == {"e": []}


def test_a_long_circle_through_members_that_are_not_in_the_list_is_refused(db: Session, now: datetime) -> None:
    chain = [f"m{number}" for number in range(30)]
    put(db, now, *[seller(low, high) for high, low in pairwise(chain)], seller("m0"))
    assert refusals(db, now, {"member_id": "m0", "sponsor_id": "m29"}) == {"m0": ["sponsor_id"]}
    swap: list[dict[str, Any]] = [{"member_id": "m0", "sponsor_id": "m29"}, {"member_id": "m15", "sponsor_id": None}]
    assert put(db, now, *swap) == ["updated", "updated"], "what counts is the tree that comes of the whole list"
    assert tree(db)["m1"] == ["m0", "m29", "m28"]


def test_only_those_who_sell_have_a_downline(db: Session, now: datetime) -> None:
    put(db, now, {"member_id": "buyer"}, seller("a"), seller("b", "a"))
    assert refusals(db, now, seller("c", "buyer"), seller("d", "nobody")) == {"c": ["sponsor_id"], "d": ["sponsor_id"]}
    assert refusals(db, now, {"member_id": "a", "role": "customer"}) == {"a": ["role"]}
    together: list[dict[str, Any]] = [{"member_id": "a", "role": "customer"}, {"member_id": "b", "sponsor_id": None}]
    assert put(db, now, *together) == ["updated", "updated"]


def test_a_buyer_and_an_account_belong_to_one_member_only(db: Session, now: datetime) -> None:
    put(db, now, seller("a", buyer_id="u-1", channel="telegram", account="7"))
    assert refusals(db, now, seller("b", buyer_id="u-1"), seller("c", channel="telegram", account="7")) == {
        "b": ["buyer_id"], "c": ["account"],
    }  # fmt: skip
    both = [seller("d", buyer_id="u-2"), seller("e", buyer_id="u-2")]
    assert refusals(db, now, *both) == {"e": ["buyer_id"]}
    handed_on = [{"member_id": "a", "buyer_id": None}, seller("f", buyer_id="u-1")]
    assert put(db, now, *handed_on) == ["updated", "created"]
    accounts = db.execute(select(Contact.account, Member.member_id).join(Member, Member.id == Contact.member_id))
    assert [tuple(row) for row in accounts] == [("7", "a")]


def test_an_account_that_wrote_before_is_linked_and_let_go_again(db: Session, now: datetime) -> None:
    put(db, now, seller("a", channel="wechat", account="o-1"), seller("b"))
    assert put(db, now, seller("a", channel="wechat", account="o-1")) == ["unchanged"]
    assert put(db, now, {"member_id": "a", "channel": "wechat", "account": None}) == ["updated"]
    assert put(db, now, {"member_id": "b", "channel": "wechat", "account": "o-1"}) == ["updated"]
    assert db.scalar(select(func.count()).select_from(Contact)) == 1


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"role": "king"}, "role"),
        ({"name": 7}, "name"),
        ({"name": "x\x00"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"locale": "fr"}, "locale"),
        ({"class": "single_brand"}, "class_scope"),
        ({"class": "self_picked_brands", "class_scope": "HADA"}, "class_scope"),
        ({"split_bp": [100]}, "split_bp"),
        ({"class": "self_set_commission", "split_bp": [1, 2, 3, 4]}, "split_bp"),
        ({"class": "self_set_commission", "split_bp": []}, "split_bp"),
        ({"class": "self_set_commission", "split_bp": [True]}, "split_bp"),
        ({"class": "self_set_commission", "split_bp": [6000, 5000]}, "split_bp"),
        ({"class": "self_set_commission", "split_bp": [-1]}, "split_bp"),
        ({"account": "7"}, "channel"),
        ({"channel": "fax", "account": "7"}, "channel"),
        ({"channel": "telegram"}, "account"),
        ({"sponsor": "a"}, "sponsor"),
        ({"buyer_id": ""}, "buyer_id"),
    ],
)
def test_a_wrong_field_refuses_its_item_alone(
    sqlite_url: str, now: datetime, fields: dict[str, Any], wrong: str
) -> None:
    database = Database(sqlite_url)
    with database.transaction() as db:
        assert refusals(db, now, {"member_id": "a", **fields}, {"member_id": "b"}) == {"a": [wrong]}
        assert tree(db) == {"b": []}
    database.close()


def test_items_without_an_id_are_refused_and_one_that_comes_twice_is_dealt_with_twice(
    db: Session, now: datetime
) -> None:
    items: list[Any] = [{}, 7, {"member_id": 7}, seller("a"), {"member_id": "a", "tier": "gold"}, {"member_id": "a"}]
    assert put(db, now, *items) == ["refused", "refused", "refused", "created", "updated", "unchanged"]


def test_what_a_class_no_longer_needs_is_let_go(db: Session, now: datetime) -> None:
    put(db, now, seller("a", **{"class": "single_brand", "class_scope": "HADA"}))
    put(db, now, {"member_id": "a", "class": "self_set_commission", "split_bp": [3000, 1000]})
    assert (member(db, "a").class_scope, member(db, "a").split_bp) == (None, [3000, 1000])
    put(db, now, {"member_id": "a", "class": None})
    assert (member(db, "a")._mapping["class"], member(db, "a").split_bp) == ("self_picked_products", None)


def test_every_change_is_kept_with_before_and_after(db: Session, now: datetime) -> None:
    put(db, now, seller("a"), seller("b"), seller("x", "nobody"))
    put(db, now, {"member_id": "b", "tier": "gold", "sponsor_id": "a"}, {"member_id": "a"})
    rows = db.execute(select(AuditRow.subject, AuditRow.before, AuditRow.after).order_by(AuditRow.id)).all()
    assert [row.subject for row in rows] == ["member:a", "member:b", "member:b"]
    assert rows[-1].before == {"tier": None, "sponsor_id": None}
    assert rows[-1].after == {"tier": "gold", "sponsor_id": "a"}


def test_a_thousand_members_take_a_handful_of_statements(db: Session, now: datetime, count_statements: Any) -> None:
    items = [seller(f"m{number}", f"m{number // 3}" if number else None) for number in range(1000)]
    with count_statements(db) as few:
        assert set(put(db, now, *items)) == {"created"}
    with count_statements(db) as again:
        assert set(put(db, now, *items)) == {"unchanged"}
    assert len(few) <= 20
    assert len(again) <= 20


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lists=st.lists(
        st.lists(st.tuples(st.integers(0, 7), st.none() | st.integers(0, 7)), min_size=1, max_size=8), max_size=5
    )
)
def test_whatever_is_sent_the_tree_has_no_circle_and_the_columns_are_right(
    lists: list[list[tuple[int, int | None]]], sqlite_url: str, now: datetime
) -> None:
    database = Database(sqlite_url)
    with database.transaction() as db:
        db.execute(update(Member).values(sponsor_id=None, sponsor2_id=None, sponsor3_id=None))
        for items in lists:
            put(
                db,
                now,
                *({**seller(f"m{low}"), "sponsor_id": high if high is None else f"m{high}"} for low, high in items),
            )
        stored = tree(db)
        for name, columns in stored.items():
            chain: list[str] = []
            while stored[chain[-1] if chain else name]:
                chain.append(stored[chain[-1] if chain else name][0])
                assert name not in chain
            assert columns == chain[:3]
    database.close()


def _at_once(*works: Any) -> list[BaseException | None]:
    """Run all `works` in threads that start together; returns what each raised."""
    start = threading.Barrier(len(works))
    raised: list[BaseException | None] = [None] * len(works)

    def run(place: int) -> None:
        start.wait()
        try:
            works[place]()
        except Refusal as refusal:
            raised[place] = refusal

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_b10_of_two_moves_at_once_that_would_close_a_circle_the_second_is_refused(
    database: Database, now: datetime
) -> None:
    with database.transaction() as db:
        put(db, now, *(seller(f"m{number}") for number in range(20)))
        ids = dict(db.execute(select(Member.member_id, Member.id)).all())

    def move(low: str, high: str) -> Any:
        return lambda: database.write_now(lambda db: network.move(db, ids[low], ids[high], actor="test", now=now))

    for number in range(0, 20, 2):
        one, other = f"m{number}", f"m{number + 1}"
        refused = _at_once(move(one, other), move(other, one))
        assert sorted(type(error).__name__ for error in refused) == ["NoneType", "SponsorCycle"]


def test_b10_the_same_through_lists(database: Database, now: datetime) -> None:
    with database.transaction() as db:
        put(db, now, *(seller(f"m{number}") for number in range(12)))
    statuses: list[str] = []

    def send(low: str, high: str) -> Any:
        item = {"member_id": low, "sponsor_id": high}
        return lambda: statuses.extend(database.write_now(lambda db: put(db, now, item)))

    for number in range(0, 12, 3):
        a, b, c = f"m{number}", f"m{number + 1}", f"m{number + 2}"
        statuses.clear()
        _at_once(send(a, b), send(b, c), send(c, a))
        assert sorted(statuses) == ["refused", "updated", "updated"]


def test_what_a_refused_member_was_to_give_up_nobody_else_gets(db: Session, now: datetime) -> None:
    put(db, now, seller("a", buyer_id="b1"), seller("b"), seller("d", buyer_id="b4"))
    items: list[dict[str, Any]] = [
        {"member_id": "a", "buyer_id": None, "sponsor_id": "c"},
        {"member_id": "b", "buyer_id": "b1"},
        seller("c", buyer_id="b4"),
        seller("fine"),
    ]
    assert put(db, now, *items) == ["refused", "refused", "refused", "created"]


def test_the_same_tags_again_change_nothing_in_whatever_order_a_database_has_them(db: Session, now: datetime) -> None:
    item = {"member_id": "ann", "name": "Ann", "tags": ["VIP", "apple", "Zed", "老客", "a b", "ab"]}
    assert put(db, now, item) == ["created"]
    assert put(db, now, item) == ["unchanged"]
