"""Joining in chat, and what members choose for themselves."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.errors import Invalid, NotAllowed, NotFound
from domain.mall import links
from domain.people import members
from domain.schema import AuditRow, Member, Outbox
from tests.domain.makings import contact, people


def join(db: Session, now: datetime, account: str, invite: str | None = None, role: str = "distributor") -> int:
    return members.join(
        db, contact(db, now, account, locale="en"), invite=invite, role=role, name=account.title(), now=now
    )


def test_whoever_joins_by_an_invitation_stands_below_whoever_invited_and_that_is_told(
    db: Session, now: datetime
) -> None:
    ids = people(db, now, {"member_id": "a"}, {"member_id": "b", "sponsor_id": "a"})
    code = links.make(db, ids["b"], "invite", now=now).code
    joined = members.profile(db, join(db, now, "mei", code))
    assert (joined.name, joined.role, joined.sponsor_member_id, joined.locale) == ("Mei", "distributor", "b", "en")
    assert joined.member_id.startswith("m")
    assert len(joined.member_id) == 9
    row = db.execute(select(Member.sponsor2_id, Member.sponsor3_id).where(Member.id == joined.id)).one()
    assert tuple(row) == (ids["a"], None)
    told = db.execute(select(Outbox.member_id, Outbox.text_key)).all()
    assert [tuple(row) for row in told] == [(ids["b"], "notice.downline_joined")]


def test_without_a_code_or_with_a_useless_one_a_member_stands_alone(db: Session, now: datetime) -> None:
    ids = people(db, now, {"member_id": "a"})
    code = links.make(db, ids["a"], "shop", now=now).code
    people(db, now, {"member_id": "a", "status": "suspended"})
    for account, invite in (("one", None), ("two", "abcd2345"), ("three", code), ("four", "'; --")):
        assert members.profile(db, join(db, now, account, invite)).sponsor is None


def test_somebody_who_is_a_member_stays_as_they_are(db: Session, now: datetime) -> None:
    ids = people(db, now, {"member_id": "a"})
    code = links.make(db, ids["a"], "invite", now=now).code
    first = join(db, now, "mei")
    chat = contact(db, now, "mei again", member_id=first)
    assert members.join(db, chat, invite=code, role="distributor", name="Other", now=now) == first
    assert members.profile(db, first).sponsor is None
    assert db.scalar(select(func.count()).select_from(Member)) == 2


def test_a_customer_who_asks_to_sell_becomes_a_distributor_below_whoever_showed_the_way(
    db: Session, now: datetime
) -> None:
    ids = people(db, now, {"member_id": "a"})
    code = links.make(db, ids["a"], "shop", now=now).code
    customer = join(db, now, "mei", role="customer")
    chat = contact(db, now, "phone", member_id=customer)
    assert members.join(db, chat, invite=code, role="distributor", name="Mei", now=now) == customer
    profile = members.profile(db, customer)
    assert (profile.role, profile.sponsor, profile.live) == ("distributor", ids["a"], True)


def test_nobody_makes_themselves_an_agent(db: Session, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        join(db, now, "mei", role="agent")


def test_a_customer_of_the_shop_is_one_member_only(db: Session, now: datetime) -> None:
    ids = people(db, now, {"member_id": "a"}, {"member_id": "b"})
    members.link_buyer(db, ids["a"], "u-1")
    members.link_buyer(db, ids["a"], "u-1")
    with pytest.raises(members.BuyerTaken):
        members.link_buyer(db, ids["b"], "u-1")
    assert members.by_buyer(db, "u-1") == ids["a"]
    assert members.by_buyer(db, "u-2") is None


def test_a_member_is_found_by_the_shops_id_and_a_missing_one_is_said_so(db: Session, now: datetime) -> None:
    ids = people(db, now, {"member_id": "a"})
    found = members.by_member_id(db, "a")
    assert found is not None
    assert found.id == ids["a"]
    assert members.by_member_id(db, "A") is None
    with pytest.raises(NotFound):
        members.profile(db, 99)


def test_the_first_operator_is_made_from_a_chat_account_that_nobody_has_seen(db: Session, now: datetime) -> None:
    member = members.grant_operator(db, "telegram", "12345", actor="cli", now=now)
    assert members.grant_operator(db, "telegram", "12345", actor="cli", now=now) == member
    assert members.operators(db) == [member]
    assert db.scalar(select(func.count()).select_from(AuditRow).where(AuditRow.action == "member.operator")) == 1
    members.set_operator(db, member, False, actor="cli", now=now)
    assert members.operators(db) == []


def test_two_kinds_of_notice_can_be_muted_and_no_other(db: Session, now: datetime) -> None:
    member = people(db, now, {"member_id": "a"})["a"]
    members.mute(db, member, "promotion")
    members.mute(db, member, "promotion")
    members.mute(db, member, "business")
    members.unmute(db, member, "business")
    assert members.muted(db, member) == {"promotion"}
    with pytest.raises(Invalid):
        members.mute(db, member, "system")


def test_a_language_is_chosen_for_the_chat_and_the_member(db: Session, now: datetime) -> None:
    member = join(db, now, "mei")
    chat = contact(db, now, "phone", member_id=member)
    members.set_locale(db, chat, "zh")
    assert members.profile(db, member).locale == "zh"
    with pytest.raises(Invalid):
        members.set_locale(db, chat, "fr")
