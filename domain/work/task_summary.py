"""A member's week: visitors, sales, tasks and points beside the week before; told on Monday morning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from domain.messages import outbox
from domain.messages.outbox import TASKS, Drawn, Notice
from domain.periods import days_up_to
from domain.schema import Member, Task
from domain.wording import Words, words
from domain.work import streaks, task_facts
from domain.work.streaks import Streak

CHUNK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from `monday`: visitors and sales by day, each day counting a person once, and tasks done of given."""

    monday: date
    visitors: Sequence[int]
    sales: Sequence[int]
    done: int = 0
    given: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    week: Week
    before: Week
    streak: Streak

    @property
    def anything(self) -> bool:
        """Whether there is anything to tell."""
        return any(any((*one.visitors, *one.sales, one.given)) for one in (self.week, self.before))


@dataclass(frozen=True, slots=True)
class Portion:
    """The summaries of members up to the id `last`; `more` says that there are members after it."""

    told: Mapping[int, Summary]
    last: int
    more: bool


def monday_of(day: date) -> date:
    """Return the first day of the week of `day`."""
    return day - timedelta(days=day.weekday())


def choose(db: Session, monday: date, *, zone: tzinfo, after: int = 0, limit: int = CHUNK) -> Portion | None:
    """Return the summaries of the week from `monday` for the next `limit` members after the id `after`.

    None if there is nobody. Only reads. Who had no task, visitor or sale for two weeks is left out.
    """
    members = db.scalars(
        select(Member.id).where(task_facts.live(), Member.id > after).order_by(Member.id).limit(limit)
    ).all()
    if not members:
        return None
    found = summaries(db, members, monday, zone=zone)
    told = {member: one for member, one in found.items() if one.anything}
    return Portion(told, members[-1], len(members) == limit)


def summaries(db: Session, members: Sequence[int], monday: date, *, zone: tzinfo) -> dict[int, Summary]:
    """Return the week from `monday` of each of `members`, beside the one before; a constant number of statements."""
    days = days_up_to(monday + timedelta(days=6), 14)
    visitors = task_facts.visitors(db, members, days)
    sales = task_facts.sales(db, members, days[0], monday + timedelta(days=7), zone)
    done = _tasks(db, members, days[0], days[-1], monday)
    runs = streaks.streaks(db, members, days[-1])

    def week(member: int, first: int) -> Week:
        own, sold = visitors.get(member, {}), sales.get(member, {})
        seven = days[first : first + 7]
        counts = done.get((member, seven[0] == monday), (0, 0, 0))
        return Week(seven[0], [own.get(day, 0) for day in seven], [sold.get(day, 0) for day in seven], *counts)

    return {one: Summary(week(one, 7), week(one, 0), runs.get(one, Streak())) for one in members}


def _tasks(
    db: Session, members: Sequence[int], first: date, last: date, monday: date
) -> Mapping[tuple[int, bool], tuple[int, int, int]]:
    """Done, given and points by member and whether it is the later week."""
    later = case((Task.day >= monday, 1), else_=0)
    points = case((Task.done_at.is_not(None), Task.points), else_=0)
    rows = db.execute(
        select(Task.member_id, later.label("later"), func.count(Task.done_at), func.count(), func.sum(points))
        .where(Task.member_id.in_(members), Task.day >= first, Task.day <= last)
        .group_by(Task.member_id, later)
    )
    return {(row[0], bool(row[1])): (row[2], row[3], int(row[4])) for row in rows}


def tell(db: Session, portion: Portion, *, now: datetime) -> int:
    """Put down the notices of a portion in one statement; returns how many there are."""
    notices = [
        Notice(
            f"week:{one.week.monday}:{member}",
            member,
            "notice.week",
            {"first": one.week.monday, "last": one.week.monday + timedelta(days=6), "lines": lines(one)},
            "business",
            TASKS,
            picture=picture(one),
        )
        for member, one in portion.told.items()
    ]
    outbox.put_all(db, notices, now=now)
    return len(notices)


def lines(one: Summary) -> list[Words]:
    """The week in words."""
    week, before = one.week, one.before
    said = [
        words("week.visitors", n=sum(week.visitors), change=_change(sum(week.visitors), sum(before.visitors))),
        words("week.sales", n=sum(week.sales), change=_change(sum(week.sales), sum(before.sales))),
    ]
    if week.given:
        said.append(words("week.tasks", done=week.done, given=week.given, points=week.points, before=before.points))
    if one.streak.current:
        said.append(words("week.streak", n=one.streak.current))
    return [*said, words(f"week.advice_{_advice(week, before)}")]


def _change(now: int, before: int) -> Words:
    if now == before:
        return words("week.same")
    return words("week.more" if now > before else "week.less", n=abs(now - before))


def _advice(week: Week, before: Week) -> str:
    if not sum(week.visitors):
        return "quiet"
    if not sum(week.sales):
        return "sell"
    return "up" if sum(week.visitors) >= sum(before.visitors) else "down"


def picture(one: Summary) -> Drawn:
    """What the picture of the week is drawn from."""
    return "week", {
        "days": days_up_to(one.week.monday + timedelta(days=6), 7),
        "visitors": list(one.week.visitors),
        "before": list(one.before.visitors),
        "orders": list(one.week.sales),
    }


def of_member(db: Session, member: int, monday: date, *, zone: tzinfo) -> Summary:
    """Return the week from `monday` of one member."""
    return summaries(db, [member], monday, zone=zone)[member]
