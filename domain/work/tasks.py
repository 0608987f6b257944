"""A member's tasks: how far each has come by what really happened, marked done at once, reminded of in the evening."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from domain import wording
from domain.messages import outbox
from domain.messages.outbox import TASKS, Notice
from domain.periods import Period, business_day, business_week, local_date
from domain.schema import Member, Order, Product, Task, TaskTemplate, Visit
from domain.sql import chunks
from domain.wording import Words, words
from domain.work import days_off
from domain.work.task_facts import NEW_IN_TEAM, live, real_sale
from domain.work.task_templates import DOWNLINE_SALE, SALE, WEEK_SALES, WEEKLY, sunday, title

CHUNK: Final = 1_000
"""Tasks, or members, per transaction."""

_LATE: Final = timedelta(hours=2)
"""For so long after midnight what came in late is still looked at for the day before."""


@dataclass(frozen=True, slots=True)
class TodayTask:
    """A task of one member; `reached` of `target` is done, never more than `target`. `due` is its last day."""

    id: int
    title: Words
    check: str
    target: int
    reached: int
    points: int
    done_at: datetime | None
    due: date
    why: Words | None = None
    product: int | None = None
    product_name: Words | None = None

    @property
    def done(self) -> bool:
        return self.reached >= self.target


def _of_day(day: date) -> ColumnElement[bool]:
    """SQL: whether a task is one of `day`: due then, or one of its week."""
    return or_(Task.day == day, and_(Task.day == sunday(day), TaskTemplate.check.in_(WEEKLY)))


def _tasks(day: date) -> Select[Any]:
    return (
        select(Task.id)
        .join(TaskTemplate, TaskTemplate.id == Task.template_id)
        .where(Task.day.in_({day, sunday(day)}), _of_day(day))
        .order_by(TaskTemplate.check.in_(WEEKLY), TaskTemplate.id, Task.id)
    )


def _visitors(day: date) -> Any:
    return (
        select(func.count(Visit.visitor.distinct()))
        .where(Visit.member_id == Task.member_id, Visit.day == day, ~Visit.bot)
        .scalar_subquery()
    )


def _paid_in(period: Period) -> ColumnElement[bool]:
    return and_(Order.paid_at >= period.start, Order.paid_at < period.end)


def _sales(period: Period) -> Any:
    return (
        select(func.count())
        .select_from(Order)
        .join(Member, Member.id == Order.credited_id)
        .where(Order.credited_id == Task.member_id, _paid_in(period), real_sale())
        .scalar_subquery()
    )


def _first_sales_below(week: Period) -> Any:
    """How many new members right below first sold in `week`; what they or the member buy does not count."""
    new, own, earlier = aliased(Member), aliased(Member), aliased(Order)
    before = (
        select(earlier.id)
        .where(earlier.credited_id == new.id, earlier.paid_at < week.start, earlier.cancelled_at.is_(None))
        .exists()
    )
    return (
        select(func.count(new.id.distinct()))
        .select_from(new)
        .join(Order, Order.credited_id == new.id)
        .join(own, own.id == new.sponsor_id)
        .where(new.sponsor_id == Task.member_id, new.joined_at >= week.start - NEW_IN_TEAM, ~before)
        .where(_paid_in(week), real_sale(new), real_sale(own))
        .scalar_subquery()
    )


def _reached(day: date, zone: tzinfo) -> ColumnElement[int]:
    """SQL: how far the member of a task of `day` has come."""
    today, week = business_day(day, zone), business_week(day, zone)
    return case(
        (TaskTemplate.check == SALE, _sales(today)),
        (TaskTemplate.check == WEEK_SALES, _sales(week)),
        (TaskTemplate.check == DOWNLINE_SALE, _first_sales_below(week)),
        else_=_visitors(day),
    )


def today(db: Session, member: int, day: date, *, zone: tzinfo) -> list[TodayTask]:
    """Return the member's tasks of the business day `day` and its week, with how far each has come."""
    rows = db.execute(
        _tasks(day)
        .outerjoin(Product, Product.id == Task.suggested_id)
        .where(Task.member_id == member)
        .with_only_columns(
            Task.__table__,
            TaskTemplate.title,
            TaskTemplate.title_en,
            TaskTemplate.check,
            Product.name.label("product"),
            func.coalesce(Product.name_en, Product.name).label("product_en"),
            _reached(day, zone).label("reached"),
        )
    ).all()
    return [_today(row) for row in rows]


def _today(row: Any) -> TodayTask:
    return TodayTask(
        row.id,
        title(row.title, row.title_en, row.target),
        row.check,
        row.target,
        row.target if row.done_at else min(row.reached, row.target),
        row.points,
        row.done_at,
        row.day,
        None if row.reason is None else Words(row.reason[0], wording.from_json(row.reason[1])),
        row.suggested_id,
        None if row.product is None else words("bilingual", zh=row.product, en=row.product_en),
    )


def days_to_check(now: datetime, zone: tzinfo) -> list[date]:
    """Return the business days whose tasks may be fulfilled by what is known at `now`."""
    day = local_date(now, zone)
    late = local_date(now - _LATE, zone)
    return [day] if late == day else [late, day]


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
        select(Task.id, Task.member_id, Task.target, Task.points, TaskTemplate.title, TaskTemplate.title_en)
        .join(TaskTemplate, TaskTemplate.id == Task.template_id)
        .where(Task.id.in_(done))
        .order_by(Task.id)
    )
    notices = [
        Notice(
            f"task-done:{row.id}",
            row.member_id,
            "notice.task_done",
            {"title": title(row.title, row.title_en, row.target), "points": row.points},
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
    """Remind the next `limit` members after the id `after` of what is due on `day` and still open.

    Returns the last id reached, None once everybody was reminded. Who has done everything, rests, or has muted business
    notices hears nothing.
    """
    if days_off.is_holiday(db, day):
        return None
    members = list(
        db.scalars(
            select(Task.member_id)
            .join(Member, Member.id == Task.member_id)
            .where(Task.day == day, Task.done_at.is_(None), Task.member_id > after, live())
            .where(days_off.works(Member.id, day), ~outbox.is_muted(Member.id, "business"))
            .group_by(Task.member_id)
            .order_by(Task.member_id)
            .limit(limit)
        )
    )
    rows = db.execute(
        _tasks(day)
        .where(Task.day == day, Task.done_at.is_(None), Task.member_id.in_(members))
        .with_only_columns(Task.member_id, Task.target, TaskTemplate.title, TaskTemplate.title_en, Task.points)
    )
    still_open: dict[int, list[Words]] = {member: [] for member in members}
    for row in rows:
        name = title(row.title, row.title_en, row.target)
        still_open[row.member_id].append(words("task.line", title=name, points=row.points))
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
