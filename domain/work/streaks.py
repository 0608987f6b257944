"""What tasks have brought somebody: points by day, and days in a row on which everything was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, Final

from sqlalchemy import BigInteger, case, func, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from domain.periods import local_date
from domain.schema import Task, TaskTemplate
from domain.wording import Words
from domain.work.task_templates import WEEKLY, title

BADGES: Final = (3, 7, 14, 30, 60, 100, 365)
"""Days in a row that earn one."""


@dataclass(frozen=True, slots=True)
class Streak:
    """Days in a row until now, and the most there ever were."""

    current: int = 0
    longest: int = 0

    @property
    def badge(self) -> int | None:
        """The highest badge ever earned."""
        return max((days for days in BADGES if days <= self.longest), default=None)

    @property
    def next_badge(self) -> int | None:
        """The first badge that is not earned yet."""
        return next((days for days in BADGES if days > self.longest), None)


@dataclass(frozen=True, slots=True)
class Earned:
    """Points of one task, on the business day on which it was done."""

    day: date
    title: Words
    points: int


def streaks(db: Session, members: Sequence[int], day: date) -> dict[int, Streak]:
    """Return the streak of each of `members` up to `day`, in one statement; those who never had a task are left out.

    A day counts when all tasks due on it are done, `day` itself once they are. Days without tasks, such as holidays and
    days off, neither count nor break; tasks of a whole week do neither.
    """
    every = func.min(case((Task.done_at.is_(None), 0), else_=1))
    by_day = (
        select(Task.member_id, Task.day, every.label("all_done"))
        .join(TaskTemplate, TaskTemplate.id == Task.template_id)
        .where(Task.member_id.in_(members), Task.day <= day, TaskTemplate.check.not_in(WEEKLY))
        .group_by(Task.member_id, Task.day)
        .having(or_(Task.day < day, every == 1))
        .subquery()
    )
    misses = func.sum(1 - by_day.c.all_done).over(partition_by=by_day.c.member_id, order_by=by_day.c.day)
    runs = select(by_day.c.member_id, by_day.c.all_done, misses.label("run")).subquery()
    lengths = (
        select(runs.c.member_id, runs.c.run, func.sum(runs.c.all_done).label("length"))
        .group_by(runs.c.member_id, runs.c.run)
        .order_by(runs.c.member_id, runs.c.run)
    )
    found: dict[int, Streak] = {}
    for row in db.execute(lengths):
        length = int(row.length)
        before = found.get(row.member_id, Streak())
        found[row.member_id] = Streak(length, max(before.longest, length))
    return found


def streak(db: Session, member: int, day: date) -> Streak:
    """Return the streak of one member up to `day`."""
    return streaks(db, [member], day).get(member, Streak())


def total(db: Session, member: int) -> int:
    """Return all points that the member has earned: the sum over the tasks done."""
    return int(db.scalar(select(_points()).where(Task.member_id == member, Task.done_at.is_not(None))) or 0)


def points_since(db: Session, member: int, since: datetime) -> int:
    """Return the points of the tasks that the member has done since then."""
    return int(db.scalar(select(_points()).where(Task.member_id == member, Task.done_at >= since)) or 0)


def _points() -> Any:
    return sql_cast(func.coalesce(func.sum(Task.points), 0), BigInteger)


def history(
    db: Session, member: int, *, zone: tzinfo, before: int | None = None, limit: int = 8
) -> list[tuple[int, Earned]]:
    """Return what brought the member points, the newest first, each with a number to go on `before`."""
    wanted = (
        select(Task.id, Task.done_at, Task.target, Task.points, TaskTemplate.title, TaskTemplate.title_en)
        .join(TaskTemplate, TaskTemplate.id == Task.template_id)
        .where(Task.member_id == member, Task.done_at.is_not(None), Task.points > 0)
        .order_by(Task.id.desc())
        .limit(limit)
    )
    if before is not None:
        wanted = wanted.where(Task.id < before)
    return [
        (row.id, Earned(local_date(row.done_at, zone), title(row.title, row.title_en, row.target), row.points))
        for row in db.execute(wanted)
    ]
