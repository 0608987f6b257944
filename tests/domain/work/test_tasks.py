"""The day's tasks: given in the morning, checked from visits and sales, reminded of in the evening."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from domain import wording
from domain.schema import Mute, Order, Outbox, Visit
from domain.wording import Words
from domain.work import task_giving, task_templates, tasks
from tests.someone import member

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 23)


@pytest.fixture(autouse=True)
def templates(db: Session) -> None:
    task_templates.seed(db)
    task_templates.seed(db)


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
    heads = [line.params["lines"][0] if line.key == "task.lines" else line for line in lines]
    title = [line.params["title"] for line in heads]
    return [one.params["zh"] for one in title if isinstance(one, Words)]


def test_everybody_who_sells_gets_the_tasks_of_their_role_once(db: Session, now: datetime) -> None:
    m, d, c = member(db, "m-1", "merchant"), member(db, "d-1"), member(db, "c-1", "customer")
    gone = member(db, "m-2", "merchant", status="suspended")
    for _ in range(2):
        reached: int | None = 0
        while reached is not None:
            reached = task_giving.assign(db, DAY, now=now, zone=ZONE, after=reached, limit=1)
    assert [t.target for t in tasks.today(db, m, DAY, zone=ZONE)] == [1, 3, 1]
    assert [t.target for t in tasks.today(db, d, DAY, zone=ZONE)] == [1, 2, 1]
    assert tasks.today(db, c, DAY, zone=ZONE) == tasks.today(db, gone, DAY, zone=ZONE) == []
    morning = told(db, "notice.tasks_morning")
    assert set(morning) == {m, d}
    assert titles(morning[m]) == ["带来今天的第一位访客", "带来 3 位访客", "本周成交 1 单"]


def test_a_newcomer_has_tasks_on_the_first_day(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    task_giving.assign_to(db, m, DAY, zone=ZONE)
    assert len(tasks.today(db, m, DAY, zone=ZONE)) == 3


def test_visitors_count_once_and_machines_do_not(db: Session, now: datetime) -> None:
    m = member(db, "m-1")
    task_giving.assign(db, DAY, now=now, zone=ZONE)
    visit(db, m, now, 9, bot=True)
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 0
    visit(db, m, now, 1, 1, 1)
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 1
    first, more, sale = tasks.today(db, m, DAY, zone=ZONE)
    assert (first.done_at, more.reached, more.done_at, sale.reached) == (now, 1, None, 0)
    visit(db, m, now, 3)
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 1
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 0
    assert told(db, "notice.task_done")[m]["points"] == 10


def test_a_sale_counts_in_its_week_and_only_to_somebody_else(db: Session, now: datetime) -> None:
    m = member(db, "m-1", buyer_id="u-1")
    task_giving.assign(db, DAY, now=now, zone=ZONE)
    order(db, m, "A-own", now, buyer_id="u-1")
    order(db, m, "A-yesterday", datetime.fromisoformat("2026-11-22T23:59:59+08:00"))
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 0
    order(db, m, "A-1", datetime.fromisoformat("2026-11-23T00:00:00+08:00"), buyer_id="u-2")
    assert tasks.check(db, DAY, now=now, zone=ZONE) == 1


def test_the_evening_reminds_only_of_what_is_open_and_due(db: Session, now: datetime) -> None:
    busy, idle, deaf = member(db, "m-1"), member(db, "m-2"), member(db, "m-3")
    db.execute(insert(Mute).values(member_id=deaf, category="business"))
    task_giving.assign(db, DAY, now=now, zone=ZONE)
    visit(db, busy, now, 1, 2)
    visit(db, idle, now, 1)
    tasks.check(db, DAY, now=now, zone=ZONE)
    evening = now + timedelta(hours=10)
    for _ in range(2):
        assert tasks.remind(db, DAY, now=evening) is None
    reminded = told(db, "notice.tasks_evening")
    assert set(reminded) == {idle}
    assert titles(reminded[idle]) == ["带来 2 位访客"], "the sale has time until Sunday"
