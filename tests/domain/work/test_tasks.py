"""The day's tasks: given in the morning, checked from visits and sales, reminded of in the evening."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from domain import wording
from domain.schema import Order, Outbox, Visit
from domain.wording import Words
from domain.work import tasks
from tests.someone import member

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 23)


@pytest.fixture(autouse=True)
def templates(db: Session) -> None:
    tasks.seed_templates(db)
    tasks.seed_templates(db)


def visit(db: Session, of: int, now: datetime, *visitors: int, bot: bool = False) -> None:
    rows = [
        {"link_id": 1, "member_id": of, "day": DAY, "at": now, "visitor": visitor, "ip": visitor, "bot": bot}
        for visitor in visitors
    ]
    db.execute(insert(Visit), rows)


def order(db: Session, of: int, order_id: str, paid_at: datetime, buyer_id: str | None = None) -> None:
    db.execute(
        insert(Order).values(
            order_id=order_id,
            buyer_id=buyer_id,
            currency="CNY",
            rate="1",
            amount=100,
            shipping=0,
            paid_at=paid_at,
            credited_id=of,
            credit_reason="ref",
            recorded_at=paid_at,
        )
    )


def told(db: Session, text_key: str) -> dict[int, dict[str, object]]:
    rows = db.execute(select(Outbox.member_id, Outbox.params).where(Outbox.text_key == text_key))
    return {row.member_id: wording.from_json(row.params) for row in rows}


def titles(said: dict[str, object]) -> list[object]:
    lines = said["tasks"]
    assert isinstance(lines, list)
    title = [line.params["title"] for line in lines]
    return [one.params["zh"] for one in title if isinstance(one, Words)]


def test_everybody_who_sells_gets_the_tasks_of_their_role_once(db: Session, now: datetime) -> None:
    m, d, c = member(db, "m-1", "merchant"), member(db, "d-1"), member(db, "c-1", "customer")
    gone = member(db, "m-2", "merchant", status="suspended")
    for _ in range(2):
        reached: int | None = 0
        while reached is not None:
            reached = tasks.assign(db, DAY, now=now, after=reached, limit=1)
    assert [t.target for t in tasks.today(db, m, DAY, zone=ZONE)] == [1, 20, 1]
    assert [t.target for t in tasks.today(db, d, DAY, zone=ZONE)] == [1, 5, 1]
    assert tasks.today(db, c, DAY, zone=ZONE) == tasks.today(db, gone, DAY, zone=ZONE) == []
    morning = told(db, "notice.tasks_morning")
    assert set(morning) == {m, d}
    assert titles(morning[m]) == ["带来今天的第一位访客", "带来 20 位访客", "成交一单"]


def test_a_newcomer_has_tasks_on_the_first_day(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    tasks.assign_to(db, m, DAY)
    assert len(tasks.today(db, m, DAY, zone=ZONE)) == 3


def test_visitors_count_once_and_machines_do_not(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    tasks.assign(db, DAY, now=now)
    visit(db, m, now, 9, bot=True)
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 0
    visit(db, m, now, 1, 1, 1, 2)
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 1
    first, more, sale = tasks.today(db, m, DAY, zone=ZONE)
    assert (first.done_at, more.reached, more.done_at, sale.reached) == (now, 2, None, 0)
    visit(db, m, now, 3, 4, 5)
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 1
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 0
    assert told(db, "notice.task_done")[m]["points"] == 10


def test_a_sale_counts_on_its_business_day_and_only_to_somebody_else(db: Session, now: datetime) -> None:
    m = member(db, "m-1", buyer_id="u-1")
    tasks.assign(db, DAY, now=now)
    order(db, m, "A-own", now, buyer_id="u-1")
    order(db, m, "A-yesterday", datetime.fromisoformat("2026-11-22T23:59:59+08:00"))
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 0
    order(db, m, "A-1", datetime.fromisoformat("2026-11-23T00:00:00+08:00"), buyer_id="u-2")
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 1


def test_the_evening_reminds_only_of_what_is_open(db: Session, now: datetime) -> None:
    busy, idle = member(db, "m-1", "agent"), member(db, "m-2", "agent")
    tasks.assign(db, DAY, now=now)
    visit(db, busy, now, 1)
    order(db, busy, "A-1", now)
    visit(db, idle, now, 1)
    tasks.check(db, DAY, now=now, zone=ZONE)
    evening = now + timedelta(hours=10)
    for _ in range(2):
        assert tasks.remind(db, DAY, now=evening) is None
    reminded = told(db, "notice.tasks_evening")
    assert set(reminded) == {idle}
    assert titles(reminded[idle]) == ["成交一单"]
