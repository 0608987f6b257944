"""Where a notice goes: first where the reader wants it, further only what cannot wait."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from domain.messages import conversations, outbox
from domain.messages.outbox import ANNOUNCEMENTS, MONEY, STEPS, TASKS, Notice
from domain.messages.ways import goes_further
from domain.people import wishes
from domain.schema import Contact, Mute, Outbox
from tests.someone import chat, member

EVERY = ("telegram", "wechat", "webchat")
PUSHING = ("telegram", "wechat")

MONEY_NOTICE = ("money", "business", MONEY)
TASK = ("task", "business", TASKS)
NEWS = ("news", "promotion", ANNOUNCEMENTS)


def put(db: Session, m: int, *kinds: tuple[str, str, int], now: datetime) -> dict[str, tuple[str, str | None]]:
    notices = [Notice(name, m, "notice.x", category=category, priority=priority) for name, category, priority in kinds]
    outbox.put_all(db, notices, now=now)
    outbox.choose_ways(db, EVERY, limit=100, now=now)
    return went(db)


def went(db: Session) -> dict[str, tuple[str, str | None]]:
    return {row.key: (row.state, row.channel) for row in db.execute(select(Outbox.key, Outbox.state, Outbox.channel))}


@pytest.mark.parametrize(
    ("category", "priority", "further"),
    [
        ("system", MONEY, True),
        ("system", ANNOUNCEMENTS, True),
        ("business", MONEY, True),
        ("business", STEPS, True),
        ("business", TASKS, False),
        ("promotion", ANNOUNCEMENTS, False),
        ("promotion", MONEY, False),
    ],
)
def test_money_and_what_the_system_must_say_go_further_tasks_and_announcements_wait(
    category: str, priority: int, further: bool
) -> None:
    assert goes_further(category, priority) is further


def test_a_chosen_channel_comes_before_the_chat_used_last(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram", seen=1)
    chat(db, m, "webchat", seen=9)
    wishes.put_first(db, m, "telegram")
    assert put(db, m, MONEY_NOTICE, TASK, NEWS, now=now) == dict.fromkeys(
        ("money", "task", "news"), ("queued", "telegram")
    )


def test_where_the_chosen_channel_is_blocked_money_goes_on_and_the_rest_is_kept(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    telegram = chat(db, m, "telegram", seen=9, unreachable_since=now)
    web = chat(db, m, "webchat", seen=1)
    wishes.put_first(db, m, "telegram")
    assert put(db, m, MONEY_NOTICE, TASK, NEWS, now=now) == {
        "money": ("queued", "webchat"), "task": ("deferred", None), "news": ("deferred", None),
    }  # fmt: skip
    # kept for the next contact, wherever that is
    conversations.release_kept(db, m, web, "webchat", now=now)
    outbox.choose_ways(db, EVERY, limit=100, now=now)
    assert went(db)["news"] == ("queued", "webchat")
    # and when they come back to where they wanted it, it goes there again
    conversations.returned(db, "telegram", f"telegram-{m}", now=now)
    assert put(db, m, ("next", "promotion", ANNOUNCEMENTS), now=now)["next"] == ("queued", "telegram")
    assert telegram != web


def test_without_a_choice_a_blocked_chat_does_not_count(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram", seen=9, unreachable_since=now)
    chat(db, m, "webchat", seen=1)
    assert put(db, m, NEWS, now=now) == {"news": ("queued", "webchat")}


@pytest.mark.parametrize("why", ["switched off", "parted"])
def test_a_choice_that_leads_nowhere_is_as_good_as_none(db: Session, now: datetime, why: str) -> None:
    m = member(db, "m-1")
    wechat = chat(db, m, "wechat", seen=9)
    chat(db, m, "webchat", seen=1)
    wishes.put_first(db, m, "wechat")
    if why == "parted":
        db.execute(update(Contact).where(Contact.id == wechat).values(member_id=None))
    outbox.put_all(db, [Notice("news", m, "notice.x", category="promotion", priority=ANNOUNCEMENTS)], now=now)
    outbox.choose_ways(db, EVERY if why == "parted" else ("telegram", "webchat"), limit=10, now=now)
    assert went(db) == {"news": ("queued", "webchat")}


def test_a_shut_window_sends_money_to_the_next_chat_in_the_members_order_and_keeps_tasks(
    db: Session, now: datetime
) -> None:
    m = member(db, "m-1")
    wechat, telegram = chat(db, m, "wechat", seen=1), chat(db, m, "telegram", seen=9)
    wishes.put_first(db, m, "wechat")
    put(db, m, MONEY_NOTICE, TASK, now=now)
    ids = {row.key: row.id for row in db.execute(select(Outbox.key, Outbox.id))}
    assert outbox.next_way(db, m, wechat, PUSHING, message=ids["money"]) == (telegram, "telegram")
    assert outbox.next_way(db, m, telegram, PUSHING, message=ids["money"]) is None
    assert outbox.next_way(db, m, wechat, PUSHING, message=ids["task"]) is None


def test_tasks_can_be_muted_by_themselves(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram")
    db.execute(insert(Mute).values(member_id=m, category="tasks"))
    states = put(db, m, MONEY_NOTICE, TASK, NEWS, now=now)
    assert [states[name][0] for name in ("money", "task", "news")] == ["queued", "muted", "queued"]


def test_what_was_muted_while_it_was_kept_is_not_sent_at_the_next_contact(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    telegram = chat(db, m, "telegram", unreachable_since=now)
    put(db, m, MONEY_NOTICE, NEWS, now=now)
    db.execute(insert(Mute).values(member_id=m, category="promotion"))
    conversations.release_kept(db, m, telegram, "telegram", now=now)
    assert went(db) == {"money": ("queued", "telegram"), "news": ("muted", "telegram")}


def test_the_way_of_many_is_chosen_in_three_statements(db: Session, now: datetime, count_statements) -> None:
    for number in range(40):
        m = member(db, f"m-{number}", first_channel="telegram" if number % 2 else None)
        chat(db, m, "telegram", account=f"t{number}", seen=1)
        chat(db, m, "webchat", account=f"w{number}", seen=2)
        outbox.put_all(db, [Notice(f"n{number}", m, "notice.x")], now=now)
    with count_statements(db) as seen:
        outbox.choose_ways(db, EVERY, limit=100, now=now)
    assert len(seen) == 3
    assert sorted(channel or "" for _, channel in went(db).values()) == ["telegram"] * 20 + ["webchat"] * 20
