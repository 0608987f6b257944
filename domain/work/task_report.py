"""How the tasks go, for operators: what is done by day, week and template, who is stuck, and one person's days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.periods import days_up_to
from domain.schema import Member, Task, TaskTemplate
from domain.wording import Words
from domain.work.task_facts import live
from domain.work.task_templates import WEEKLY, title

MISSES: Final = 3
"""So many days with tasks in a row, and nothing done on any of them: stuck."""

_LOOK_BACK: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Completion:
    """How many tasks of one template were done, of how many that were due."""

    template: int
    title: Words
    done: int
    given: int


@dataclass(frozen=True, slots=True)
class Stuck:
    """A member for whom nothing worked lately. `last_done` is the day of the last task that was done, if ever."""

    id: int
    member_id: str
    name: str
    last_done: date | None


@dataclass(frozen=True, slots=True)
class PersonDay:
    """One task of one person."""

    day: date
    title: Words
    done: bool


def completion(db: Session, first: date, last: date) -> list[Completion]:
    """Return for each template what was done of what was due from `first` to `last`."""
    rows = db.execute(
        select(
            TaskTemplate.id,
            TaskTemplate.title,
            TaskTemplate.title_en,
            func.min(Task.target).label("least"),
            func.max(Task.target).label("most"),
            func.count(Task.done_at).label("done"),
            func.count().label("given"),
        )
        .join(Task, Task.template_id == TaskTemplate.id)
        .where(Task.day >= first, Task.day <= last)
        .group_by(TaskTemplate.id, TaskTemplate.title, TaskTemplate.title_en)
        .order_by(TaskTemplate.id)
    )
    return [Completion(row.id, _ranged(row), row.done, row.given) for row in rows]


def _ranged(row: Any) -> Words:
    return title(row.title, row.title_en, row.least if row.least == row.most else f"{row.least}–{row.most}")


def by_day(db: Session, template: int, last: date, count: int) -> list[tuple[date, int, int]]:
    """Return day, done and given of one template on each of `count` days up to `last` on which it was due."""
    days = days_up_to(last, count)
    rows = db.execute(
        select(Task.day, func.count(Task.done_at).label("done"), func.count().label("given"))
        .where(Task.template_id == template, Task.day >= days[0], Task.day <= last)
        .group_by(Task.day)
        .order_by(Task.day)
    )
    return [(row.day, row.done, row.given) for row in rows]


def totals(db: Session, day: date) -> tuple[int, int]:
    """Return how many of the tasks due on `day` are done, and how many there are."""
    row = db.execute(select(func.count(Task.done_at), func.count()).select_from(Task).where(Task.day == day)).one()
    return row[0], row[1]


def _stuck(day: date) -> Select[Any]:
    """Members who did nothing on the last three days before `day` on which they had tasks."""
    days = (
        select(
            Task.member_id,
            Task.day,
            func.count(Task.done_at).label("done"),
            func.row_number().over(partition_by=Task.member_id, order_by=Task.day.desc()).label("back"),
        )
        .join(TaskTemplate, TaskTemplate.id == Task.template_id)
        .where(Task.day < day, Task.day >= day - _LOOK_BACK, TaskTemplate.check.not_in(WEEKLY))
        .group_by(Task.member_id, Task.day)
        .subquery()
    )
    return (
        select(days.c.member_id)
        .where(days.c.back <= MISSES)
        .group_by(days.c.member_id)
        .having(and_(func.count() == MISSES, func.sum(days.c.done) == 0))
    )


def count_stuck(db: Session, day: date) -> int:
    """Return how many sellers are stuck as of the morning of `day`."""
    stuck = _stuck(day).subquery()
    return (
        db.scalar(select(func.count()).select_from(stuck).join(Member, Member.id == stuck.c.member_id).where(live()))
        or 0
    )


def stuck(db: Session, day: date, *, page: int, limit: int) -> list[Stuck]:
    """Return one page, counted from 1, of the sellers who are stuck as of the morning of `day`."""
    those = _stuck(day).subquery()
    last_done = (
        select(func.max(case((Task.done_at.is_not(None), Task.day))))
        .where(Task.member_id == Member.id, Task.day < day)
        .correlate(Member)
        .scalar_subquery()
    )
    rows = db.execute(
        select(Member.id, Member.member_id, Member.name, last_done.label("last_done"))
        .join(those, those.c.member_id == Member.id)
        .where(live())
        .order_by(Member.id)
        .limit(limit)
        .offset((page - 1) * limit)
    )
    return [Stuck(*row) for row in rows]


def person(db: Session, member: int, last: date, count: int) -> tuple[str, Sequence[PersonDay]]:
    """Return the name of a member and their tasks due on the `count` days up to `last`, the newest day first.

    NotFound without such a member.
    """
    found = db.execute(select(Member.name, Member.member_id).where(Member.id == member)).one_or_none()
    if found is None:
        raise NotFound()
    rows = db.execute(
        select(Task.day, Task.target, Task.done_at, TaskTemplate.title, TaskTemplate.title_en)
        .join(TaskTemplate, TaskTemplate.id == Task.template_id)
        .where(Task.member_id == member, Task.day > last - timedelta(days=count), Task.day <= last)
        .order_by(Task.day.desc(), TaskTemplate.id)
    )
    days = [PersonDay(row.day, title(row.title, row.title_en, row.target), row.done_at is not None) for row in rows]
    return found.name or found.member_id, days
