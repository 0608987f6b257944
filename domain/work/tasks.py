"""The day's tasks: given each business morning, checked from what really happened, never for mere sharing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, update
from sqlalchemy.orm import Session

from domain import wording
from domain.messages import outbox
from domain.messages.outbox import TASKS, Notice
from domain.periods import business_day
from domain.roles import SELLERS
from domain.schema import Member, Order, Outbox, Task, TaskTemplate, Visit
from domain.schema.base import Day, Json, Utc
from domain.sql import chunks, insert_ignore, insert_selected
from domain.wording import Words, words

FIRST_VISIT: Final = "first_visit"  # somebody else followed one of the member's links
VISITORS: Final = "visitors"  # so many different people did
SALE: Final = "sale"  # so many orders were paid through the member, by other people
CHECKS: Final = (FIRST_VISIT, VISITORS, SALE)

CHUNK: Final = 1_000
"""Members per transaction; each has a few tasks and a notice."""


_FIRST_TEMPLATES: Final = (
    ("first_visit", "带来今天的第一位访客", "Bring today's first visitor", "all", FIRST_VISIT, 1, 5),
    ("visitors_5", "带来 5 位访客", "Bring 5 visitors", "distributor", VISITORS, 5, 10),
    ("visitors_20", "带来 20 位访客", "Bring 20 visitors", "merchant", VISITORS, 20, 20),
    ("sale", "成交一单", "Sell one order", "all", SALE, 1, 30),
)


@dataclass(frozen=True, slots=True)
class TodayTask:
    """A task of one member today; `reached` of `target` is done, never more than `target`."""

    id: int
    title: Words
    check: str
    target: int
    reached: int
    points: int
    done_at: datetime | None


def seed_templates(db: Session) -> None:
    """Put down the tasks that every installation begins with; those an operator has changed stay as they are."""
    names = ("code", "title", "title_en", "audience", "check", "target", "points")
    rows = [dict(zip(names, template, strict=True)) | {"active": True} for template in _FIRST_TEMPLATES]
    insert_ignore(db, TaskTemplate, rows, key=["code"])


def title(zh: str, en: str) -> Words:
    """A title that operators write in both languages, shown in the reader's."""
    return words("bilingual", zh=zh, en=en)


def _line(template: Any) -> Words:
    return words("task.line", title=title(template.title, template.title_en), points=template.points)


def _live() -> ColumnElement[bool]:
    return and_(Member.status == "active", Member.role.in_(SELLERS))


def _meant_for() -> ColumnElement[bool]:
    return and_(TaskTemplate.active, or_(TaskTemplate.audience == "all", TaskTemplate.audience == Member.role))


def _given(day: date) -> dict[str, Any]:
    return {
        "member_id": Member.id,
        "template_id": TaskTemplate.id,
        "day": literal(day, Day()),
        "target": TaskTemplate.target,
        "points": TaskTemplate.points,
    }


def assign(db: Session, day: date, *, now: datetime, after: int = 0, limit: int = CHUNK) -> int | None:
    """Give their tasks of `day` to the next `limit` members after the id `after`, and tell them.

    Returns the last id reached, None once everybody has theirs. Run again, it changes nothing.
    """
    members = select(Member.id).where(_live(), Member.id > after).order_by(Member.id).limit(limit).subquery()
    found, last = db.execute(select(func.count(), func.max(members.c.id))).one()
    if not found:
        return None
    these = and_(_live(), Member.id > after, Member.id <= last)
    _give(db, day, these)
    templates = db.execute(
        select(TaskTemplate.title, TaskTemplate.title_en, TaskTemplate.points, TaskTemplate.audience)
        .where(TaskTemplate.active)
        .order_by(TaskTemplate.id)
    ).all()
    for role in SELLERS:
        own = [_line(template) for template in templates if template.audience in ("all", role)]
        if own:
            _tell_morning(db, day, own, these & (Member.role == role), now)
    return int(last) if found == limit else None


def count(db: Session, day: date) -> int:
    """Return how many tasks were given for `day`."""
    return db.scalar(select(func.count()).select_from(Task).where(Task.day == day)) or 0


def assign_to(db: Session, member: int, day: date) -> None:
    """Give one member the tasks of `day`, as for somebody who joined after the morning. No notice."""
    _give(db, day, and_(_live(), Member.id == member))


def _give(db: Session, day: date, these: ColumnElement[bool]) -> None:
    pairs = select(Member.id).join(TaskTemplate, _meant_for()).where(these)
    insert_selected(db, Task, _given(day), pairs, key=["member_id", "day", "template_id"])


def _tell_morning(db: Session, day: date, lines: Sequence[Words], these: ColumnElement[bool], now: datetime) -> None:
    instant = literal(now, Utc())
    columns: dict[str, Any] = {
        "key": literal(f"tasks-morning:{day}:").concat(Member.id),
        "member_id": Member.id,
        "text_key": literal("notice.tasks_morning"),
        "params": literal(wording.to_json({"day": day, "tasks": list(lines)}), Json()),
        "category": literal("business"),
        "priority": literal(TASKS),
        "state": literal("queued"),
        "not_before": instant,
        "attempts": literal(0),
        "created_at": instant,
    }
    insert_selected(db, Outbox, columns, select(Member.id).where(these), key=["key"])


def _reached(day: date, zone: tzinfo) -> ColumnElement[int]:
    """SQL: how far the member of a task has come on `day`."""
    period = business_day(day, zone)
    visitors = (
        select(func.count(Visit.visitor.distinct()))
        .where(Visit.member_id == Task.member_id, Visit.day == day, ~Visit.bot)
        .scalar_subquery()
    )
    sold = and_(Order.paid_at >= period.start, Order.paid_at < period.end, Order.cancelled_at.is_(None))
    sales = (
        select(func.count())
        .select_from(Order)
        .join(Member, Member.id == Order.credited_id)
        .where(Order.credited_id == Task.member_id, sold)
        .where(or_(Order.buyer_id.is_(None), Member.buyer_id.is_(None), Order.buyer_id != Member.buyer_id))
        .scalar_subquery()
    )
    return case((TaskTemplate.check == SALE, sales), else_=visitors)


def _tasks(day: date) -> Select[Any]:
    return (
        select(Task.id)
        .join(TaskTemplate, TaskTemplate.id == Task.template_id)
        .where(Task.day == day)
        .order_by(TaskTemplate.id, Task.id)
    )


def today(db: Session, member: int, day: date, *, zone: tzinfo) -> list[TodayTask]:
    """Return the member's tasks of the business day `day`, with how far each has come."""
    rows = db.execute(
        _tasks(day)
        .where(Task.member_id == member)
        .with_only_columns(
            Task.id,
            TaskTemplate.title,
            TaskTemplate.title_en,
            TaskTemplate.check,
            Task.target,
            Task.points,
            Task.done_at,
            _reached(day, zone).label("reached"),
        )
    ).all()
    return [
        TodayTask(
            row.id,
            title(row.title, row.title_en),
            row.check,
            row.target,
            row.target if row.done_at else min(row.reached, row.target),
            row.points,
            row.done_at,
        )
        for row in rows
    ]


def fulfilled(db: Session, day: date, *, zone: tzinfo) -> list[int]:
    """Return the open tasks of `day` that what happened since has fulfilled. Only reads."""
    return list(db.scalars(_tasks(day).where(Task.done_at.is_(None), _reached(day, zone) >= Task.target)))


def complete(db: Session, tasks: Sequence[int], *, now: datetime) -> int:
    """Mark `tasks` done and tell their members; returns how many were still open."""
    return sum(_complete(db, part, now) for part in chunks(tasks, CHUNK))


def _complete(db: Session, tasks: Sequence[int], now: datetime) -> int:
    open_ones = update(Task).where(Task.id.in_(tasks), Task.done_at.is_(None))
    done = db.scalars(open_ones.values(done_at=now).returning(Task.id)).all()
    rows = db.execute(
        select(Task.id, Task.member_id, Task.points, TaskTemplate.title, TaskTemplate.title_en)
        .join(TaskTemplate, TaskTemplate.id == Task.template_id)
        .where(Task.id.in_(done))
        .order_by(Task.id)
    )
    notices = [
        Notice(
            f"task-done:{row.id}",
            row.member_id,
            "notice.task_done",
            {"title": title(row.title, row.title_en), "points": row.points},
            "business",
            TASKS,
        )
        for row in rows
    ]
    outbox.put_all(db, notices, now=now)
    return len(done)


def check(db: Session, day: date, *, now: datetime, zone: tzinfo) -> int:
    """Mark every task of `day` done that is fulfilled, tell their members, and return how many there were."""
    return complete(db, fulfilled(db, day, zone=zone), now=now)


def remind(db: Session, day: date, *, now: datetime, after: int = 0, limit: int = CHUNK) -> int | None:
    """Remind the next `limit` members after the id `after` of what is still open on `day`.

    Returns the last id reached, None once everybody was reminded. Who has done everything hears nothing.
    """
    members = list(
        db.scalars(
            select(Task.member_id)
            .join(Member, Member.id == Task.member_id)
            .where(Task.day == day, Task.done_at.is_(None), Task.member_id > after, _live())
            .group_by(Task.member_id)
            .order_by(Task.member_id)
            .limit(limit)
        )
    )
    rows = db.execute(
        _tasks(day)
        .where(Task.done_at.is_(None), Task.member_id.in_(members))
        .with_only_columns(Task.member_id, TaskTemplate.title, TaskTemplate.title_en, Task.points)
    )
    still_open: dict[int, list[Words]] = {member: [] for member in members}
    for row in rows:
        still_open[row.member_id].append(_line(row))
    outbox.put_all(
        db,
        [
            Notice(
                f"tasks-evening:{day}:{member}",
                member,
                "notice.tasks_evening",
                {"day": day, "tasks": lines},
                "business",
                TASKS,
            )
            for member, lines in still_open.items()
        ],
        now=now,
    )
    return members[-1] if len(members) == limit else None
