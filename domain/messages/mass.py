"""Mass messages on WeChat: an operator's last way to whom an announcement did not reach, four a month for each person.

Ordered by an operator, put together in portions, sent under a key that WeChat takes once a day, and marked together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, insert, literal, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from domain import audit_log
from domain.errors import NotFound, Refusal
from domain.messages.announcements import CATEGORY
from domain.messages.outbox import is_muted
from domain.periods import business_day, business_month, local_date
from domain.schema import Allowance, Announcement, Contact, MassSend, Member, Outbox
from domain.schema.base import Utc
from domain.sql import insert_selected, one_at_a_time

CHANNEL: Final = "wechat"
LEAST, MOST = 2, 4_000
"""Recipients of one call: WeChat takes 10,000, but so many rows are marked in one short transaction."""

COUNTED = 20_000
"""Nobody waits for more than this to be counted."""

KNOWN_FOR: Final = timedelta(hours=23, minutes=50)
"""How long WeChat surely recognises a key that it has seen: 24 hours, less what clocks may differ by."""

LEASE: Final = timedelta(hours=24)
SUCCESS: Final = ("send success", "sendsuccess")


class NobodyLeft(Refusal):
    """There are not two people on WeChat whom this announcement did not reach."""

    code = "mass_nobody_left"


@dataclass(frozen=True, slots=True)
class Quota:
    """How many mass messages one person may get within one period: four a month, or one a day."""

    kind: str
    closes_at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One call: the same text in one language to these accounts."""

    id: int
    key: str
    locale: str
    text: str
    accounts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sending:
    """How one mass message stands."""

    id: int
    locale: str
    state: str
    recipients: int
    delivered: int | None
    error: str | None


def quota(account_kind: str, zone: ZoneInfo, *, now: datetime) -> Quota:
    """Return what a service account (four a month) or a subscription account (one a day) may send to each."""
    day = local_date(now, zone)
    if account_kind == "subscription":
        return Quota(f"mass:{day:%Y-%m-%d}", business_day(day, zone).end, 1)
    return Quota(f"mass:{day:%Y-%m}", business_month(day, zone).end, 4)


def unreached(db: Session, announcement: int, limit_to: Quota) -> dict[str, int]:
    """Return how many people a mass message would go to now, by language; no more than COUNTED are looked at."""
    found = _recipients(announcement, limit_to).with_only_columns(_LOCALE.label("locale")).limit(COUNTED).subquery()
    rows = db.execute(select(found.c.locale, func.count()).group_by(found.c.locale))
    return {row[0]: row[1] for row in rows}


def order(db: Session, announcement: int, limit_to: Quota, *, by: str, now: datetime) -> int:
    """Have the announcement sent as a mass message to whom it did not reach; returns how many of those were counted.

    Ordering twice sends once. Raises NotFound, and NobodyLeft if no language has two recipients.
    """
    one_at_a_time(db, f"announcement:{announcement}")
    still_wanted = select(Announcement.id).where(Announcement.id == announcement, Announcement.state != "cancelled")
    if db.scalar(still_wanted) is None:
        raise NotFound()
    if db.scalar(select(MassSend.id).where(MassSend.announcement_id == announcement, _IS_OPEN).limit(1)):
        return 0
    counts = {locale: n for locale, n in unreached(db, announcement, limit_to).items() if n >= LEAST}
    if not counts:
        raise NobodyLeft()
    for locale in sorted(counts):
        _add(db, announcement, locale, by=by, now=now)
    audit_log.record(
        db,
        actor=by,
        action="announcement.mass",
        subject=f"announcement:{announcement}",
        after={"recipients": counts},
        now=now,
    )
    return sum(counts.values())


def of_announcement(db: Session, announcement: int) -> list[Sending]:
    """Return the mass messages of an announcement, the oldest first."""
    columns = (
        MassSend.id,
        MassSend.locale,
        MassSend.state,
        MassSend.recipients,
        MassSend.delivered,
        MassSend.error,
    )
    rows = db.execute(select(*columns).where(MassSend.announcement_id == announcement).order_by(MassSend.id))
    return [Sending(*row) for row in rows]


def anything_open(db: Session) -> bool:
    return db.scalar(select(MassSend.id).where(_IS_OPEN).limit(1)) is not None


def next_batch(db: Session, limit_to: Quota, *, most: int = MOST, now: datetime) -> Batch | None:
    """Return what is to be sent next, its recipients taken out of the quota book and marked as being sent.

    What was under way when a process vanished comes first, with the same key and the same people; when WeChat would
    not know the key any more, it is left as unknown.
    """
    one_at_a_time(db, "mass")
    row = db.execute(_FIRST).one_or_none()
    if row is None:
        return None
    if row.state == "ordered":
        accounts = _take(db, row, limit_to, most, now)
    elif now - row.tried_at < KNOWN_FOR:
        accounts = _accounts(db, row)
    else:
        accounts = []
        _finish(db, row.id, "unknown", "WeChat would not recognise a repetition any more", now)
    if not accounts:
        return next_batch(db, limit_to, most=most, now=now)
    return Batch(row.id, row.key, row.locale, row.text, accounts)


def sent(db: Session, batch: int, platform_id: str | None, *, now: datetime) -> None:
    """WeChat has taken the mass message."""
    db.execute(
        update(Outbox)
        .where(*_rows_of(db, batch), Outbox.state.in_(("sending", "unknown")))
        .values(state="sent", finished_at=now, lease_until=None, error=None)
    )
    _finish(db, batch, "sent", None, now, platform_id=platform_id)


def not_sent(db: Session, batch: int, reason: str, *, used_up: bool, now: datetime) -> None:
    """WeChat surely has not taken it: its messages are kept for the next contact again.

    `used_up`: WeChat counts otherwise than we do, and these people can get no more in this period.
    """
    back = update(Outbox).where(*_rows_of(db, batch), Outbox.state.in_(("sending", "unknown", "sent")))
    contacts = db.scalars(
        back.values(state="deferred", route=None, lease_until=None, finished_at=None, error=reason).returning(
            Outbox.contact_id
        )
    ).all()
    book = (Allowance.kind.like("mass:%"), Allowance.closes_at > now, Allowance.contact_id.in_(contacts))
    db.execute(update(Allowance).where(*book).values(left=0 if used_up else Allowance.left + 1))
    _finish(db, batch, "failed", reason, now)


def reported(db: Session, platform_id: str, status: str, delivered: int, *, now: datetime) -> None:
    """WeChat's last word on a mass message: how many got it, or that nobody did."""
    batch = db.scalar(select(MassSend.id).where(MassSend.platform_id == platform_id, MassSend.state == "sent"))
    if batch is None:
        return
    db.execute(update(MassSend).where(MassSend.id == batch).values(delivered=delivered))
    if status not in SUCCESS and not delivered:
        not_sent(db, batch, f"WeChat did not deliver it: {status}", used_up=False, now=now)


def _take(db: Session, row: Any, limit_to: Quota, most: int, now: datetime) -> Sequence[str]:
    """Mark the next recipients as being sent to; none if fewer than two are left."""
    chosen = (
        _recipients(row.announcement_id, limit_to)
        .where(row.locale == _LOCALE)
        .with_only_columns(Outbox.id)
        .order_by(Outbox.id)
        .limit(most)
    )
    ids = db.scalars(chosen).all()
    if len(ids) < LEAST:
        _finish(db, row.id, "failed", "fewer than two people are left", now)
        return []
    taken = db.scalars(
        update(Outbox)
        .where(Outbox.id.in_(ids), text("outbox.state = 'deferred'"))
        .values(
            state="sending",
            channel=CHANNEL,
            contact_id=_CONTACT,
            route=_route(row.id),
            lease_until=now + LEASE,
            attempts=Outbox.attempts + 1,
        )
        .returning(Outbox.contact_id)
    ).all()
    _spend(db, taken, limit_to)
    values = {"state": "sending", "recipients": len(taken), "tried_at": now}
    db.execute(update(MassSend).where(MassSend.id == row.id).values(values))
    if len(ids) == most:
        _add(db, row.announcement_id, row.locale, by=row.ordered_by, now=now)  # the rest comes after this one
    return _accounts(db, row)


def _spend(db: Session, contacts: Sequence[int | None], limit_to: Quota) -> None:
    columns = {
        "contact_id": Contact.id,
        "kind": literal(limit_to.kind),
        "closes_at": literal(limit_to.closes_at, Utc()),
        "left": literal(limit_to.count),
    }
    insert_selected(
        db, Allowance, columns, select(Contact.id).where(Contact.id.in_(contacts)), key=["contact_id", "kind"]
    )
    book = (Allowance.kind == limit_to.kind, Allowance.contact_id.in_(contacts), Allowance.left > 0)
    db.execute(update(Allowance).where(*book).values(left=Allowance.left - 1))


def _accounts(db: Session, row: Any) -> Sequence[str]:
    return db.scalars(
        select(Contact.account)
        .join(Outbox, Outbox.contact_id == Contact.id)
        .where(
            Outbox.announcement_id == row.announcement_id,
            Outbox.route == _route(row.id),
            Outbox.state.in_(("sending", "unknown")),
        )
        .order_by(Outbox.id)
    ).all()


def _recipients(announcement: int, limit_to: Quota) -> Select[Any]:
    """Whom the announcement waits for, who is on WeChat, has not muted it and may still get a mass message."""
    quota_of = and_(Allowance.contact_id == Contact.id, Allowance.kind == limit_to.kind)
    return (
        select(Outbox.id)
        .join(Contact, Contact.id == _CONTACT)
        .join(Member, Member.id == Outbox.member_id)
        .outerjoin(Allowance, quota_of)
        .where(
            Outbox.announcement_id == announcement,
            text("outbox.state = 'deferred'"),
            or_(Allowance.left.is_(None), Allowance.left > 0),
            ~is_muted(Outbox.member_id, literal(CATEGORY)),
        )
    )


def _rows_of(db: Session, batch: int) -> tuple[ColumnElement[bool], ...]:
    announcement = select(MassSend.announcement_id).where(MassSend.id == batch).scalar_subquery()
    return Outbox.announcement_id == announcement, Outbox.route == _route(batch)


def _add(db: Session, announcement: int, locale: str, *, by: str, now: datetime) -> None:
    number = db.scalar(select(func.count()).where(MassSend.announcement_id == announcement)) or 0
    row = {"announcement_id": announcement, "locale": locale, "state": "ordered", "ordered_by": by, "ordered_at": now}
    db.execute(insert(MassSend).values(key=f"announcement-{announcement}-{number + 1}", recipients=0, **row))


def _finish(
    db: Session, batch: int, state: str, error: str | None, now: datetime, *, platform_id: str | None = None
) -> None:
    values = {"state": state, "error": error, "finished_at": now}
    if platform_id is not None:
        values["platform_id"] = platform_id
    db.execute(update(MassSend).where(MassSend.id == batch).values(values))


def _route(batch: int) -> str:
    return f"mass:{batch}"


_IS_OPEN = text("mass_send.state IN ('ordered', 'sending')")
_FIRST = (
    select(
        MassSend.id,
        MassSend.key,
        MassSend.locale,
        MassSend.state,
        MassSend.tried_at,
        MassSend.ordered_by,
        MassSend.announcement_id,
        Announcement.text,
    )
    .join(Announcement, Announcement.id == MassSend.announcement_id)
    .where(_IS_OPEN)
    .order_by(MassSend.state.desc(), MassSend.id)  # what is being sent before what is ordered
    .limit(1)
)
_CHAT = aliased(Contact)
_CONTACT = (
    select(_CHAT.id)
    .where(_CHAT.member_id == Outbox.member_id, _CHAT.channel == CHANNEL, _CHAT.unreachable_since.is_(None))
    .order_by(_CHAT.seen_at.desc(), _CHAT.id.desc())
    .limit(1)
    .correlate(Outbox)
    .scalar_subquery()
)
_LOCALE = case((func.coalesce(Contact.locale, Member.locale, "zh").like("en%"), "en"), else_="zh")
