"""Messages: each once, on the way that reaches the member, in order, with a known fate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from domain.messages import announcements, doubts, outbox
from domain.messages.outbox import Claimed, Mark, Notice
from domain.money import Money
from domain.schema import Contact, Member, Mute, Outbox
from tests.someone import THEN, ZONE, chat, member

EVERY = ("telegram", "wechat", "webchat")


def put(db: Session, now: datetime, *notices: Notice) -> None:
    outbox.put_all(db, notices, now=now)
    outbox.choose_ways(db, EVERY, limit=100, now=now)


def claim(db: Session, now: datetime, channel: str = "telegram", limit: int = 10) -> list[Claimed]:
    return outbox.claim(db, channel, limit=limit, lease_until=now + timedelta(minutes=1), now=now, zone=ZONE)


def states(db: Session) -> dict[str, str]:
    return {row.key: row.state for row in db.execute(select(Outbox.key, Outbox.state))}


def test_the_same_event_is_told_once(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram")
    earned = Notice("earned:A-1:m-1", m, "notice.commission_earned", {"amount": Money(1234, "CNY")})
    put(db, now, earned)
    put(db, now, earned, Notice("earned:A-2:m-1", m, "notice.commission_earned"))
    first, second = outbox.claim(db, "telegram", limit=9, lease_until=now, now=now, zone=ZONE, one_by_one=False)
    assert (first.key, second.key) == ("earned:A-1:m-1", "earned:A-2:m-1")
    assert first.words.params == {"amount": Money(1234, "CNY")}
    assert claim(db, now) == []


def test_a_message_goes_to_the_chat_that_was_used_last(db: Session, now: datetime) -> None:
    m = member(db, "m-1", locale="en")
    chat(db, m, "webchat", seen=1)
    chat(db, m, "telegram", account="77", seen=3, locale="zh")
    chat(db, m, "wechat", seen=2)
    put(db, now, Notice("n", m, "notice.x"))
    [taken] = claim(db, now)
    assert (taken.channel, taken.account, taken.contact_locale, taken.member_locale) == ("telegram", "77", "zh", "en")


def test_who_cannot_be_reached_finds_the_message_at_the_next_contact(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram", unreachable_since=now)
    put(db, now, Notice("n1", m, "notice.x", {"n": 1}), Notice("n2", m, "notice.x", {"n": 2}))
    assert states(db) == {"n1": "deferred", "n2": "deferred"}
    assert [kept.words.params["n"] for kept in outbox.take_deferred(db, m, 5, now=now)] == [1, 2]
    assert states(db) == {"n1": "sent", "n2": "sent"}


def test_a_mute_is_honoured_but_never_hides_what_the_system_must_say(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram")
    db.execute(insert(Mute).values(member_id=m, category="promotion"))
    put(
        db,
        now,
        Notice("news", m, "notice.x", category="promotion"),
        Notice("money", m, "notice.x", category="business"),
        Notice("law", m, "notice.x", category="system"),
    )
    assert states(db) == {"news": "muted", "money": "queued", "law": "queued"}


def test_money_goes_before_announcements_and_nothing_before_its_time(db: Session, now: datetime) -> None:
    people = [member(db, f"m-{n}") for n in range(3)]
    for one in people:
        chat(db, one, "telegram")
    put(
        db,
        now,
        Notice("news", people[0], "notice.x", priority=outbox.ANNOUNCEMENTS),
        Notice("money", people[1], "notice.x", priority=outbox.MONEY),
        Notice("later", people[2], "notice.x", not_before=now + timedelta(hours=1)),
    )
    assert [taken.key for taken in claim(db, now)] == ["money", "news"]
    put(db, now + timedelta(hours=1))
    assert [taken.key for taken in claim(db, now + timedelta(hours=1))] == ["later"]


def test_nothing_overtakes_a_message_that_is_under_way_to_the_same_chat(db: Session, now: datetime) -> None:
    m, other = member(db, "m-1"), member(db, "m-2")
    chat(db, m, "telegram")
    chat(db, other, "telegram")
    put(db, now, Notice("first", m, "notice.x"))
    [first] = claim(db, now)
    put(db, now, Notice("second", m, "notice.x"), Notice("elsewhere", other, "notice.x"))
    assert [taken.key for taken in claim(db, now)] == ["elsewhere"]

    again = now + timedelta(seconds=30)
    wait = Mark(
        first.id,
        first.taken,
        "queued",
        error="429",
        not_before=again,
        contact_id=first.contact_id,
        channel=first.channel,
    )
    outbox.record(db, [wait], now=now)
    assert claim(db, now) == []
    [first] = claim(db, again, limit=1)
    assert first.key == "first"
    outbox.record(db, [Mark(first.id, first.taken, "sent")], now=again)
    assert [taken.key for taken in claim(db, again)] == ["second"]


def test_what_a_vanished_sender_left_is_unknown_and_never_sent_again(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram")
    put(db, now, Notice("n", m, "notice.x"))
    [taken] = claim(db, now)
    later = now + timedelta(minutes=2)
    assert outbox.recover(db, before=now, now=now) == 0
    assert outbox.recover(db, before=later, now=later) == 1
    assert claim(db, later) == []
    assert [(d.state, d.member_id) for d in doubts.find(db)] == [("unknown", "m-1")]
    outbox.record(db, [Mark(taken.id, taken.taken, "sent")], now=later)  # it had only been slow
    assert states(db) == {"n": "sent"}


def test_a_blocked_chat_is_left_alone_and_the_next_best_is_taken(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    telegram = chat(db, m, "telegram", seen=2)
    chat(db, m, "webchat", seen=1)
    put(db, now, Notice("n", m, "notice.x"))
    [taken] = claim(db, now)
    outbox.gone(db, [telegram], now=now)
    outbox.record(db, [Mark(taken.id, taken.taken, "queued", error="blocked", counted=False)], now=now)
    put(db, now)
    assert [c.channel for c in claim(db, now, "webchat")] == ["webchat"]


def test_a_chat_that_vanished_after_the_way_was_chosen_is_seen_when_the_message_is_taken(
    db: Session, now: datetime
) -> None:
    m = member(db, "m-1")
    telegram = chat(db, m, "telegram")
    put(db, now, Notice("n", m, "notice.x"))
    db.execute(update(Contact).where(Contact.id == telegram).values(unreachable_since=now))
    assert [taken.reachable for taken in claim(db, now)] == [False]


def test_the_next_way_is_the_chat_used_before_and_ends_with_the_last_one(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    wechat, telegram, web = chat(db, m, "wechat", seen=3), chat(db, m, "telegram", seen=2), chat(db, m, seen=1)
    assert outbox.next_way(db, m, wechat, EVERY) == (telegram, "telegram")
    assert outbox.next_way(db, m, wechat, ("webchat",)) == (web, "webchat")
    assert outbox.next_way(db, m, web, EVERY) is None


def test_a_channel_that_was_switched_off_gives_its_messages_back(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram", seen=2)
    chat(db, m, "webchat", seen=1)
    put(db, now, Notice("n", m, "notice.x"))
    outbox.choose_anew(db, ["webchat"])
    assert outbox.choose_ways(db, ["webchat"], limit=10, now=now) == 1
    assert [taken.channel for taken in claim(db, now, "webchat")] == ["webchat"]


def test_a_member_who_moves_to_a_new_address_keeps_the_chat(db: Session) -> None:
    old, other = chat(db, member(db, "m-1"), "telegram", "1"), chat(db, member(db, "m-2"), "telegram", "2")
    outbox.moved(db, old, "3", now=THEN)
    outbox.moved(db, other, "3", now=THEN)
    assert db.scalars(select(Contact.account).order_by(Contact.id)).all() == ["3", "2"]
    db.execute(delete(Contact))


def test_who_waits_because_all_of_us_must_is_not_overtaken_either(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram")
    put(db, now, Notice("first", m, "notice.x"), Notice("second", m, "notice.x"))
    [first] = claim(db, now)
    again = now + timedelta(seconds=30, milliseconds=20)
    back = Mark(first.id, first.taken, "queued", "429", again, first.contact_id, first.channel, counted=False)
    outbox.record(db, [back], now=now)
    assert claim(db, now + timedelta(seconds=30)) == []
    assert [taken.key for taken in claim(db, again)] == ["first"]


def test_only_who_took_a_message_last_says_what_became_of_it(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram")
    put(db, now, Notice("n", m, "notice.x"))
    [stale] = claim(db, now)
    outbox.record(db, [Mark(stale.id, stale.taken, "queued", counted=False)], now=now)
    outbox.choose_ways(db, EVERY, limit=100, now=now)
    [newer] = claim(db, now)
    for state in ("sent", "failed", "queued", "unknown"):
        outbox.record(db, [Mark(stale.id, stale.taken, state)], now=now)
        assert states(db) == {"n": "sending"}, state
    outbox.record(db, [Mark(newer.id, newer.taken, "failed", error="no")], now=now)
    outbox.record(db, [Mark(stale.id, stale.taken, "sent")], now=now)
    assert states(db) == {"n": "failed"}


def test_a_lease_that_a_wrong_clock_gave_holds_nobody_up(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    chat(db, m, "telegram")
    put(db, now, Notice("n", m, "notice.x"))
    outbox.claim(db, "telegram", limit=1, lease_until=now + timedelta(days=40), now=now, zone=ZONE)
    assert outbox.recover(db, before=now, now=now) == 1
    assert states(db) == {"n": "unknown"}


def announce(db: Session, now: datetime, **more: Any) -> None:
    announcements.schedule(db, "您好", "all", now, by="cli", now=now, **more)
    put_out(db, now)
    outbox.choose_ways(db, EVERY, limit=100, now=now)


def put_out(db: Session, now: datetime) -> None:
    for one in announcements.due(db, now=now):
        while announcements.enqueue_chunk(db, announcement=one, now=now, zone=ZONE):
            pass


NOON, NIGHT = datetime(2026, 11, 23, 4, tzinfo=UTC), datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_who_mutes_or_leaves_while_it_waits_does_not_get_it(db: Session) -> None:
    people = [member(db, name) for name in ("stays", "mutes", "suspended", "closed")]
    for each in people:
        chat(db, each, "telegram")
    announce(db, NOON)
    put(db, NOON, *(Notice(f"money {each}", each, "notice.x", category="system") for each in people[2:]))
    db.execute(insert(Mute).values(member_id=people[1], category="promotion"))
    for each, status in ((people[2], "suspended"), (people[3], "closed")):
        db.execute(update(Member).where(Member.id == each).values(status=status))
    assert sorted(taken.key for taken in claim(db, NOON)) == ["announcement:1:1", f"money {people[2]}"]
    ended = {key: state for key, state in states(db).items() if state != "sending"}
    assert ended == {
        f"announcement:1:{people[1]}": "muted",
        f"announcement:1:{people[2]}": "cancelled",
        f"announcement:1:{people[3]}": "cancelled",
        f"money {people[3]}": "cancelled",
    }


def test_a_promotion_whose_time_comes_at_night_sleeps_and_what_cannot_wait_goes(db: Session) -> None:
    for name in ("lin", "owl"):
        chat(db, member(db, name), "telegram")
    db.execute(update(Member).where(Member.member_id == "owl").values(quiet_from=0, quiet_to=0))
    announce(db, NOON)
    announce(db, NOON, urgent=True)
    db.execute(update(Outbox).values(not_before=NIGHT))  # told to wait, tried again, decided by an operator
    night = [taken.key for turn in range(3) for taken in claim(db, NIGHT + timedelta(hours=turn * 0.1))]
    assert "announcement:1:1" not in night
    asleep = db.execute(select(Outbox.key, Outbox.not_before).where(Outbox.channel == outbox.LATER)).all()
    assert [tuple(row) for row in asleep] == [("announcement:1:1", datetime(2026, 11, 24, tzinfo=UTC))]


def test_a_chat_that_moved_to_an_address_we_know_is_not_written_to_for_ever(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    old, new = chat(db, m, "telegram", "-100"), chat(db, m, "telegram", "-200")
    outbox.moved(db, old, "-200", now=now)
    gone = db.execute(select(Contact.id).where(Contact.unreachable_since.is_not(None))).scalars().all()
    assert gone == [old]
    outbox.moved(db, new, "-300", now=now)
    assert db.scalar(select(Contact.account).where(Contact.id == new)) == "-300"


def test_one_row_of_another_version_harms_no_other(db: Session, now: datetime) -> None:
    m, other = member(db, "m-1"), member(db, "m-2")
    chat(db, m, "telegram")
    chat(db, other, "telegram")
    put(db, now, Notice("odd", m, "notice.x"), Notice("good", other, "notice.x"))
    db.execute(update(Outbox).where(Outbox.key == "odd").values(params={"amount": {"$new": 1}}))
    assert sorted(taken.key for taken in claim(db, now)) == ["good", "odd"]
