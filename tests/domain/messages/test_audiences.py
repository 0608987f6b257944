"""Audiences: what a description says, who belongs to it, and the names that operators give."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from domain.errors import Invalid, NotFound
from domain.messages import announcements, audience_rules, audiences, reading_back
from domain.people import tags
from domain.people.members import put_members
from domain.schema import AuditRow, Member, MemberTag, Order, Visit
from tests.someone import THEN, chat, member


@pytest.fixture
def people(db: Session, now: datetime) -> dict[str, int]:
    """Ann leads Ben, he leads Cho; Dee stands alone; Eve is suspended."""
    ann = member(db, "ann", "merchant", tier="gold", locale="en", joined_at=now - timedelta(days=90))
    ben = member(db, "ben", "distributor", sponsor_id=ann)
    cho = member(db, "cho", "distributor", sponsor_id=ben, sponsor2_id=ann, joined_at=now - timedelta(days=2))
    dee = member(db, "dee", "customer", member_class="single_brand")
    eve = member(db, "eve", "merchant", status="suspended")
    made = {"ann": ann, "ben": ben, "cho": cho, "dee": dee, "eve": eve}
    for name, channel in (("ann", "telegram"), ("ben", "wechat"), ("cho", "webchat"), ("eve", "telegram")):
        chat(db, made[name], channel, locale="zh-hans")
    db.execute(insert(MemberTag).values([{"member_id": ann, "tag": "vip"}, {"member_id": dee, "tag": "老客"}]))
    day = now.date() - timedelta(days=3)
    visit: dict[str, Any] = {"link_id": 1, "day": day, "at": now, "visitor": 2**40, "ip": 2**40}
    db.execute(
        insert(Visit).values([{**visit, "member_id": ben, "bot": False}, {**visit, "member_id": cho, "bot": True}])
    )
    sold = {"order_id": "A-1", "currency": "CNY", "rate": "1", "amount": 1, "shipping": 0, "credit_reason": "ref"}
    db.execute(insert(Order).values(paid_at=now - timedelta(days=20), credited_id=ann, recorded_at=now, **sold))
    return made


def named(db: Session, audience: Any, now: datetime) -> set[str]:
    wanted = audiences.condition(db, audiences.described(db, audience), at=now, zone=None)
    return set(db.scalars(select(Member.member_id).where(wanted)))


@pytest.mark.parametrize(
    ("description", "who"),
    [
        ({"role": "merchant"}, "ann"),
        ({"role": ["merchant", "customer"]}, "ann dee"),
        ({"class": "single_brand"}, "dee"),
        ({"tier": ["gold", "silver"]}, "ann"),
        ({"tag": ["vip", "老客"]}, "ann dee"),
        ({"channel": "telegram"}, "ann"),
        ({"language": "en"}, "ann"),
        ({"language": ["zh", "en"]}, "ann ben cho dee"),
        ({"below": "ann"}, "ben cho"),
        ({"below": "nobody"}, ""),
        ({"active_days": 7}, "ben"),
        ({"active_days": 30}, "ann ben"),
        ({"dormant_days": 7}, "ann cho dee"),
        ({"joined_since": "2026-11-20"}, "cho"),
        ({"operator": True}, ""),
        ({"role": "distributor", "not": [{"below": "ben"}]}, "ben"),
        ({"not": [{"tier": "gold"}, {"tag": "老客"}]}, "ben cho"),
        ({"any": [{"tag": "vip"}, {"role": "distributor", "active_days": 7}]}, "ann ben"),
    ],
)
def test_an_audience_is_the_active_members_for_whom_it_holds(
    db: Session, people: dict[str, int], now: datetime, description: dict[str, Any], who: str
) -> None:
    assert named(db, description, now) == set(who.split())
    assert audiences.size(db, description, now=now) == len(who.split())
    assert audiences.sizes(db, [description, "all", description], now=now)[::2] == [len(who.split())] * 2


@pytest.mark.parametrize(
    ("description", "field"),
    [
        ({}, "audience"),
        ([], "audience"),
        ({"role": "king"}, "audience.role"),
        ({"role": []}, "audience.role"),
        ({"tier": ""}, "audience.tier"),
        ({"tier": 1}, "audience.tier"),
        ({"tag": "a\nb"}, "audience.tag"),
        ({"active_days": True}, "audience.active_days"),
        ({"active_days": 0}, "audience.active_days"),
        ({"joined_since": "yesterday"}, "audience.joined_since"),
        ({"joined_since": "9999-12-31"}, "audience.joined_since"),
        ({"joined_since": "0001-01-01"}, "audience.joined_since"),
        ({"any": [{}]}, "audience.any"),
        ({"role": "agent", "not": {}}, "audience.not"),
        ({"operator": "yes"}, "audience.operator"),
        ({"sku": "x"}, "audience.sku"),
        ({"any": [{"any": [{"any": [{"role": "agent"}]}]}]}, "audience.any.any.any"),
        ({"any": [{"tier": f"{n}"} for n in range(21)]}, "audience"),
        ({"tag": [f"{n}" for n in range(51)]}, "audience.tag"),
    ],
)
def test_what_cannot_be_understood_is_named(description: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        audience_rules.checked(description)
    assert refused.value.field == field


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*audience_rules.CONDITIONS, "any", "not"]) | st.text(max_size=4), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(ANYTHING)
@settings(max_examples=150)
def test_whatever_is_accepted_is_in_its_one_form_and_whatever_is_not_is_refused(given_: Any) -> None:
    try:
        kept = audience_rules.checked(given_)
    except Invalid:
        return
    assert audience_rules.checked(kept) == kept


def test_a_saved_audience_is_written_to_as_it_was_when_it_was_chosen(
    db: Session, people: dict[str, int], now: datetime
) -> None:
    kept = audiences.save(db, "  VIP   客户 ", {"tag": "vip"}, by="member:ops", now=now)
    assert kept.name == "VIP 客户"
    notice = announcements.schedule(db, "您好", "VIP 客户", now, by="cli", now=now)
    audiences.save(db, "VIP 客户", {"tag": "老客"}, by="member:ops", now=now)
    audiences.rename(db, kept.id, "老客户", by="member:ops", now=now)
    assert named(db, "老客户", now) == {"dee"}
    audiences.remove(db, kept.id, by="member:ops", now=now)
    announcements.enqueue_chunk(db, notice, now=now)
    assert [one.id for one in reading_back.of_member(db, people["ann"])] == [notice]
    assert reading_back.of_member(db, people["dee"]) == []
    with pytest.raises(Invalid, match="unknown_audience"):
        announcements.schedule(db, "您好", "老客户", now, by="cli", now=now)
    with pytest.raises(NotFound):
        audiences.find(db, kept.id)
    done = db.scalars(select(AuditRow.action).where(AuditRow.action.like("audience.%")).order_by(AuditRow.id)).all()
    assert done == ["audience.save", "audience.save", "audience.rename", "audience.remove"]


@pytest.mark.parametrize("name", ["", "   ", "all", "Merchants", "preview", "tier:gold", "7", "x" * 65, "a\u0007b"])
def test_a_name_that_means_something_else_is_refused(db: Session, now: datetime, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        audiences.save(db, name, {"role": "agent"}, by="cli", now=now)
    assert refused.value.field == "name"


def test_two_audiences_never_have_one_name(db: Session, now: datetime) -> None:
    first = audiences.save(db, "甲", {"role": "agent"}, by="cli", now=now)
    audiences.save(db, "乙", {"role": "customer"}, by="cli", now=now)
    with pytest.raises(Invalid, match="audience_name_taken"):
        audiences.rename(db, first.id, "乙", by="cli", now=now)


def test_tags_are_set_by_hand_and_by_lists_and_each_change_is_audited(
    db: Session, people: dict[str, int], now: datetime
) -> None:
    ben = people["ben"]
    assert tags.add(db, ben, "  top  seller ", actor="member:ops", now=now) == "top seller"
    tags.add(db, ben, "top seller", actor="member:ops", now=now)
    for item, left in (
        ({"member_id": "ben", "tags": ["b", "a", "a"]}, ["a", "b"]),
        ({"member_id": "ben", "name": "Ben"}, ["a", "b"]),
        ({"member_id": "ben", "tags": ["b", "a"]}, ["a", "b"]),
        ({"member_id": "ben", "tags": None}, []),
    ):
        [result] = put_members(db, [item], actor="api:erp", now=now)
        assert (result.errors, tags.of(db, ben)) == ((), left)
    put_members(db, [{"member_id": "new", "tags": ["fresh"]}], actor="api:erp", now=now)
    assert named(db, {"tag": "fresh"}, now) == {"new"}
    changes = db.execute(select(AuditRow.before, AuditRow.after).where(AuditRow.subject == "member:ben")).all()
    assert [row.after.get("tags") if isinstance(row.after, dict) else row.after for row in changes] == [
        ["top seller"],
        ["a", "b"],
        None,
        [],
    ]
    with pytest.raises(Invalid):
        tags.add(db, ben, " ", actor="member:ops", now=now)


def test_days_are_counted_from_the_day_of_the_announcement(db: Session, people: dict[str, int]) -> None:
    later = datetime(2026, 11, 26, tzinfo=UTC)
    assert date(2026, 11, 20) >= later.date() - timedelta(days=6)
    assert "ben" in named(db, {"active_days": 6}, later)
    assert "ben" not in named(db, {"active_days": 6}, later + timedelta(days=1))
    assert later > THEN
