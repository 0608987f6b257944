"""How SQLite looks for what announcements ask: never through all messages or visits, nor through all of a day."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, update
from sqlalchemy.orm import Session

from bot.database import Database
from domain.messages import (
    announcement_report,
    announcements,
    audience_rules,
    audiences,
    doubts,
    hush,
    outbox,
    reading_back,
)
from domain.people import merging
from domain.schema import Outbox, Visit
from tests.domain.messages.test_reaching_them import SHANGHAI, people, put_out

LARGE = ("outbox", "its", "again", "earlier", "visit", "visit_day", "orders", "contact", "member_tag", "account")
NARROW = (
    "member_id=?", "member_id>?", "credited_id=?", "key=?", "rowid=?", "day=? AND member_id=?", "contact_id=?",
    "announcement_id=? AND state=?", "not_before<?", "visit_day_day (day=?)", "(day>?)",
)  # fmt: skip
"""What makes a search of a large table short: whose it is, which announcement's in which state, or what is due."""

CRITERIA = {
    "role": ["distributor"],
    "class": ["single_brand"],
    "tier": ["gold"],
    "tag": ["vip"],
    "channel": ["telegram"],
    "language": ["en"],
    "active_days": 30,
    "dormant_days": 30,
    "below": "m-0",
    "joined_since": "2026-01-01",
    "operator": True,
    "any": [{"tag": ["vip"]}, {"active_days": 7}],
    "not": [{"active_days": 90}],
}


@pytest.fixture
def db(sqlite_url: str, now: datetime):
    database = Database(sqlite_url)
    with database.writing.connect() as connection, Session(connection) as db:
        people(db, 4)
        day = now.date()
        row = {"link_id": 1, "member_id": 1, "at": now, "visitor": 1, "ip": 1, "bot": False}
        db.execute(insert(Visit), [row | {"day": day - timedelta(days=ago)} for ago in range(3)])
        yield db
        db.rollback()
    database.close()


def searched(db: Session, work: Callable[[], object]) -> list[str]:
    """Do `work` and return how each table was looked through, as SQLite tells it."""
    said: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        said.append((statement, parameters))

    engine = db.connection().engine
    event.listen(engine, "before_cursor_execute", note)
    work()
    event.remove(engine, "before_cursor_execute", note)
    cursor = db.connection().connection.cursor()
    plans = []
    for statement, parameters in said:
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans += [f"{row[3]} | {' '.join(statement.split())[:80]}" for row in cursor.fetchall()]
    return plans


def long_searches(plans: list[str]) -> list[str]:
    found = []
    for plan in plans:
        told = re.match(r"(SCAN|SEARCH) (\w+)", plan)
        if told is None or told[2] not in LARGE:
            continue
        if told[1] == "SCAN" or not any(narrow in plan for narrow in NARROW):
            found.append(plan)
    return found


def test_every_condition_of_an_audience_is_known(db: Session) -> None:
    assert set(CRITERIA) == {*audience_rules.CONDITIONS, "any", "not"}


@pytest.mark.parametrize("name", CRITERIA)
def test_an_audience_looks_only_at_what_is_its_members(db: Session, now: datetime, name: str) -> None:
    one = {name: CRITERIA[name]}
    assert not long_searches(searched(db, lambda: audiences.size(db, one, now=now, zone=SHANGHAI)))
    notice = announcements.schedule(db, "您好", one, now, by="cli", now=now)
    plans = searched(db, lambda: announcements.enqueue_chunk(db, notice, now=now, zone=SHANGHAI))
    assert not long_searches(plans)
    assert not [plan for plan in plans if plan.startswith("SCAN member")]


def test_a_resend_looks_only_at_the_messages_of_its_portion(db: Session, now: datetime) -> None:
    first = put_out(db, now)
    for state in ("deferred", "unknown", "failed"):
        db.execute(update(Outbox).where(Outbox.announcement_id == first).values(state=state))
        again = announcements.resend(db, first, ["failed", "deferred", "unknown"], by="cli", now=now)
        plans = searched(db, lambda: announcements.enqueue_chunk(db, again, now=now, zone=SHANGHAI))  # noqa: B023
        assert not long_searches(plans)
        kept = [plan for plan in plans if "ix_outbox_announcement_id_state" in plan and "UPDATE" in plan]
        assert len(kept) <= 1, "only what is unknown is looked for by its announcement: there is little of it"
        new = [plan for plan in plans if plan.startswith(("SEARCH again", "SEARCH its"))]
        assert new
        assert all("member_id=?" in plan for plan in new)


def test_screens_and_reports_look_only_at_one_announcement(db: Session, now: datetime) -> None:
    first = put_out(db, now)
    db.execute(update(Outbox).values(state="deferred", channel=None))
    for work in (
        lambda: announcement_report.can_be_resent(db, first, SHANGHAI),
        lambda: announcement_report.reasons(db, first, SHANGHAI),
        lambda: announcement_report.all_missed(db, first, zone=SHANGHAI),
        lambda: announcements.progress(db, first, SHANGHAI),
        lambda: reading_back.of_member(db, 1),
        lambda: doubts.find(db, announcement=first),
        lambda: merging.standing(db, 1),
    ):
        plans = searched(db, work)
        counted = "COVERING INDEX ix_outbox_announcement_id_state (announcement_id=?)"  # its states, in the index alone
        assert not [plan for plan in long_searches(plans) if counted not in plan]


def test_what_is_done_all_the_time_looks_only_at_what_is_due(db: Session, now: datetime) -> None:
    first, evening = put_out(db, now), datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    hush.looked(db, now=evening)
    for work in (
        lambda: hush.hush(db, first, 0, now=now, zone=SHANGHAI),
        lambda: hush.to_hush(db, now=evening + timedelta(hours=1), zone=SHANGHAI),
        lambda: outbox.anybody_sleeps(db, now=now),
        lambda: outbox.wake(db, limit=10, now=now),
        lambda: outbox.claim(db, "telegram", limit=10, lease_until=now, now=now, zone=SHANGHAI),
    ):
        plans = searched(db, work)
        in_turn = "ix_outbox_waiting (channel=?)"  # in the order in which they go, and only as many as are taken
        assert not [plan for plan in long_searches(plans) if in_turn not in plan or "TEMP B-TREE" in str(plans)]
        assert not [plan for plan in plans if plan.startswith("SCAN member")]
