"""An answer that could not be given at once is for whom it was made, and for nobody who has the chat after them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.messages import alerts, conversations, questions
from domain.messages.alerts import OpenAlert
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


def question(db: Session, now: datetime) -> OpenAlert:
    questions.ask(db, "eve", "Eve", "where is my parcel?", now=now)
    [asked] = [one for one in alerts.open_alerts(db) if one.words.key == questions.QUESTION]
    return asked


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


def test_an_operator_s_answer_arrives_whatever_was_kept_before(db: Session, now: datetime):
    bob, eve = member(db, "bob"), member(db, "eve", "customer")
    asked(db, chat(db, bob, "wechat"), now=now)
    keep_all(db, now)
    assert questions.answer(db, question(db, now), "it comes tomorrow", now=now) == "eve"
    found = db.execute(select(Outbox.member_id, Outbox.text_key))
    assert {tuple(row) for row in found} == {(bob, "notice.kept_answer"), (eve, "notice.answer")}


def test_what_is_kept_leaves_an_operator_s_answer_alone_that_was_sent(db: Session, now: datetime):
    bob, eve = member(db, "bob"), member(db, "eve", "customer")
    questions.answer(db, question(db, now), "it comes tomorrow", now=now)
    db.execute(update(Outbox).values(state="sent", finished_at=now))
    asked(db, chat(db, bob, "wechat"), now=now)
    keep_all(db, now)
    rows = db.execute(select(Outbox.member_id, Outbox.state))
    assert {tuple(row) for row in rows} == {(eve, "sent"), (bob, "deferred")}


def test_an_answer_that_cannot_be_put_down_is_not_said_to_be_sent(db: Session, now: datetime):
    member(db, "eve", "customer")
    asked_now = question(db, now)
    assert questions.answer(db, asked_now, "it comes tomorrow", now=now)
    alerts.raise_alert(db, asked_now.key, asked_now.words, now=now)
    with pytest.raises(RuntimeError):
        questions.answer(db, asked_now, "or the day after", now=now + timedelta(minutes=1))
