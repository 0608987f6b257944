"""Who came through whose link: every visit kept without an address, counted by member, link and business day."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, delete, func, literal, select, union_all
from sqlalchemy.orm import Session

from domain import bulk, sql
from domain.periods import business_day, days_up_to, local_date
from domain.schema import DaySalt, Link, Order, Visit, VisitDay

ALL_LINKS: Final = 0
"""The `link_id` under which a rolled-up day counts all links of a member together."""

_FLOOD_VISITS: Final = 100
_FLOOD_RATIO: Final = 20


class NewVisit(NamedTuple):
    """One click on a member's link. `visitor` and `ip` come from `visitor_of` and `address_of`; `day` is business."""

    link_id: int
    member_id: int
    day: date
    at: datetime
    visitor: int
    ip: int
    bot: bool


@dataclass(frozen=True, slots=True)
class TrafficDay:
    """A member's business day: visits, different visitors, different addresses, and the orders credited."""

    day: date
    visits: int = 0
    visitors: int = 0
    ips: int = 0
    orders: int = 0

    @property
    def suspicious(self) -> bool:
        """Far more visits than so few people make."""
        return self.visits >= _FLOOD_VISITS and self.visits >= _FLOOD_RATIO * min(self.visitors, self.ips)


@dataclass(frozen=True, slots=True)
class LinkTraffic:
    """What one link brought; `visitors` and `ips` are summed over the days, each day counting a person once."""

    link_id: int
    code: str
    kind: str
    target: str
    visits: int
    visitors: int
    ips: int


def salt_of(db: Session, day: date, *, choose: Callable[[], str] = lambda: secrets.token_hex(16)) -> str:
    """Return the random key of this business day's hashes; whoever comes first makes it."""
    kept = select(DaySalt.salt).where(DaySalt.day == day)
    found = db.scalar(kept)
    if found is None:
        sql.insert_ignore(db, DaySalt, [{"day": day, "salt": choose()}])
        found = db.scalar(kept)
        assert found is not None
    return found


def visitor_of(salt: str, address: str, user_agent: str) -> int:
    """Return what stands for this visitor on the day of `salt`: 63 bits, the same for the same browser and address."""
    return _hash(salt, "visitor", address, user_agent)


def address_of(salt: str, address: str) -> int:
    """Return what stands for this address on the day of `salt`."""
    return _hash(salt, "address", address)


def _hash(salt: str, *parts: str) -> int:
    said = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(said, digest_size=8, key=salt.encode()).digest()) >> 1


def record_all(db: Session, visits: Sequence[NewVisit]) -> None:
    """Keep a group of visits in one statement."""
    bulk.insert_all(db, Visit, [dict(zip(NewVisit._fields, visit, strict=True)) for visit in visits])


def roll_up(db: Session, day: date) -> None:
    """Count the visits of a finished business day once and for all, and throw away the salts of the days before.

    Run again it counts again, visits included that were recorded late.
    """
    counted = (func.count(), func.count(Visit.visitor.distinct()), func.count(Visit.ip.distinct()))
    people = (Visit.day == day) & ~Visit.bot
    by_link = select(Visit.member_id, Visit.day, Visit.link_id, *counted).where(people)
    together = select(Visit.member_id, Visit.day, literal(ALL_LINKS), *counted).where(people)
    rows = union_all(
        by_link.group_by(Visit.member_id, Visit.day, Visit.link_id), together.group_by(Visit.member_id, Visit.day)
    )
    sql.upsert_selected(
        db,
        VisitDay,
        ["member_id", "day", "link_id", "visits", "visitors", "ips"],
        rows,
        key=["member_id", "day", "link_id"],
        change=["visits", "visitors", "ips"],
    )
    db.execute(delete(DaySalt).where(DaySalt.day < day))


def traffic(db: Session, member: int, first: date, last: date, *, zone: tzinfo) -> list[TrafficDay]:
    """Return the member's business days from `first` to `last`, each of them, quiet ones too.

    Finished days as they were rolled up, the others counted now.
    """
    days = days_up_to(last, (last - first).days + 1)
    if len(days) == 1:
        return [_one_day(db, member, first, zone)]
    rolled = select(VisitDay.day, VisitDay.visits, VisitDay.visitors, VisitDay.ips).where(
        VisitDay.member_id == member, VisitDay.link_id == ALL_LINKS, VisitDay.day >= first, VisitDay.day <= last
    )
    found = {row.day: (row.visits, row.visitors, row.ips) for row in db.execute(rolled)}
    missing = [day for day in days if day not in found]
    live = select(Visit.day, *_counts()).where(Visit.member_id == member, Visit.day.in_(missing), ~Visit.bot)
    found |= {row.day: (row.visits, row.visitors, row.ips) for row in db.execute(live.group_by(Visit.day))}
    span = business_day(first, zone).start, business_day(last, zone).end
    paid = select(Order.paid_at).where(Order.credited_id == member, Order.paid_at >= span[0], Order.paid_at < span[1])
    orders = Counter(local_date(at, zone) for at in db.scalars(paid))
    return [TrafficDay(day, *found.get(day, (0, 0, 0)), orders=orders[day]) for day in days]


def _one_day(db: Session, member: int, day: date, zone: tzinfo) -> TrafficDay:
    """The same for one day, in one statement."""
    mine = (Visit.member_id == member) & (Visit.day == day) & ~Visit.bot
    live = select(literal(2).label("turn"), *_counts(), _orders(member, day, zone)).where(mine)
    rolled = select(literal(1), VisitDay.visits, VisitDay.visitors, VisitDay.ips, _orders(member, day, zone)).where(
        VisitDay.member_id == member, VisitDay.link_id == ALL_LINKS, VisitDay.day == day
    )
    row: Any = db.execute(union_all(live, rolled).order_by("turn").limit(1)).one()
    return TrafficDay(day, row.visits, row.visitors, row.ips, row.orders)


def _counts() -> tuple[ColumnElement[int], ...]:
    return (
        func.count().label("visits"),
        func.count(Visit.visitor.distinct()).label("visitors"),
        func.count(Visit.ip.distinct()).label("ips"),
    )


def _orders(member: int, day: date, zone: tzinfo) -> Any:
    period = business_day(day, zone)
    return (
        select(func.count())
        .select_from(Order)
        .where(Order.credited_id == member, Order.paid_at >= period.start, Order.paid_at < period.end)
        .scalar_subquery()
        .label("orders")
    )


def link_traffic(db: Session, member: int, first: date, last: date, *, limit: int = 10) -> list[LinkTraffic]:
    """Return the member's links that brought most visitors from `first` to `last`, both included."""
    rolled_days = select(VisitDay.day).where(
        VisitDay.member_id == member, VisitDay.link_id == ALL_LINKS, VisitDay.day >= first, VisitDay.day <= last
    )
    missing = _without(days_up_to(last, (last - first).days + 1), db.scalars(rolled_days).all())
    rolled = select(VisitDay.link_id, VisitDay.visits, VisitDay.visitors, VisitDay.ips).where(
        VisitDay.member_id == member, VisitDay.link_id != ALL_LINKS, VisitDay.day >= first, VisitDay.day <= last
    )
    live = (
        select(Visit.link_id, *_counts())
        .where(Visit.member_id == member, Visit.day.in_(missing), ~Visit.bot)
        .group_by(Visit.link_id, Visit.day)
    )
    every = union_all(rolled, live).subquery()
    sums = [func.sum(every.c[name]).label(name) for name in ("visits", "visitors", "ips")]
    rows = db.execute(
        select(Link.id, Link.code, Link.kind, Link.target, *sums)
        .join(every, every.c.link_id == Link.id)
        .group_by(Link.id, Link.code, Link.kind, Link.target)
        .order_by(sums[1].desc(), sums[0].desc(), Link.id)
        .limit(limit)
    )
    return [LinkTraffic(row.id, row.code, row.kind, row.target, *map(int, row[4:])) for row in rows]


def _without(days: Sequence[date], gone: Collection[date]) -> list[date]:
    there = set(gone)
    return [day for day in days if day not in there]
