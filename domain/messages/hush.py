"""Evening comes while a promotion is still going out: whom it has not reached yet gets it after their quiet hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from domain import facts
from domain.messages.outbox import LATER
from domain.messages.quiet import DAY, DEFAULT
from domain.messages.quiet_sql import is_quiet_of, next_allowed_of
from domain.schema import Announcement, Member, Outbox

PORTION: Final = 4_000
_EVERY: Final = timedelta(minutes=1)
_AHEAD: Final = timedelta(minutes=15)
"""A time further ahead of now than two clocks that are right can differ is of one that was wrong (as with job runs)."""

_LOOKED: Final = "quiet_hours_looked_at"
_QUEUED: Final = "outbox.state = 'queued'"  # spelled out, so that SQLite uses the indexes over what is waiting
_PROMOTIONS = (
    Announcement.state.in_(("queueing", "queued")),
    Announcement.told_at.is_(None),
    Announcement.kind.is_(None),
    Announcement.urgent.is_(None),
)


def is_time(db: Session, *, now: datetime) -> bool:
    """Whether a promotion is under way and it was not looked within this minute whether anybody's evening began."""
    under_way = db.execute(select(Announcement.id).where(*_PROMOTIONS).limit(1)).first()
    return under_way is not None and now - _last(db, now) >= _EVERY


def _last(db: Session, now: datetime) -> datetime:
    stored = facts.get(db, _LOOKED)
    last = datetime.fromisoformat(stored) if stored else None
    return last if last is not None and last <= now + _AHEAD else now - timedelta(days=1)


def looked(db: Session, *, now: datetime) -> None:
    facts.put(db, _LOOKED, now.isoformat())


def to_hush(db: Session, *, now: datetime, zone: ZoneInfo) -> list[int]:
    """Return the promotions under way, if somebody's quiet hours have begun since this was last looked at."""
    if not is_time(db, now=now) or not _evening_came(db, _last(db, now), now, zone):
        return []
    return list(db.scalars(select(Announcement.id).where(*_PROMOTIONS).order_by(Announcement.id)))


def _evening_came(db: Session, since: datetime, now: datetime, zone: ZoneInfo) -> bool:
    minutes = (now - since) // _EVERY + 1
    local = now.astimezone(zone)
    passed = {(local.hour * 60 + local.minute - back) % DAY for back in range(min(minutes, DAY))}
    if DEFAULT.first in passed:
        return True
    low, high = min(passed), max(passed)
    begins = Member.quiet_from.in_(sorted(passed)) if len(passed) < 100 else Member.quiet_from.between(low, high)
    return db.execute(select(Member.id).where(begins).limit(1)).first() is not None


def hush(
    db: Session, announcement: int, after: int, limit: int = PORTION, *, now: datetime, zone: ZoneInfo
) -> int | None:
    """Let the next `limit` waiting messages wait until their readers may be written to; return where to go on.

    Those too that wait for another try: it would come in the night. What is being sent just now is hushed when it comes
    back and would be taken again (`outbox.claim`).
    """
    waiting = (
        select(Outbox.id)
        .where(Outbox.announcement_id == announcement, text(_QUEUED), Outbox.id > after)
        .order_by(Outbox.id)
        .limit(limit)
        .subquery()
    )
    last = db.scalar(select(func.max(waiting.c.id)))
    if last is None:
        return None
    reader = Member.id == Outbox.member_id
    until = select(next_allowed_of(db, now, zone)).where(reader).scalar_subquery()
    asleep = select(Member.id).where(reader, is_quiet_of(now, zone)).exists()
    its = (
        Outbox.announcement_id == announcement,
        Outbox.id > after,
        Outbox.id <= last,
        text(_QUEUED),
    )
    db.execute(
        update(Outbox)
        .where(*its, func.coalesce(Outbox.channel, "") != LATER, asleep)
        .values(not_before=until, channel=LATER, contact_id=None)
        .execution_options(synchronize_session=False)
    )
    return int(last)
