"""Whom operators write to: descriptions as conditions over members, and those that were given a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select, true, update
from sqlalchemy.orm import Session

from domain import audit_log
from domain.errors import Invalid, NotFound
from domain.messages import audience_rules as rules
from domain.messages.audience_rules import Criteria
from domain.open_days import open_days
from domain.periods import business_day, local_date
from domain.schema import Audience, Contact, Member, MemberTag, Order, Visit, VisitDay

MOST: int = 100
"""Saved audiences; more than anybody finds their way in."""


@dataclass(frozen=True, slots=True)
class Saved:
    id: int
    name: str
    criteria: Criteria


def condition(db: Session, criteria: Criteria, *, at: datetime, zone: tzinfo | None) -> ColumnElement[bool]:
    """SQL: whether a member belongs to an audience as it is at `at`. Only active members are ever written to.

    Days are business days of `zone`; without one, of UTC.
    """
    return and_(Member.status == "active", _holds(db, criteria, local_date(at, zone or UTC), zone or UTC))


def _holds(db: Session, criteria: Criteria, today: date, zone: tzinfo) -> ColumnElement[bool]:
    parts = [_condition(db, name, value, today, zone) for name, value in sorted(criteria.items())]
    return and_(true(), *parts)


def _condition(db: Session, name: str, value: Any, today: date, zone: tzinfo) -> ColumnElement[bool]:
    match name:
        case "any":
            return or_(*(_holds(db, one, today, zone) for one in value))
        case "not":
            return ~or_(*(_holds(db, one, today, zone) for one in value))
        case "role":
            return Member.role.in_(value)
        case "class":
            return Member.member_class.in_(value)
        case "tier":
            return func.coalesce(Member.tier, "").in_(value)
        case "operator":
            return Member.operator == true()
        case "tag":
            return select(1).where(MemberTag.member_id == Member.id, MemberTag.tag.in_(value)).exists()
        case "channel":
            return select(1).where(Contact.member_id == Member.id, Contact.channel.in_(value)).exists()
        case "language":
            return or_(*(_reads(one) for one in value))
        case "active_days":
            return _seen_since(db, today - timedelta(days=value), zone)
        case "dormant_days":
            return ~_seen_since(db, today - timedelta(days=value), zone)
        case "below":
            return _below(value)
        case "joined_since":
            return Member.joined_at >= business_day(date.fromisoformat(value), zone).start
    raise LookupError(f"no such condition: {name}")


def _reads(language: str) -> ColumnElement[bool]:
    """Who has chosen no language reads that of the chat used last, else Chinese."""
    newest = (
        select(Contact.locale)
        .where(Contact.member_id == Member.id)
        .order_by(Contact.seen_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    chinese = func.coalesce(Member.locale, newest, "zh").like("zh%")
    return chinese if language == "zh" else ~chinese


def _seen_since(db: Session, day: date, zone: tzinfo) -> ColumnElement[bool]:
    """Somebody came through one of the member's links, or bought and it was credited to them.

    Visits one by one only of days that are not rolled up: they are kept by day, and by member within it.
    """
    today = Visit.day.in_(open_days(db, day))
    return or_(
        select(1).where(VisitDay.member_id == Member.id, VisitDay.day >= day).exists(),
        select(1).where(Visit.member_id == Member.id, today, ~Visit.bot).exists(),
        select(1).where(Order.credited_id == Member.id, Order.paid_at >= business_day(day, zone).start).exists(),
    )


def _below(member_id: str) -> ColumnElement[bool]:
    top = select(Member.id).where(Member.member_id == member_id).correlate(None).scalar_subquery()
    return func.coalesce(or_(Member.sponsor_id == top, Member.sponsor2_id == top, Member.sponsor3_id == top), False)


def resolve(db: Session, audience: str | Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """Return the audience's name and, unless that says it for good, what it describes now.

    Raises Invalid for a name that nobody has given and for a description that cannot be understood.
    """
    if not isinstance(audience, str):
        return rules.CUSTOM, rules.checked(audience)
    if rules.named(audience) is not None:
        return audience, None
    found = db.execute(select(Audience.name, Audience.criteria).where(Audience.name == audience)).one_or_none()
    if found is None:
        known = (*rules.NAMES, "locale:zh", "locale:en", "tier:NAME", *(one.name for one in saved(db)))
        raise Invalid("audience", "unknown_audience", known=", ".join(known))
    return found.name, dict(found.criteria)


def described(db: Session, audience: str | Mapping[str, Any]) -> Criteria:
    name, criteria = resolve(db, audience)
    return (rules.named(name) or {}) if criteria is None else criteria


def size(db: Session, audience: str | Mapping[str, Any], *, now: datetime, zone: tzinfo | None = None) -> int:
    """Return how many members the audience has now; raises Invalid as `resolve` does."""
    wanted = condition(db, described(db, audience), at=now, zone=zone)
    return db.scalar(select(func.count()).select_from(Member).where(wanted)) or 0


def sizes(
    db: Session, several: Sequence[str | Mapping[str, Any]], *, now: datetime, zone: tzinfo | None = None
) -> list[int]:
    """Return how many members each of them has now, looking at everybody once."""
    if not several:
        return []
    counted = [func.count(case((condition(db, described(db, one), at=now, zone=zone), 1))) for one in several]
    return list(db.execute(select(*counted).select_from(Member).where(Member.status == "active")).one())


def saved(db: Session, *, after: int = 0, limit: int = MOST) -> Sequence[Saved]:
    """Return the saved audiences by name, from the one after place `after` on."""
    rows = select(Audience.id, Audience.name, Audience.criteria).order_by(Audience.name)
    return [Saved(*row) for row in db.execute(rows.offset(after).limit(limit))]


def find(db: Session, audience: int) -> Saved:
    row = db.execute(select(Audience.id, Audience.name, Audience.criteria).where(Audience.id == audience)).one_or_none()
    if row is None:
        raise NotFound()
    return Saved(*row)


def save(db: Session, name: str, criteria: Mapping[str, Any], *, by: str, now: datetime) -> Saved:
    """Keep a description under a name; the name may be one that it gets a new description for."""
    name, wanted = rules.own_name(name), rules.checked(criteria)
    before = db.execute(select(Audience.id, Audience.criteria).where(Audience.name == name)).one_or_none()
    if before is None:
        if (db.scalar(select(func.count()).select_from(Audience)) or 0) >= MOST:
            raise Invalid("name", "audience_too_many", limit=MOST)
        row = {"name": name, "criteria": wanted, "created_by": by, "created_at": now}
        number = db.execute(insert(Audience).values(row).returning(Audience.id)).scalar_one()
    else:
        number = before.id
        db.execute(update(Audience).where(Audience.id == number).values(criteria=wanted))
    if before is None or before.criteria != wanted:
        _audit(db, "audience.save", name, before and before.criteria, wanted, by, now)
    return Saved(number, name, wanted)


def rename(db: Session, audience: int, name: str, *, by: str, now: datetime) -> Saved:
    """Announcements that were written to it keep the old name: it is what was chosen then."""
    found, name = find(db, audience), rules.own_name(name)
    taken = db.scalar(select(Audience.id).where(Audience.name == name, Audience.id != audience))
    if taken is not None:
        raise Invalid("name", "audience_name_taken", name=name)
    db.execute(update(Audience).where(Audience.id == audience).values(name=name))
    _audit(db, "audience.rename", found.name, {"name": found.name}, {"name": name}, by, now)
    return Saved(found.id, name, found.criteria)


def remove(db: Session, audience: int, *, by: str, now: datetime) -> None:
    found = find(db, audience)
    db.execute(delete(Audience).where(Audience.id == audience))
    _audit(db, "audience.remove", found.name, found.criteria, None, by, now)


def _audit(db: Session, action: str, name: str, before: Any, after: Any, by: str, now: datetime) -> None:
    audit_log.record(db, actor=by, action=action, subject=f"audience:{name}", before=before, after=after, now=now)


def tiers(db: Session) -> list[str]:
    """Return the tiers that members have, for choosing among."""
    return list(db.scalars(select(Member.tier).where(Member.tier.is_not(None)).distinct().order_by(Member.tier)))


def tags(db: Session, limit: int = 24) -> list[str]:
    """Return the tags that most members have."""
    counted = select(MemberTag.tag).group_by(MemberTag.tag).order_by(func.count().desc(), MemberTag.tag)
    return list(db.scalars(counted.limit(limit)))
