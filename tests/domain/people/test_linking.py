"""One person on several channels: a code joins two chats, once, and nothing of value changes hands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bot.database import Database
from domain import audit, dump
from domain.errors import NotFound, Refusal
from domain.messages import outbox
from domain.messages.outbox import Notice
from domain.people import linking, members, merging
from domain.people.members import put_members
from domain.schema import Account, Announcement, AuditRow, ChannelCode, Contact, Link, Member, Outbox
from tests.someone import ZONE, chat, member

EVERY = ("telegram", "wechat", "webchat")


def owner(db: Session, contact: int) -> int | None:
    return db.scalar(select(Contact.member_id).where(Contact.id == contact))


def join(db: Session, contact: int, code: str, now: datetime) -> linking.Offer | None:
    """Enter the code, look, and confirm."""
    offer = linking.offer(db, contact, code, now=now)
    return None if offer is None else linking.join(db, contact, code, offer.own, now=now)


def in_order(db: Session) -> None:
    db.flush()
    assert audit.violations(db) == []
    assert list(dump.lines(db))


def test_a_code_joins_another_chat_once_whatever_way_it_is_written(db: Session, now: datetime) -> None:
    m = member(db, "m-1", name="Mei")
    telegram = chat(db, m, "telegram", "1234567")
    wechat, other = chat(db, None, "wechat", "openid-1"), chat(db, None, "wechat", "openid-2")
    code = linking.new_code(db, m, telegram, now=now)
    written = f" {code[:2].lower()} {code[2:6]}-{code[6:].lower()} "
    offer = linking.offer(db, wechat, written, now=now)
    assert offer is not None
    assert (offer.name, offer.asked_on.account, offer.own, owner(db, wechat)) == ("Mei", "12…67", None, None)
    assert join(db, wechat, written, now) is not None
    assert join(db, other, code, now) is None
    assert {one.channel for one in linking.accounts(db, m)} == {"telegram", "wechat"}
    told = db.execute(select(Outbox.text_key, Outbox.contact_id, Outbox.category)).one()
    assert tuple(told) == ("notice.channel_joined", telegram, "system")
    actions = db.scalars(select(AuditRow.action).order_by(AuditRow.id)).all()
    assert actions == ["channel.code", "channel.join"]
    in_order(db)


def test_a_code_lives_ten_minutes_and_ends_when_another_is_asked_for(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    here, there = chat(db, m, "telegram"), chat(db, None, "wechat")
    first = linking.new_code(db, m, here, now=now)
    second = linking.new_code(db, m, here, now=now)
    assert linking.offer(db, there, first, now=now) is None
    assert linking.offer(db, there, second, now=now + linking.LIFE) is None
    assert linking.offer(db, there, second, now=now + linking.LIFE - timedelta(seconds=1)) is not None


def test_no_code_can_be_read_in_the_record_of_codes_or_in_the_dump(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    code = linking.new_code(db, m, chat(db, m), now=now)
    assert code not in str(db.execute(select(ChannelCode.__table__)).all())
    assert not any(code in line for line in dump.lines(db))


def test_a_code_of_a_chat_that_was_parted_meanwhile_is_worth_nothing(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    stolen, own = chat(db, m, "telegram"), chat(db, m, "wechat")
    code = linking.new_code(db, m, stolen, now=now)
    linking.let_go(db, m, stolen, now=now)
    assert linking.offer(db, chat(db, None, "webchat"), code, now=now) is None
    assert [one.contact_id for one in linking.accounts(db, m)] == [own]


def test_whoever_guesses_has_to_stop_for_an_hour_and_may_not_even_enter_the_right_code(
    db: Session, now: datetime
) -> None:
    m = member(db, "m-1")
    code, guesser = linking.new_code(db, m, chat(db, m), now=now), chat(db, None, "telegram")
    for number in range(linking.MOST_WRONG):
        assert linking.join(db, guesser, f"LK2222222{number + 2}", None, now=now) is None
    with pytest.raises(linking.ChannelCodeTries):
        linking.offer(db, guesser, code, now=now)
    with pytest.raises(linking.ChannelCodeTries):
        linking.join(db, guesser, code, None, now=now)
    later = now + linking.WRONG_COUNTED
    assert linking.offer(db, chat(db, None, "wechat"), code, now=now) is not None
    again = linking.new_code(db, m, chat(db, m, "telegram", "9"), now=later)
    assert linking.offer(db, guesser, again, now=later) is not None


def test_a_customer_with_nothing_of_value_goes_into_the_member(db: Session, now: datetime) -> None:
    stays, gone = member(db, "m-1", "merchant"), member(db, "m-2", "customer", buyer_id="u-2")
    old, new = chat(db, stays, "telegram"), chat(db, gone, "wechat")
    also = chat(db, gone, "webchat")
    members.mute(db, gone, "promotion")
    members.mute(db, stays, "promotion")
    members.mute(db, gone, "tasks")
    values = {"text": "x", "audience": "all", "at": now, "created_by": "test", "created_at": now}
    news = db.execute(insert(Announcement).values(values).returning(Announcement.id)).scalar_one()
    outbox.put_all(db, [Notice(f"n:{one}", one, "announcement") for one in (stays, gone)], now=now)
    db.execute(Outbox.__table__.update().values(announcement_id=news))  # type: ignore[attr-defined]
    outbox.put_all(db, [Notice("parcel", gone, "notice.order_shipped", {"order_id": "A-1"})], now=now)

    assert join(db, new, linking.new_code(db, stays, old, now=now), now) is not None

    assert {owner(db, one) for one in (old, new, also)} == {stays}
    assert members.muted(db, stays) == {"promotion", "tasks"}
    assert members.by_buyer(db, "u-2") == stays
    assert members.profile(db, gone).status == "closed"
    found = db.execute(select(Outbox.key, Outbox.member_id, Outbox.state))
    rows = {row.key: (row.member_id, row.state) for row in found}
    assert rows["parcel"] == (stays, "queued")
    assert rows[f"n:{stays}"] == (stays, "queued")
    assert rows[f"n:{gone}"] == (gone, "cancelled")
    merged = db.execute(select(AuditRow.subject, AuditRow.after).where(AuditRow.action == "member.merge")).one()
    assert (merged.subject, merged.after["into"]) == ("member:m-2", "m-1")
    in_order(db)


def test_every_column_that_names_a_member_either_moves_or_stands_in_the_way() -> None:
    held = {str(column) for column in merging._what_holds()}
    assert {"commission.member_id", "orders.credited_id", "binding.member_id", "link.member_id"} <= held
    assert {"account.member_id", "visit_day.member_id", "member.sponsor_id"} <= held
    assert not held & {"contact.member_id", "mute.member_id", "outbox.member_id"}


@pytest.mark.parametrize("what", ["role", "link", "downline", "balance", "operator", "suspended", "two customers"])
def test_a_member_with_something_of_value_is_never_merged(db: Session, now: datetime, what: str) -> None:
    a, b = member(db, "a", "merchant"), member(db, "b", "customer")
    second = chat(db, b, "wechat")
    if what == "role":
        db.execute(Member.__table__.update().where(Member.id == b).values(role="distributor"))  # type: ignore[attr-defined]
    elif what == "link":
        db.execute(insert(Link).values(member_id=b, code="abcd2345", kind="shop", target="", created_at=now))
    elif what == "downline":
        member(db, "c", sponsor_id=b)
        member(db, "d", sponsor_id=a)
    elif what == "balance":
        values = {"kind": "prepaid", "member_id": b, "currency": "CNY", "balance": 0}
        db.execute(insert(Account).values(values))
    elif what == "operator":
        members.set_operator(db, b, True, actor="test", now=now)
    elif what == "suspended":
        db.execute(Member.__table__.update().where(Member.id == b).values(status="suspended"))  # type: ignore[attr-defined]
    else:
        members.link_buyer(db, a, "u-1")
        members.link_buyer(db, b, "u-2")
    code = linking.new_code(db, a, chat(db, a, "telegram"), now=now)
    with pytest.raises(linking.ChannelBothInUse) as refused:
        linking.offer(db, second, code, now=now)
    assert refused.value.params == {"own": "b", "other": "a"}
    with pytest.raises(linking.ChannelBothInUse):
        linking.join(db, second, code, b, now=now)
    assert owner(db, second) == b


def test_where_the_bare_account_asked_for_the_code_the_other_way_round_is_shown(db: Session, now: datetime) -> None:
    bare, rich = member(db, "a", "customer"), member(db, "b", "distributor")
    here, there = chat(db, bare, "telegram"), chat(db, rich, "wechat")
    with pytest.raises(linking.ChannelOtherWayRound):
        linking.offer(db, there, linking.new_code(db, bare, here, now=now), now=now)
    assert join(db, here, linking.new_code(db, rich, there, now=now), now) is not None
    assert owner(db, here) == rich


def test_ones_own_code_is_for_the_other_chat(db: Session, now: datetime) -> None:
    m = member(db, "a")
    here = chat(db, m, "telegram")
    with pytest.raises(linking.ChannelAlreadyYours):
        linking.offer(db, here, linking.new_code(db, m, here, now=now), now=now)


def test_nothing_is_done_that_was_not_shown(db: Session, now: datetime) -> None:
    a, b = member(db, "a"), member(db, "b", "customer")
    somebody = chat(db, None, "wechat")
    code = linking.new_code(db, a, chat(db, a, "telegram"), now=now)
    assert linking.offer(db, somebody, code, now=now).own is None  # type: ignore[union-attr]
    db.execute(Contact.__table__.update().where(Contact.id == somebody).values(member_id=b))  # type: ignore[attr-defined]
    with pytest.raises(linking.ChannelChanged):
        linking.join(db, somebody, code, None, now=now)


def test_the_last_chat_stays_and_foreign_ones_are_answered_like_missing_ones(db: Session, now: datetime) -> None:
    a, b = member(db, "a"), member(db, "b")
    mine, theirs = chat(db, a, "telegram", "1234567"), chat(db, b, "wechat")
    with pytest.raises(linking.LastChannel):
        linking.let_go(db, a, mine, now=now)
    for contact in (theirs, 999_999):
        with pytest.raises(NotFound):
            linking.let_go(db, a, contact, now=now)
    linking.let_go(db, a, mine, actor="member:ops", now=now)  # an operator may, so that it can come to somebody else
    row = db.execute(select(AuditRow.actor, AuditRow.action, AuditRow.before)).one()
    assert tuple(row) == ("member:ops", "channel.let_go", {"channel": "telegram", "account": "12…67"})


@pytest.mark.parametrize("way", ["member", "script"])
def test_what_waits_for_a_chat_never_goes_there_once_it_is_parted(db: Session, now: datetime, way: str) -> None:
    m = member(db, "a")
    parted, kept = chat(db, m, "telegram", seen=2), chat(db, m, "webchat", seen=1)
    outbox.put_all(db, [Notice(f"n{n}", m, "notice.x") for n in (1, 2)], now=now)
    outbox.choose_ways(db, EVERY, limit=10, now=now)
    [first] = outbox.claim(db, "telegram", limit=1, lease_until=now, now=now, zone=ZONE)
    if way == "member":
        linking.let_go(db, m, parted, now=now)
    else:
        put_members(db, [{"member_id": "a", "channel": "telegram", "account": None}], actor="test", now=now)
    back = outbox.Mark(first.id, first.taken, "queued", contact_id=parted, channel="telegram", counted=False)
    outbox.record(db, [back], now=now)  # the platform had said: later
    outbox.choose_ways(db, EVERY, limit=10, now=now)
    assert [one.reachable for one in outbox.claim(db, "telegram", limit=5, lease_until=now, now=now, zone=ZONE)] == [
        False
    ]
    assert [one.contact_id for one in outbox.claim(db, "webchat", limit=5, lease_until=now, now=now, zone=ZONE)] == [
        kept
    ]


def _at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run all `works` in threads that start together; returns what each gave or how it was refused."""
    start, given = threading.Barrier(len(works)), [None] * len(works)

    def run(place: int) -> None:
        start.wait()
        try:
            given[place] = works[place]()
        except Refusal as refusal:
            given[place] = refusal  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def test_of_two_chats_that_use_one_code_at_once_one_gets_it(database: Database, now: datetime) -> None:
    for turn in range(5):
        with database.transaction() as db:
            m = member(db, f"m-{turn}")
            code = linking.new_code(db, m, chat(db, m, "telegram"), now=now)
            chats = [chat(db, None, "wechat", f"{turn}-{n}") for n in range(2)]

        def enter(contact: int, code: str = code) -> Callable[[], Any]:
            return lambda: database.write_now(lambda db: linking.join(db, contact, code, None, now=now))

        done = _at_once(*(enter(one) for one in chats))
        assert sorted(result is None for result in done) == [False, True]
        with database.transaction() as db:
            assert db.scalar(select(func.count()).where(Contact.member_id == m).select_from(Contact)) == 2


def test_of_two_linkings_of_one_chat_at_once_one_wins(database: Database, now: datetime) -> None:
    for turn in range(5):
        with database.transaction() as db:
            people = [member(db, f"{turn}-{n}", "customer") for n in range(2)]
            codes = [linking.new_code(db, m, chat(db, m, "telegram"), now=now) for m in people]
            contact = chat(db, None, "wechat", f"{turn}")

        def enter(code: str, contact: int = contact) -> Callable[[], Any]:
            return lambda: database.write_now(lambda db: linking.join(db, contact, code, None, now=now))

        done = _at_once(*(enter(code) for code in codes))
        assert sorted(type(result).__name__ for result in done) == ["ChannelChanged", "Offer"]
        with database.transaction() as db:
            assert owner(db, contact) in people
            assert {members.profile(db, m).status for m in people} == {"active"}


def test_guesses_at_the_same_moment_are_all_counted(database: Database, now: datetime) -> None:
    with database.transaction() as db:
        guesser = chat(db, None, "telegram")

    def guess(code: str) -> Callable[[], Any]:
        return lambda: database.write_now(lambda db: linking.offer(db, guesser, code, now=now))

    tried = _at_once(*(guess(f"LK2222222{letter}") for letter in "23456789"))
    assert sum(isinstance(one, linking.ChannelCodeTries) for one in tried) == 8 - linking.MOST_WRONG


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[Database]:
    database = Database(sqlite_url)
    yield database
    database.close()


steps = st.lists(st.tuples(st.sampled_from(["ask", "enter", "part"]), st.integers(0, 4)), max_size=25)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_whatever_is_asked_entered_and_parted_nothing_is_lost(
    on_sqlite: Database, steps: list[tuple[str, int]]
) -> None:
    """A seller with a link, a buyer and a bare customer, five chats, any order of steps."""
    now = datetime(2026, 11, 23, 2, tzinfo=UTC)
    with on_sqlite.transaction() as db, db.begin_nested() as everything:
        people = [member(db, "rich"), member(db, "buyer", "customer", buyer_id="u-1"), member(db, "bare", "customer")]
        db.execute(insert(Link).values(member_id=people[0], code="abcd2345", kind="shop", target="", created_at=now))
        owners = (*people, None, people[0])
        chats = [chat(db, m, "telegram", str(number)) for number, m in enumerate(owners)]
        code = "LK22222222"
        for what, place in steps:
            code = _do(db, what, chats[place], code, now)
        stands = {row.member_id: row for row in db.execute(select(Member.id, Member.member_id, Member.status))}
        having = {owner(db, one) for one in chats} - {None}
        assert having == {row.id for row in stands.values() if row.status == "active"}
        assert stands["rich"].status == "active"
        assert db.scalar(select(Link.member_id)) == people[0]
        assert members.by_buyer(db, "u-1") in having
        everything.rollback()


def _do(db: Session, what: str, contact: int, code: str, now: datetime) -> str:
    """One step, refused or not; returns the code that was asked for last."""
    mine = owner(db, contact)
    try:
        if what == "enter":
            join(db, contact, code, now)
        elif mine is not None and what == "ask":
            return linking.new_code(db, mine, contact, now=now)
        elif mine is not None:
            linking.let_go(db, mine, contact, now=now)
    except Refusal:
        pass
    return code
