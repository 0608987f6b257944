"""What is known of many sellers at once before tasks are chosen: visitors and sales by day, and how tasks went."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from domain.mall.visits import ALL_LINKS
from domain.periods import business_day, days_up_to, local_date
from domain.roles import SELLERS
from domain.schema import Holiday, Member, Order, Task, Visit, VisitDay
from domain.work import days_off
from domain.work.task_templates import ACTIVE, DORMANT, NEWCOMER, sunday

FORTNIGHT: Final = 14
WEEKS: Final = 4
NEW_IN_TEAM: Final = timedelta(days=30)
"""For so long somebody is new in a team."""


@dataclass(frozen=True, slots=True)
class Seller:
    """One member as of the morning of a day. `days` are the working days of the fortnight before, since they joined."""

    id: int
    role: str
    member_class: str
    scope: str | None
    tier: str | None
    joined: date
    days: Sequence[date] = ()
    visitors: Mapping[date, int] = field(default_factory=dict)
    sales: Mapping[date, int] = field(default_factory=dict)
    done: Mapping[int, Sequence[bool]] = field(default_factory=dict)  # by template: whether such tasks were done
    helps: bool = False  # somebody new in the team has sold nothing yet
    this_week: frozenset[int] = frozenset()  # templates whose task of the week was given already

    def stage(self, day: date) -> str:
        """newcomer: joined less than 14 days ago; active: visitors or a sale in the last 14 days; else dormant."""
        if (day - self.joined).days < FORTNIGHT:
            return NEWCOMER
        recent = days_up_to(day - timedelta(days=1), FORTNIGHT)
        return ACTIVE if any(self.visitors.get(one) or self.sales.get(one) for one in recent) else DORMANT

    def weekly_sales(self, day: date) -> list[int]:
        """Sales in each of the four weeks before that of `day`, those before joining left out."""
        weeks = [sunday(day) - timedelta(days=7 * back) for back in range(WEEKS, 0, -1)]
        return [sum(self.sales.get(one, 0) for one in days_up_to(end, 7)) for end in weeks if end >= self.joined]


def live() -> ColumnElement[bool]:
    """SQL: whether a member sells."""
    return and_(Member.status == "active", Member.role.in_(SELLERS))


def real_sale(buyer_of: Any = Member) -> ColumnElement[bool]:
    """SQL: whether an order stands and was not bought by the member it is credited to."""
    someone_else = or_(Order.buyer_id.is_(None), buyer_of.buyer_id.is_(None), Order.buyer_id != buyer_of.buyer_id)
    return and_(Order.cancelled_at.is_(None), someone_else)


def sellers(db: Session, day: date, these: ColumnElement[bool], *, zone: tzinfo) -> list[Seller]:
    """Return the members of `these` who sell and work on `day`, with what is known before it; a few statements."""
    rows = db.execute(
        select(Member.id, Member.role, Member.member_class, Member.class_scope, Member.tier, Member.joined_at)
        .where(live(), these, days_off.works(Member.id, day))
        .order_by(Member.id)
    ).all()
    ids = [row.id for row in rows]
    if not ids:
        return []
    fortnight = days_up_to(day - timedelta(days=1), FORTNIGHT)
    worked = _without(fortnight, db.scalars(select(Holiday.day).where(Holiday.day.in_(fortnight))).all())
    rests = days_off.weekdays(db, ids)
    visited = visitors(db, ids, fortnight)
    sold = sales(db, ids, sunday(day) - timedelta(days=7 * (WEEKS + 1) - 1), day, zone)
    done = _done(db, ids, day)
    helpers = _helpers(db, ids, day, zone)
    this_week = _this_week(db, ids, day)
    found = []
    for row in rows:
        joined = local_date(row.joined_at, zone)
        resting = rests.get(row.id, ())
        own = [one for one in worked if one >= joined and one.isoweekday() not in resting]
        found.append(
            Seller(
                row.id,
                row.role,
                row.member_class,
                row.class_scope,
                row.tier,
                joined,
                own,
                visited.get(row.id, {}),
                sold.get(row.id, {}),
                done.get(row.id, {}),
                row.id in helpers,
                frozenset(this_week.get(row.id, ())),
            )
        )
    return found


def _without(days: Sequence[date], gone: Sequence[date]) -> list[date]:
    return [day for day in days if day not in gone]


def visitors(db: Session, members: Sequence[int], days: Sequence[date]) -> Mapping[int, Mapping[date, int]]:
    """Visitors by member and day: as rolled up, and counted now for days of which nobody here has anything."""
    found: dict[int, dict[date, int]] = defaultdict(dict)
    rolled = db.execute(
        select(VisitDay.member_id, VisitDay.day, VisitDay.visitors).where(
            VisitDay.member_id.in_(members), VisitDay.day >= days[0], VisitDay.day <= days[-1],
            VisitDay.link_id == ALL_LINKS,
        )
    ).all()  # fmt: skip
    missing = _without(days, [row.day for row in rolled])
    live_ones = db.execute(
        select(Visit.member_id, Visit.day, func.count(Visit.visitor.distinct()).label("visitors"))
        .where(Visit.member_id.in_(members), Visit.day.in_(missing), ~Visit.bot)
        .group_by(Visit.member_id, Visit.day)
    ).all()
    for row in (*rolled, *live_ones):
        found[row.member_id][row.day] = row.visitors
    return found


def sales(
    db: Session, members: Sequence[int], first: date, before: date, zone: tzinfo
) -> Mapping[int, Mapping[date, int]]:
    """Sales by member and business day, from `first` until the day before `before`."""
    rows = db.execute(
        select(Order.credited_id, Order.paid_at)
        .join(Member, Member.id == Order.credited_id)
        .where(
            Order.credited_id.in_(members),
            Order.paid_at >= business_day(first, zone).start,
            Order.paid_at < business_day(before, zone).start,
            real_sale(),
        )
    )
    found: dict[int, Counter[date]] = defaultdict(Counter)
    day_of = _by_hour(zone)
    for row in rows:
        found[row.credited_id][day_of(row.paid_at)] += 1
    return found


def _by_hour(zone: tzinfo) -> Callable[[datetime], date]:
    """The business day of an instant, looked up in `zone` once for each quarter of an hour."""
    known: dict[int, date] = {}

    def day_of(at: datetime) -> date:
        quarter = int(at.timestamp()) // 900
        if quarter not in known:
            known[quarter] = local_date(at, zone)
        return known[quarter]

    return day_of


def _done(db: Session, members: Sequence[int], day: date) -> Mapping[int, Mapping[int, list[bool]]]:
    """Whether the tasks of the last fortnight were done, by member and template."""
    rows = db.execute(
        select(Task.member_id, Task.template_id, Task.done_at.is_not(None).label("done")).where(
            Task.member_id.in_(members), Task.day >= day - timedelta(days=FORTNIGHT), Task.day < day
        )
    )
    found: dict[int, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row.member_id][row.template_id].append(bool(row.done))
    return found


def _this_week(db: Session, members: Sequence[int], day: date) -> Mapping[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    rows = db.execute(
        select(Task.member_id, Task.template_id).where(Task.member_id.in_(members), Task.day == sunday(day))
    )
    for row in rows:
        found[row.member_id].add(row.template_id)
    return found


def _helpers(db: Session, members: Sequence[int], day: date, zone: tzinfo) -> set[int]:
    """Those with somebody right below them who is new and has sold nothing yet."""
    new = aliased(Member)
    sold = select(Order.id).where(Order.credited_id == new.id).exists()
    since = business_day(day, zone).start - NEW_IN_TEAM
    return set(
        db.scalars(
            select(new.sponsor_id)
            .where(
                new.sponsor_id.in_(members),
                new.joined_at >= since,
                new.status == "active",
                new.role.in_(SELLERS),
                ~sold,
            )
            .distinct()
        )
    )
