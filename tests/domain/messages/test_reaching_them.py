"""Quiet hours, whom an announcement missed and why, sending again, and the result that is told at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, insert, select, update
from sqlalchemy.orm import Session

from bot.database import Database
from domain import audit
from domain.errors import Invalid, NotFound, Refusal
from domain.messages import announcement_report, announcements, doubts, hush, outbox, reading_back
from domain.messages.announcements import Draft
from domain.messages.outbox import Mark
from domain.messages.quiet import DAY, chosen, next_allowed
from domain.messages.quiet_sql import next_allowed_of
from domain.schema import Announcement, Member, Mute, Outbox, Product
from tests.someone import THEN, ZONE, chat, member

SHANGHAI = ZoneInfo("Asia/Shanghai")
EVENING = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)  # half past ten in Shanghai
MORNING = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)  # eight o'clock there


def people(db: Session, count: int, **more: object) -> list[int]:
    made = [member(db, f"m-{n}", "distributor", name=f"N{n}", **more) for n in range(count)]
    for one in made:
        chat(db, one, "telegram", locale="zh")
    return made


def put_out(db: Session, now: datetime, **more: object) -> int:
    made = announcements.schedule(db, "您好", "all", now, by="member:m-0", now=now, **more)  # type: ignore[arg-type]
    while announcements.enqueue_chunk(db, made, 3, now=now, zone=SHANGHAI):
        pass
    return made


def becomes(db: Session, announcement: int, who: int, state: str, error: str | None = None) -> None:
    over = None if state in ("queued", "sending", "deferred") else THEN
    mine = (Outbox.announcement_id == announcement, Outbox.member_id == who)
    db.execute(update(Outbox).where(*mine).values(state=state, error=error, finished_at=over))


def times(db: Session, announcement: int) -> dict[int, datetime]:
    rows = db.execute(select(Outbox.member_id, Outbox.not_before).where(Outbox.announcement_id == announcement))
    return {row.member_id: row.not_before for row in rows}


def test_a_promotion_in_the_evening_waits_for_each_readers_morning(db: Session) -> None:
    usual, own, never = people(db, 3)
    db.execute(update(Member).where(Member.id == own).values(quiet_from=20 * 60, quiet_to=9 * 60 + 30))
    db.execute(update(Member).where(Member.id == never).values(quiet_from=0, quiet_to=0))
    own_morning = MORNING + timedelta(hours=1, minutes=30)
    assert times(db, put_out(db, EVENING)) == {usual: MORNING, own: own_morning, never: EVENING}
    for more in ({"urgent": True}, {"kind": "business"}, {"kind": "system"}):
        assert set(times(db, put_out(db, EVENING, **more)).values()) == {EVENING}, more
    assert set(times(db, put_out(db, MORNING + timedelta(hours=2))).values()) == {MORNING + timedelta(hours=2)}


def test_who_sleeps_is_not_looked_through_and_wakes_in_the_morning(db: Session) -> None:
    """Messages that wait for the morning have no part in what is looked at several times a second."""
    usual, never = people(db, 2)
    db.execute(update(Member).where(Member.id == never).values(quiet_from=0, quiet_to=0))
    notice = put_out(db, EVENING)
    assert outbox.choose_ways(db, ["telegram"], limit=10, now=MORNING) == 1
    assert not outbox.anybody_sleeps(db, now=MORNING - timedelta(seconds=1))
    assert outbox.wake(db, limit=10, now=MORNING - timedelta(seconds=1)) == 0
    outbox.choose_anew(db, ["telegram"])
    assert outbox.anybody_sleeps(db, now=MORNING)
    assert outbox.wake(db, limit=10, now=MORNING) == 1
    outbox.choose_ways(db, ["telegram"], limit=10, now=MORNING)
    taken = outbox.claim(db, "telegram", limit=10, lease_until=MORNING, now=MORNING, zone=ZONE)
    assert {one.member for one in taken} == {usual, never}
    announcements.cancel(db, put_out(db, EVENING), now=EVENING)
    assert {one.channel for one in announcement_report.rows(db, notice + 1, None)} <= {None}


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Members with all sorts of quiet hours, some with none of their own."""
    from domain.schema import Base

    database = Database(f"sqlite:///{tmp_path_factory.mktemp('readers') / 'readers.db'}")
    Base.metadata.create_all(database.writing)
    with database.transaction() as db:
        for n in range(300):
            hours: dict[str, Any] = (
                {} if n % 10 == 0 else {"quiet_from": (n * 37) % DAY, "quiet_to": (n * 211 + n) % DAY}
            )
            member(db, f"m-{n}", **hours)
    yield database
    database.close()


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_readers_hours_in_one_statement_are_each_readers_hours(readers: Database, at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    with readers.transaction() as db:
        found = db.execute(
            select(Member.quiet_from, Member.quiet_to, next_allowed_of(db, at, zone).label("then"))
        ).all()
    for row in found:
        assert row.then == next_allowed(at, chosen(row.quiet_from, row.quiet_to), zone), (row.quiet_from, row.quiet_to)


def test_the_clock_that_is_changed_moves_the_morning(db: Session) -> None:
    [one] = people(db, 1)
    for day in (datetime(2026, 3, 8, 4, 0, tzinfo=UTC), datetime(2026, 11, 1, 4, 0, tzinfo=UTC)):
        zone = ZoneInfo("America/New_York")
        found = db.scalar(select(next_allowed_of(db, day, zone)).where(Member.id == one))
        assert found == next_allowed(day, chosen(None, None), zone)


def test_evening_comes_while_it_is_going_out(db: Session) -> None:
    before = EVENING - timedelta(hours=1)
    usual, never = people(db, 2)
    db.execute(update(Member).where(Member.id == never).values(quiet_from=0, quiet_to=0))
    going, urgent = put_out(db, before), put_out(db, before, urgent=True)
    hush.looked(db, now=before)
    minute_before_ten = EVENING - timedelta(minutes=31)
    assert hush.is_time(db, now=minute_before_ten)
    assert hush.to_hush(db, now=minute_before_ten, zone=SHANGHAI) == []
    hush.looked(db, now=minute_before_ten)
    assert hush.to_hush(db, now=EVENING, zone=SHANGHAI) == [going]
    last = hush.hush(db, going, 0, now=EVENING, zone=SHANGHAI)
    assert last is not None
    assert hush.hush(db, going, last, now=EVENING, zone=SHANGHAI) is None
    hush.looked(db, now=EVENING)
    assert times(db, going) == {usual: MORNING, never: before}
    assert set(times(db, urgent).values()) == {before}
    assert not hush.is_time(db, now=EVENING)


def test_what_is_being_sent_as_evening_comes_is_not_tried_again_in_the_night(db: Session) -> None:
    """A platform asks for patience: what waits for its next try waits for the morning, also if that came back late."""
    before, evening = EVENING - timedelta(minutes=31), EVENING - timedelta(minutes=30)
    waiting, under_way = people(db, 2)
    going = put_out(db, before)
    outbox.choose_ways(db, ["telegram"], limit=10, now=before)
    outbox.claim(db, "telegram", limit=10, lease_until=evening, now=before, zone=SHANGHAI)
    its = message(db, going, waiting)
    soon = evening + timedelta(seconds=30)
    contact = db.execute(select(Outbox.contact_id).where(Outbox.id == its)).scalar_one()
    outbox.record(db, [Mark(its, 1, "queued", "429", soon, contact, "telegram", counted=False)], now=before)
    hush.looked(db, now=before)
    assert hush.to_hush(db, now=evening, zone=SHANGHAI) == [going]
    hush.hush(db, going, 0, now=evening, zone=SHANGHAI)
    assert times(db, going)[waiting] == MORNING
    late = message(db, going, under_way)
    outbox.record(db, [Mark(late, 1, "queued", "429", soon)], now=evening)
    outbox.choose_ways(db, ["telegram"], limit=10, now=soon)
    assert outbox.claim(db, "telegram", limit=10, lease_until=MORNING, now=soon, zone=SHANGHAI) == []
    assert set(times(db, going).values()) == {MORNING}


def test_a_clock_that_was_ahead_does_not_switch_the_evening_off(db: Session) -> None:
    people(db, 1)
    going = put_out(db, EVENING - timedelta(hours=1))
    hush.looked(db, now=EVENING + timedelta(days=40))
    assert hush.to_hush(db, now=EVENING, zone=SHANGHAI) == [going]


def test_a_kind_that_somebody_has_muted_does_not_reach_them_and_the_others_do(db: Session, now: datetime) -> None:
    one, other = people(db, 2)
    db.execute(insert(Mute).values([{"member_id": one, "category": "business"}]))
    for kind, muted in (("business", 1), ("promotion", 0), ("system", 0)):
        assert announcements.progress(db, put_out(db, now, kind=kind))["muted"] == muted
    assert other
    with pytest.raises(Invalid, match="announcement_kind"):
        announcements.schedule(db, "x", "all", now, kind="spam", by="cli", now=now)


def test_a_picture_is_a_products(db: Session, now: datetime) -> None:
    [one] = people(db, 1)
    with pytest.raises(Invalid, match="unknown_product"):
        announcements.schedule(db, "x", "all", now, sku="NONE", by="cli", now=now)
    db.execute(insert(Product).values(sku="TEA", name="茶", price=1, currency="CNY", created_at=now))
    put_out(db, now, sku="TEA")
    outbox.choose_ways(db, ["telegram"], limit=10, now=now)
    [taken] = outbox.claim(db, "telegram", limit=10, lease_until=now, now=now, zone=ZONE)
    assert taken.picture == ("product", {"sku": "TEA"})
    assert reading_back.of_member(db, one)[0].sku == "TEA"


def test_a_preview_goes_to_the_chat_of_whoever_writes_it_and_is_no_announcement(db: Session, now: datetime) -> None:
    me, _ = people(db, 2)
    db.execute(insert(Mute).values(member_id=me, category="promotion"))
    here = chat(db, me, "webchat", seen=-5)
    made = announcements.try_out(db, Draft("您好", "Hello"), me, here, "webchat", by="member:m-0", now=now)
    [taken] = outbox.claim(db, "webchat", limit=10, lease_until=now, now=now, zone=ZONE)
    assert (taken.member, taken.contact_id, taken.words.key) == (me, here, "announcement")
    assert announcements.latest(db) == []
    assert reading_back.of_member(db, me) == []
    assert announcements.due(db, now=now) == []
    assert announcement_report.ended(db) == []
    with pytest.raises(NotFound):
        reading_back.received(db, me, made)


def test_everybody_who_was_missed_is_told_apart_by_the_reason(db: Session, now: datetime) -> None:
    made = people(db, 9)
    notice = put_out(db, now)
    blocked, closed, nowhere = made[3], made[4], made[5]
    db.connection().exec_driver_sql(f"UPDATE contact SET unreachable_since = first_seen_at WHERE member_id = {blocked}")
    db.connection().exec_driver_sql(f"UPDATE contact SET member_id = NULL WHERE member_id = {nowhere}")
    states = ("sent", "failed", "unknown", "deferred", "deferred", "deferred", "muted", "cancelled", "sent")
    for who, state in zip(made, states, strict=True):
        becomes(db, notice, who, state, "45015 window closed" if who == closed else None)
    assert announcement_report.reasons(db, notice, None) == {
        "refused": 1, "unknown": 1, "window": 1, "blocked": 1, "no_channel": 1, "muted": 1, "stopped": 1,
    }  # fmt: skip
    found = list(announcement_report.rows(db, notice, None))
    assert {one.member_id for one in found} == {f"m-{n}" for n in range(1, 8)}
    first, more = announcement_report.all_missed(db, notice, limit=1, zone=None)
    portions = [first]
    while more is not None:
        portion, more = announcement_report.all_missed(db, notice, after=more, limit=1, zone=None)
        portions.append(portion)
    assert [one for portion in portions for one in portion] == found
    for one in found:
        assert announcement_report.missed(db, notice, one.reason, limit=5, zone=None) == [one]
    with pytest.raises(NotFound):
        announcement_report.missed(db, notice, "nonsense", limit=5, zone=None)


def test_who_had_no_message_yet_when_it_was_stopped_is_named_too(db: Session, now: datetime) -> None:
    people(db, 7)
    notice = announcements.schedule(db, "您好", "all", now, by="cli", now=now)
    assert announcements.enqueue_chunk(db, notice, 3, now=now)
    announcements.cancel(db, notice, now=now)
    assert announcement_report.reasons(db, notice, None) == {"stopped": 7}
    found, after = [], 0
    while page := announcement_report.missed(db, notice, "stopped", after=after, limit=2, zone=None):
        found += page
        after = page[-1].place
    assert sorted(one.member_id for one in found) == [f"m-{n}" for n in range(7)]
    assert [one.member_id for one in announcement_report.rows(db, notice, None)] == [one.member_id for one in found]


def test_sending_again_reaches_those_who_were_missed_and_nobody_else(db: Session, now: datetime) -> None:
    sent, failed, unknown, kept, muted, stopped = people(db, 6)
    first = put_out(db, now)
    with pytest.raises(Invalid, match="resend_states"):
        announcements.resend(db, first, ["sent"], by="cli", now=now)
    became = ("sent", "failed", "unknown", "deferred", "muted", "cancelled")
    for who, state in zip((sent, failed, unknown, kept, muted, stopped), became, strict=True):
        becomes(db, first, who, state)
    assert announcement_report.can_be_resent(db, first, None) == {
        "failed": 1, "cancelled": 1, "deferred": 1, "unknown": 1,
    }  # fmt: skip
    second = announcements.resend(db, first, ["failed", "cancelled"], by="member:m-0", now=now)
    with pytest.raises(Refusal, match="resend_under_way"):
        announcements.resend(db, first, ["failed"], by="cli", now=now)
    assert not announcements.enqueue_chunk(db, second, now=now)
    assert set(times(db, second)) == {failed, stopped}
    becomes(db, second, failed, "failed")
    third = announcements.resend(db, second, ["failed", "deferred", "unknown"], by="cli", now=now)
    assert announcements.find(db, third).resend_of == first
    announcements.enqueue_chunk(db, third, now=now)
    assert set(times(db, third)) == {failed, kept, unknown}
    assert announcement_report.reasons(db, first, None) == {"refused": 1, "muted": 1, "stopped": 1, "again": 2}
    assert outbox.take_deferred(db, kept, 5, now=now) == []
    assert not [one for one in audit.violations(db) if one.rule.number == "13"]
    becomes(db, first, failed, "sent")
    becomes(db, third, failed, "sent")
    assert [one.rule.number for one in audit.violations(db)] == ["13"]


def test_nothing_is_sent_again_while_it_is_still_going_out(db: Session, now: datetime) -> None:
    people(db, 4)
    notice = announcements.schedule(db, "您好", "all", now, by="cli", now=now)
    announcements.enqueue_chunk(db, notice, 2, now=now)
    with pytest.raises(Refusal, match="still_going"):
        announcements.resend(db, notice, ["failed"], by="cli", now=now)


def resend(db: Session, of: int, *states: str, now: datetime) -> int:
    again = announcements.resend(db, of, states, by="cli", now=now)
    while announcements.enqueue_chunk(db, again, 2, now=now, zone=SHANGHAI):
        pass
    return again


def message(db: Session, announcement: int, who: int) -> int:
    mine = (Outbox.announcement_id == announcement, Outbox.member_id == who)
    return db.execute(select(Outbox.id).where(*mine)).scalar_one()


def test_who_joined_later_was_never_meant(db: Session, now: datetime) -> None:
    """Stopped when all of it was put out it left nobody out; stopped before, those whom it had not come to yet."""
    early = people(db, 5)
    whole, half = put_out(db, now), announcements.schedule(db, "您好", "all", now, by="cli", now=now)
    assert announcements.enqueue_chunk(db, half, 3, now=now)
    for one in (whole, half):
        announcements.cancel(db, one, now=now)
    late = member(db, "late", name="late")
    for one in (whole, half):
        assert announcement_report.reasons(db, one, None) == {"stopped": 5}
        assert len(list(announcement_report.rows(db, one, None))) == 5
        assert announcements.progress(db, one)["cancelled"] == announcements.progress(db, one)["recipients"] == 5
        assert announcement_report.can_be_resent(db, one, None) == {"cancelled": 5}
        assert set(times(db, resend(db, one, "cancelled", now=now))) == set(early)
        assert late not in early


def test_a_resend_that_was_stopped_is_sent_again_to_whom_it_had_not_come(db: Session, now: datetime) -> None:
    made = people(db, 5)
    first = put_out(db, now)
    for who in made:
        becomes(db, first, who, "failed")
    second = announcements.resend(db, first, ["failed"], by="cli", now=now)
    assert announcements.enqueue_chunk(db, second, 2, now=now)
    announcements.cancel(db, second, now=now)
    assert announcement_report.can_be_resent(db, second, None) == {"failed": 5}
    assert set(times(db, resend(db, first, "failed", now=now))) == set(made)


def test_each_member_counts_once_and_by_what_weighs_most(db: Session, now: datetime) -> None:
    twice, perhaps, given_up = people(db, 3)
    first = put_out(db, now)
    for who, state in ((twice, "failed"), (perhaps, "unknown"), (given_up, "unknown")):
        becomes(db, first, who, state)
    doubts.resolve(db, message(db, first, given_up), "drop", by="cli", now=now)
    assert announcement_report.can_be_resent(db, first, None) == {"failed": 1, "unknown": 2}
    second = resend(db, first, "failed", "unknown", now=now)
    assert set(times(db, second)) == {twice, perhaps, given_up}
    for who, state in ((twice, "cancelled"), (perhaps, "failed"), (given_up, "cancelled")):
        becomes(db, second, who, state)
    assert announcement_report.can_be_resent(db, first, None) == {"failed": 1, "unknown": 2}
    assert set(times(db, resend(db, first, "failed", "cancelled", "deferred", now=now))) == {twice}


def test_who_got_it_by_a_resend_does_not_get_the_first_one_by_hand(db: Session, now: datetime) -> None:
    reached, missed = people(db, 2)
    first = put_out(db, now)
    for who in (reached, missed):
        becomes(db, first, who, "failed")
    second = resend(db, first, "failed", now=now)
    becomes(db, second, reached, "sent")
    becomes(db, second, missed, "failed")
    with pytest.raises(Refusal, match="not_in_doubt"):
        doubts.resolve(db, message(db, first, reached), "resend", by="cli", now=now)
    assert doubts.resolve(db, message(db, first, missed), "resend", by="cli", now=now) == "queued"
    with pytest.raises(Refusal, match="not_in_doubt"):
        doubts.resolve(db, message(db, second, missed), "resend", by="cli", now=now)
    assert not [one for one in audit.violations(db) if one.rule.number == "13"]


OUTCOMES = st.sampled_from(["sent", "failed", "unknown", "deferred", "cancelled", "muted", "queued"])
CHOSEN = st.sets(st.sampled_from(["failed", "cancelled", "deferred", "unknown"]), min_size=1)
DECISIONS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(list(doubts.DECISIONS))), max_size=4)
ROUND = st.tuples(CHOSEN, st.lists(OUTCOMES, min_size=5, max_size=5), DECISIONS, st.booleans())


@given(st.booleans(), st.lists(ROUND, min_size=1, max_size=4))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_often_it_is_sent_again_nobody_gets_it_twice(
    sqlite_url: str, stopped: bool, rounds: list[tuple[set[str], list[str], list[tuple[int, str]], bool]]
) -> None:
    """Whoever has it, may have it, or will get it, has one message that says so, over all resends together.

    Whatever operators decide about single messages, whoever joins meanwhile, whenever it is stopped.
    """
    database = Database(sqlite_url)
    with database.writing.connect() as connection, Session(connection) as db:
        made, perhaps = people(db, 5), set[int]()
        first = put_out(db, THEN)
        if stopped:
            announcements.cancel(db, first, now=THEN)
        for number, (states, outcomes, decided, stops) in enumerate(rounds):
            latest = db.execute(select(func.max(Announcement.id))).scalar_one()
            for who, outcome in zip(made, outcomes, strict=True):
                if who in times(db, latest) and not (stopped and latest == first):
                    becomes(db, latest, who, outcome)
                    perhaps |= {who} if outcome == "unknown" else set()
            messages = db.scalars(select(Outbox.id).order_by(Outbox.id)).all()
            for which, decision in decided:
                chosen = messages[which % len(messages)]
                with contextlib.suppress(Refusal):
                    doubts.resolve(db, chosen, decision, by="cli", now=THEN)
                    if decision == "resend":  # who wants that takes it upon themselves
                        perhaps -= {db.execute(select(Outbox.member_id).where(Outbox.id == chosen)).scalar_one()}
            member(db, f"late-{number}")
            expected = announcement_report.can_be_resent(db, first, None)
            again = announcements.resend(db, first, sorted(states), by="cli", now=THEN)
            more = announcements.enqueue_chunk(db, again, 2, now=THEN)
            if stops:
                announcements.cancel(db, again, now=THEN)
            while more and not stops:
                more = announcements.enqueue_chunk(db, again, 2, now=THEN)
            assert set(times(db, again)) <= set(made), "nobody who joined later"
            assert "unknown" in states or not perhaps & set(times(db, again)), "nobody who may have it"
            if not stops:
                assert len(times(db, again)) == sum(n for state, n in expected.items() if state in states)
            counts = db.execute(
                select(Outbox.member_id, func.count())
                .where(Outbox.state.in_(("sent", "queued", "sending", "unknown", "deferred")))
                .group_by(Outbox.member_id)
            )
            assert all(n == 1 for _, n in counts)
        db.rollback()
    database.close()


def test_the_result_is_told_once_to_whoever_sent_it(db: Session, now: datetime) -> None:
    ops, other = people(db, 2)
    db.execute(update(Member).where(Member.id == ops).values(operator=True))
    mine = put_out(db, now)
    scripts = announcements.schedule(db, "x", "agents", now, by="api:erp", now=now)
    announcements.enqueue_chunk(db, scripts, now=now)
    assert announcement_report.ended(db) == [scripts]
    for who in (ops, other):
        becomes(db, mine, who, "sent")
    assert announcement_report.ended(db) == [mine, scripts]
    for one in (mine, scripts, mine):
        announcement_report.tell(db, one, now=now, zone=None)
    told = db.execute(select(Outbox.member_id, Outbox.text_key).where(Outbox.announcement_id.is_(None))).all()
    assert [tuple(row) for row in told] == [(ops, "notice.announcement_done")]
    assert announcement_report.ended(db) == []


def test_putting_out_costs_the_same_few_statements_however_many_they_are(db: Session, now: datetime) -> None:
    people(db, 40)
    assert _statements(db, 3, now) == _statements(db, 30, now) <= 6


def _statements(db: Session, limit: int, now: datetime) -> int:
    notice = announcements.schedule(db, "您好", {"channel": "telegram", "tag": "x"}, now, by="cli", now=now)
    seen: list[str] = []

    def count(*heard: object) -> None:
        seen.append(str(heard[2]))

    engine = db.connection().engine
    event.listen(engine, "before_cursor_execute", count)
    announcements.enqueue_chunk(db, notice, limit, now=now, zone=SHANGHAI)
    event.remove(engine, "before_cursor_execute", count)
    return len(seen)


def test_a_try_on_oneself_can_be_neither_stopped_nor_sent_again(db: Session, now: datetime) -> None:
    ops = member(db, "ops", operator=True)
    for number in range(8):
        member(db, f"m-{number}")
    tried = announcements.try_out(
        db, Draft("只给我看"), ops, chat(db, ops, "telegram"), "telegram", by="member:ops", now=now
    )
    for refused in (
        lambda: announcements.find(db, tried),
        lambda: announcements.cancel(db, tried, now=now),
        lambda: announcements.resend(db, tried, ["cancelled"], by="member:ops", now=now),
    ):
        with pytest.raises(NotFound):
            refused()
    db.execute(update(Announcement).where(Announcement.id == tried).values(state="scheduled"))
    with pytest.raises(LookupError):
        announcements.enqueue_chunk(db, tried, now=now, zone=ZONE)
    assert db.scalar(select(func.count()).select_from(Outbox)) == 1


def test_a_word_that_all_must_know_does_not_wait_behind_an_offer(db: Session, now: datetime) -> None:
    chat(db, member(db, "m-1"), "telegram")
    for kind in ("promotion", "business", "system"):
        made = announcements.schedule(db, kind, "all", now, kind=kind, urgent=True, by="cli", now=now)
        while announcements.enqueue_chunk(db, made, now=now, zone=ZONE):
            pass
    assert [row.category for row in db.execute(select(Outbox.category).order_by(Outbox.priority))] == [
        "system",
        "business",
        "promotion",
    ]
