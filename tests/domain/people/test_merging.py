"""Two members that turn out to be one person get what was meant for both once, and nothing is lost between them."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot.database import Database
from domain import audit
from domain.messages import alerts, announcements, outbox, questions
from domain.people import merging
from domain.people.merged_notices import HOW_FAR, WAITING, Message, decide
from domain.schema import Outbox
from tests.someone import chat, member

GOT = ("deferred", "queued", "unknown", "sending", "sent")


def two(db: Session) -> tuple[int, int]:
    """A customer and a seller who are one person, each with a chat."""
    gone, stays = member(db, "gone", "customer"), member(db, "stays")
    chat(db, gone, "telegram")
    chat(db, stays, "wechat")
    return gone, stays


def announced(db: Session, portion: int = 8_000, *, now: datetime) -> int:
    made = announcements.schedule(db, "您好", "all", now, by="cli", now=now)
    announcements.enqueue_chunk(db, made, portion, now=now)
    return made


def becomes(db: Session, whose: int, state: str, now: datetime) -> None:
    over = {"finished_at": now} if state in ("sent", "failed", "unknown", "cancelled") else {}
    db.execute(update(Outbox).where(Outbox.member_id == whose).values(state=state, **over))


def states(db: Session, whose: int) -> list[str]:
    return list(db.scalars(select(Outbox.state).where(Outbox.member_id == whose).order_by(Outbox.id)))


def messages() -> st.SearchStrategy[list[Message]]:
    """A few announcements, some sent again, each with one message at most to either of the two members."""
    slots = [(announcement, first, of_gone) for announcement, first in ((1, 1), (2, 1), (3, 1), (4, 4))
             for of_gone in (True, False)]  # fmt: skip
    kept = st.lists(st.sampled_from((None, *HOW_FAR)), min_size=len(slots), max_size=len(slots))
    return kept.map(lambda found: [
        Message(n, *slot[:2], state, slot[2]) for n, (slot, state) in enumerate(zip(slots, found, strict=True)) if state
    ])  # fmt: skip


@given(messages())
def test_law_whoever_was_two_is_told_once_and_by_what_came_furthest(both: list[Message]):
    outcome = decide(both)
    theirs = [one for one in both if one.id not in outcome.gone]
    assert max(Counter(one.announcement for one in theirs).values(), default=0) <= 1
    assert {one.announcement for one in theirs} == {one.announcement for one in both}
    assert {one.state for one in both if one.id in outcome.over} <= set(WAITING)
    for first in {one.first for one in both}:
        chain = [one for one in both if one.first == first and one.state in GOT]
        left = [one for one in chain if one.id not in outcome.over]
        assert sum(one.state in WAITING for one in left) <= (0 if len(left) > 1 else 1)
        assert bool(left) == bool(chain), "nothing was called off that nobody else has"
        assert all(one.state not in WAITING for one in left if one.id in outcome.gone)


@pytest.mark.parametrize("state", ["sent", "unknown"])
def test_what_one_of_them_has_had_the_other_does_not_get(db: Session, now: datetime, state: str):
    gone, stays = two(db)
    announced(db, now=now)
    becomes(db, gone, state, now)
    merging.merge(db, gone, stays, now=now)
    assert (states(db, stays), states(db, gone)) == ([state], ["cancelled"])
    assert audit.violations(db) == []


def test_what_has_not_reached_one_of_them_still_reaches_them_by_the_other(db: Session, now: datetime):
    gone, stays = two(db)
    announced(db, now=now)
    becomes(db, stays, "failed", now)
    merging.merge(db, gone, stays, now=now)
    assert (states(db, stays), states(db, gone)) == (["queued"], ["failed"])
    assert audit.violations(db) == []


def test_what_is_sent_again_to_one_of_them_is_called_off_where_the_other_has_it(db: Session, now: datetime):
    gone, stays = two(db)
    first = announced(db, now=now)
    becomes(db, gone, "sent", now)
    becomes(db, stays, "failed", now)
    again = announcements.resend(db, first, ["failed"], by="cli", now=now)
    announcements.enqueue_chunk(db, again, now=now)
    merging.merge(db, gone, stays, now=now)
    assert sorted(states(db, stays)) == ["cancelled", "sent"]
    assert audit.violations(db) == []


def test_an_announcement_that_is_being_put_out_passes_over_who_has_it_already(db: Session, now: datetime):
    gone, stays = two(db)
    made = announced(db, 1, now=now)
    becomes(db, gone, "sent", now)
    merging.merge(db, gone, stays, now=now)
    while announcements.enqueue_chunk(db, made, 1, now=now):
        pass
    assert states(db, stays) == ["sent"]
    assert audit.violations(db) == []


def test_an_answer_reaches_who_asked_also_when_they_are_another_member_by_now(db: Session, now: datetime):
    gone, stays = two(db)
    questions.ask(db, "gone", "安安", "?", now=now)
    [before] = [one for one in alerts.open_alerts(db) if one.words.key == questions.QUESTION]
    merging.merge(db, gone, stays, now=now)
    assert questions.answer(db, before, "yes", now=now) == "stays"
    outbox.choose_ways(db, ["wechat"], limit=10, now=now)
    assert db.scalar(select(Outbox.contact_id).where(Outbox.text_key == "notice.answer")) is not None


@pytest.mark.parametrize("first", ["the answer", "the joining"])
def test_an_answer_and_a_joining_at_the_same_moment_lose_nothing(database: Database, now: datetime, first: str):
    if database.sqlite:
        pytest.skip("SQLite has one writer")
    with database.transaction() as db:
        gone, stays = two(db)
        questions.ask(db, "gone", "安安", "?", now=now)
        [asked] = [one for one in alerts.open_alerts(db) if one.words.key == questions.QUESTION]

    def answered(db: Session) -> None:
        questions.answer(db, asked, "yes", now=now)

    def joined(db: Session) -> None:
        merging.merge(db, gone, stays, now=now)

    one, other = (answered, joined) if first == "the answer" else (joined, answered)
    meanwhile = threading.Thread(target=database.write_now, args=(other,))
    with database.transaction() as db:
        one(db)
        meanwhile.start()
        meanwhile.join(0.3)
        assert meanwhile.is_alive(), "it waits for the first"
    meanwhile.join(10)
    with database.transaction() as db:
        assert db.scalar(select(Outbox.member_id).where(Outbox.text_key == "notice.answer")) == stays
