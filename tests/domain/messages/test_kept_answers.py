"""An answer that could not be given at once is for whom it was made, and for nobody who has the chat after them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.messages import conversations
from domain.people import linking
from domain.schema import Contact, Inbox, Outbox
from tests.someone import chat, member

MONEY: dict[str, Any] = {"body": [["money.title", {}]], "choices": [], "picture": None, "edit": True}


def asked(db: Session, contact: int, channel: str = "wechat", key: str = "k1", *, now: datetime) -> None:
    """Somebody asked about their money, and the process vanished before it could say anything."""
    conversations.answered(db, channel, key, contact, MONEY, answer_state="waiting", now=now)


def left_over(db: Session, channel: str, now: datetime) -> list[conversations.WaitingAnswer]:
    return conversations.waiting_answers(db, channel, before=now + timedelta(minutes=1))


def keep_all(db: Session, now: datetime) -> None:
    for left in left_over(db, "wechat", now):
        conversations.keep_answer(db, "wechat", left, "5000", now=now)


def kept(db: Session) -> list[tuple[int, str]]:
    rows = db.execute(select(Outbox.member_id, Outbox.state).where(Outbox.text_key == "notice.kept_answer"))
    return [(row.member_id, row.state) for row in rows]


def state(db: Session) -> str | None:
    return db.scalar(select(Inbox.answer_state))


def belongs_to(db: Session, contact: int, other: int | None) -> None:
    db.execute(update(Contact).where(Contact.id == contact).values(member_id=other))


def test_it_is_kept_for_who_asked(db: Session, now: datetime):
    alice = member(db, "alice")
    asked(db, chat(db, alice, "wechat"), now=now)
    keep_all(db, now)
    assert kept(db) == [(alice, "deferred")]
    assert state(db) == "kept"


@pytest.mark.parametrize("when", ["before it is looked at", "while it is looked at"])
def test_who_has_the_chat_after_them_is_not_shown_it(db: Session, now: datetime, when: str):
    alice, bob = member(db, "alice"), member(db, "bob")
    here = chat(db, alice, "wechat")
    asked(db, here, now=now)
    if when == "before it is looked at":
        belongs_to(db, here, bob)
        keep_all(db, now)
    else:
        [left] = left_over(db, "wechat", now)
        belongs_to(db, here, bob)
        conversations.keep_answer(db, "wechat", left, "5000", now=now)
    conversations.give_up_answers(db, "wechat", before=now)
    assert kept(db) == []
    assert state(db) == "unknown"


def test_a_chat_that_was_parted_is_not_shown_what_was_asked_on_it_before(db: Session, now: datetime):
    alice = member(db, "alice")
    here = chat(db, alice, "telegram")
    chat(db, alice, "wechat")
    asked(db, here, "telegram", now=now)
    [seen] = left_over(db, "telegram", now)
    linking.let_go(db, alice, here, now=now)
    assert left_over(db, "telegram", now) == []
    assert not conversations.begin_answer(db, "telegram", seen.update_key), "it was about to be sent"
    assert conversations.give_up_answers(db, "telegram", before=now) == 1
    assert state(db) == "unknown"


def test_one_person_who_was_two_still_gets_the_answer(db: Session, now: datetime):
    gone, stays = member(db, "gone", "customer"), member(db, "stays")
    here = chat(db, gone, "telegram")
    asked(db, here, "telegram", now=now)
    code = linking.new_code(db, stays, chat(db, stays, "wechat"), now=now)
    assert linking.join(db, here, code, gone, now=now) is not None
    assert [left.member for left in left_over(db, "telegram", now)] == [stays]


def test_the_answer_to_joining_is_the_new_member_s(db: Session, now: datetime):
    alice = member(db, "alice")
    here = chat(db, None, "telegram")
    belongs_to(db, here, alice)  # in the transaction of the very update
    asked(db, here, "telegram", now=now)
    assert [left.member for left in left_over(db, "telegram", now)] == [alice]
