"""Announcements: one message per recipient, counted, restartable, stopped at once when cancelled."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from domain.errors import Invalid, NotFound
from domain.messages import announcements, audiences, outbox, reading_back
from domain.schema import Mute, Outbox
from domain.wording import words
from tests.someone import THEN, ZONE, chat, member


@pytest.fixture
def people(db: Session) -> list[int]:
    """Two distributors, two merchants, a customer, and a suspended merchant."""
    roles = ("distributor", "distributor", "merchant", "merchant", "customer", "merchant")
    made = [
        member(db, f"m-{n}", role, status="suspended" if n == 5 else "active", operator=n == 0)
        for n, role in enumerate(roles)
    ]
    for one in made:
        chat(db, one, "telegram", locale="en" if one == made[2] else "zh-hans")
    return made


def announce(db: Session, now: datetime, audience: str = "all", text: str = "国庆活动开始了") -> int:
    return announcements.schedule(db, text, audience, now, by="member:m-0", now=now)


@pytest.mark.parametrize(
    ("audience", "size"),
    [
        ("all", 5),
        ("distributors", 2),
        ("merchants", 2),
        ("agents", 0),
        ("customers", 1),
        ("operators", 1),
        ("locale:en", 1),
        ("locale:zh", 4),
        ("tier:gold", 0),
    ],
)
def test_an_audience_is_those_it_names_and_active(db: Session, people: list[int], audience: str, size: int) -> None:
    assert audiences.size(db, audience, now=THEN) == size


def test_every_recipient_gets_one_message_however_often_it_is_put_out(
    db: Session, people: list[int], now: datetime
) -> None:
    notice = announce(db, now)
    assert announcements.due(db, now=now) == [notice]
    assert announcements.enqueue_chunk(db, notice, 2, now=now)
    assert announcements.progress(db, notice)["queued"] == announcements.progress(db, notice)["recipients"] == 5
    while announcements.enqueue_chunk(db, notice, 2, now=now):
        pass
    assert not announcements.enqueue_chunk(db, notice, now=now)
    assert db.scalar(select(func.count()).select_from(Outbox)) == 5
    assert announcements.due(db, now=now) == []


def test_a_recipient_gets_the_words_that_were_announced(db: Session, people: list[int], now: datetime) -> None:
    announcements.enqueue_chunk(db, announce(db, now, "customers", "您好"), now=now)
    outbox.choose_ways(db, ["telegram"], limit=10, now=now)
    [taken] = outbox.claim(db, "telegram", limit=10, lease_until=now, now=now, zone=ZONE)
    assert (taken.words.key, taken.words.params) == ("announcement", {"text": "您好"})


def test_an_announcement_in_two_languages_is_one_message_with_both(
    db: Session, people: list[int], now: datetime
) -> None:
    notice = announcements.schedule(db, "您好", "customers", now, text_en="Hello", by="cli", now=now)
    announcements.enqueue_chunk(db, notice, now=now)
    outbox.choose_ways(db, ["telegram"], limit=10, now=now)
    [taken] = outbox.claim(db, "telegram", limit=10, lease_until=now, now=now, zone=ZONE)
    assert taken.words.params["text"] == words("bilingual", zh="您好", en="Hello")
    [read] = reading_back.of_member(db, people[4])
    assert (read.text, read.text_en) == ("您好", "Hello")


def test_who_muted_announcements_is_counted_and_left_in_peace(db: Session, people: list[int], now: datetime) -> None:
    db.execute(insert(Mute).values(member_id=people[0], category="promotion"))
    notice = announce(db, now)
    announcements.enqueue_chunk(db, notice, now=now)
    outbox.choose_ways(db, ["telegram"], limit=10, now=now)
    assert len(outbox.claim(db, "telegram", limit=10, lease_until=now, now=now, zone=ZONE)) == 4
    counts = announcements.progress(db, notice)
    assert (counts["recipients"], counts["muted"], counts["sending"]) == (5, 1, 4)


def test_a_cancelled_announcement_reaches_nobody_else(db: Session, people: list[int], now: datetime) -> None:
    notice = announce(db, now)
    announcements.enqueue_chunk(db, notice, 3, now=now)
    outbox.choose_ways(db, ["telegram"], limit=10, now=now)
    [taken] = outbox.claim(db, "telegram", limit=1, lease_until=now, now=now, zone=ZONE)
    announcements.cancel(db, notice, now=now)
    announcements.cancel(db, notice, now=now)
    outbox.record(db, [outbox.Mark(taken.id, taken.taken, "sent")], now=now)
    assert outbox.claim(db, "telegram", limit=10, lease_until=now, now=now, zone=ZONE) == []
    assert not announcements.enqueue_chunk(db, notice, now=now)
    counts = announcements.progress(db, notice)
    assert (counts["recipients"], counts["sent"], counts["cancelled"]) == (5, 1, 4)


def test_a_message_that_comes_back_after_the_cancelling_is_taken_back_too(
    db: Session, people: list[int], now: datetime
) -> None:
    notice = announce(db, now, "customers")
    announcements.enqueue_chunk(db, notice, now=now)
    outbox.choose_ways(db, ["telegram"], limit=10, now=now)
    [taken] = outbox.claim(db, "telegram", limit=1, lease_until=now, now=now, zone=ZONE)
    announcements.cancel(db, notice, now=now)
    outbox.record(db, [outbox.Mark(taken.id, taken.taken, "queued", error="500")], now=now)
    assert announcements.to_sweep(db) == [notice]
    assert not announcements.sweep_cancelled(db, notice, now=now)
    assert announcements.progress(db, notice)["cancelled"] == 1
    assert announcements.to_sweep(db) == []


def test_an_announcement_waits_for_its_time(db: Session, people: list[int], now: datetime) -> None:
    tomorrow = now + timedelta(days=1)
    notice = announcements.schedule(db, "明天见", "all", tomorrow, by="cli", now=now)
    assert announcements.due(db, now=now) == []
    assert announcements.due(db, now=tomorrow) == [notice]


def test_what_cannot_be_announced_is_refused_with_the_reason(db: Session, now: datetime) -> None:
    for text, audience, field in (("", "all", "text"), ("x" * 9000, "all", "text"), ("x", "everyone", "audience")):
        with pytest.raises(Invalid) as refused:
            announcements.schedule(db, text, audience, now, by="cli", now=now)
        assert refused.value.field == field
    with pytest.raises(NotFound):
        announcements.progress(db, 4711)


def test_a_member_reads_back_what_was_announced(db: Session, people: list[int], now: datetime) -> None:
    for text in ("first", "second"):
        announcements.enqueue_chunk(db, announce(db, now, "merchants", text), now=now)
    assert [one.text for one in reading_back.of_member(db, people[2])] == ["second", "first"]
    assert reading_back.of_member(db, people[0]) == []
