"""One text to an audience: written down at once, put out to each recipient in small portions, stopped on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, insert, literal, select, text, update
from sqlalchemy.orm import Session

from domain.errors import Invalid, NotFound
from domain.messages.outbox import ANNOUNCEMENT, ANNOUNCEMENTS, is_muted
from domain.schema import Announcement, Contact, Member, Outbox
from domain.schema.base import Json, Utc
from domain.sql import insert_selected, one_at_a_time

CHUNK = 4_000
"""Rows per transaction: well under 300 ms of write lock, so that a chat answer never waits for an announcement."""

MAX_TEXT = 3_500
"""Characters: with a heading it fits into one message on every channel."""

CATEGORY = "promotion"
STATES = ("queued", "sending", "sent", "failed", "unknown", "deferred", "muted", "cancelled")

_ROLES = {"distributors": "distributor", "merchants": "merchant", "agents": "agent", "customers": "customer"}
AUDIENCES = ("all", *_ROLES, "operators")
"""Besides these: `locale:zh`, `locale:en` and `tier:NAME`."""


@dataclass(frozen=True, slots=True)
class Announced:
    id: int
    text: str
    text_en: str | None
    audience: str
    at: datetime
    state: str
    created_by: str


def _audience(name: str) -> ColumnElement[bool]:
    """SQL: whether a member belongs to the audience `name`. Only active members are ever written to."""
    active = Member.status == "active"
    if name == "all":
        return active
    if name == "operators":
        return active & Member.operator
    if name in _ROLES:
        return active & (Member.role == _ROLES[name])
    kind, _, value = name.partition(":")
    if kind == "tier" and value:
        return active & (Member.tier == value)
    if kind == "locale" and value in ("zh", "en"):
        newest = (
            select(Contact.locale)
            .where(Contact.member_id == Member.id)
            .order_by(Contact.seen_at.desc())
            .limit(1)
            .scalar_subquery()
        )
        spoken = func.coalesce(Member.locale, newest, "zh")
        return active & (spoken.like("zh%") if value == "zh" else ~spoken.like("zh%"))
    raise Invalid("audience", "unknown_audience", known=", ".join((*AUDIENCES, "locale:zh", "locale:en", "tier:NAME")))


def audience_size(db: Session, audience: str) -> int:
    """Return how many members the audience has now; an unknown name raises Invalid."""
    return db.scalar(select(func.count()).select_from(Member).where(_audience(audience))) or 0


def schedule(
    db: Session, text: str, audience: str, at: datetime, *, text_en: str | None = None, by: str, now: datetime
) -> int:
    """Write down an announcement to be sent at `at` (a time that is past means at once) and return its id.

    With a `text_en`, that goes to those who read English, and `text` to the others. Raises Invalid for an empty or
    overlong text and an unknown audience.
    """
    text = _checked(text)
    text_en = None if text_en is None else _checked(text_en)
    _audience(audience)
    return db.execute(
        insert(Announcement)
        .values(
            text=text,
            text_en=text_en,
            audience=audience,
            at=max(at, now),
            state="scheduled",
            created_by=by,
            created_at=now,
        )
        .returning(Announcement.id)
    ).scalar_one()


def _checked(text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid("text", "empty")
    if len(text) > MAX_TEXT:
        raise Invalid("text", "too_long", limit=MAX_TEXT)
    return text


def as_written(text: str, text_en: str | None) -> str | dict[str, str]:
    """One text as it is, two by their languages: as scripts give them and the audit log keeps them."""
    return text if text_en is None else {"zh": text, "en": text_en}


def find(db: Session, announcement: int) -> Announced:
    row = db.execute(_announced().where(Announcement.id == announcement)).one_or_none()
    if row is None:
        raise NotFound()
    return Announced(*row)


def latest(db: Session, limit: int = 10) -> list[Announced]:
    """Return the announcements written last, for operators."""
    return [Announced(*row) for row in db.execute(_announced().order_by(Announcement.id.desc()).limit(limit))]


def _announced() -> Any:
    return select(
        Announcement.id,
        Announcement.text,
        Announcement.text_en,
        Announcement.audience,
        Announcement.at,
        Announcement.state,
        Announcement.created_by,
    )


def due(db: Session, *, now: datetime) -> list[int]:
    """Return the announcements that are to be put out now, the oldest first."""
    return list(
        db.scalars(
            select(Announcement.id)
            .where(Announcement.state.in_(("scheduled", "queueing")), Announcement.at <= now)
            .order_by(Announcement.at, Announcement.id)
        )
    )


def enqueue_chunk(db: Session, announcement: int, limit: int = CHUNK, *, now: datetime) -> bool:
    """Put down the message for the next `limit` recipients; returns whether there are more.

    One row per announcement and recipient, however often this is run, killed or run twice at once. Who has muted
    announcements gets a row that says so.
    """
    one_at_a_time(db, f"announcement:{announcement}")
    row = db.execute(
        select(Announcement.state, Announcement.audience, Announcement.reached_id).where(
            Announcement.id == announcement
        )
    ).one_or_none()
    if row is None or row.state not in ("scheduled", "queueing"):
        return False
    next_ids = (
        select(Member.id)
        .where(_audience(row.audience), Member.id > row.reached_id)
        .order_by(Member.id)
        .limit(limit)
        .subquery()
    )
    count, last = db.execute(select(func.count(), func.max(next_ids.c.id))).one()
    if count:
        muted = is_muted(Member.id, literal(CATEGORY))
        _insert_for_each(db, announcement, row.reached_id, last, row.audience, muted, now)
    more = bool(count == limit)
    db.execute(
        update(Announcement)
        .where(Announcement.id == announcement)
        .values(
            reached_id=last if count else row.reached_id,
            state="queueing" if more else "queued",
            finished_at=None if more else now,
        )
    )
    return more


def _insert_for_each(
    db: Session, announcement: int, after: int, last: int, audience: str, muted: ColumnElement[bool], now: datetime
) -> None:
    columns: dict[str, Any] = {
        "key": literal(f"{ANNOUNCEMENT}:{announcement}:").concat(Member.id),
        "member_id": Member.id,
        "text_key": literal(ANNOUNCEMENT),
        "params": literal({}, Json()),
        "category": literal(CATEGORY),
        "priority": literal(ANNOUNCEMENTS),
        "announcement_id": literal(announcement),
        "state": case((muted, "muted"), else_="queued"),
        "not_before": literal(now, Utc()),
        "attempts": literal(0),
        "created_at": literal(now, Utc()),
        "finished_at": case((muted, literal(now, Utc())), else_=None),
    }
    recipients = select(Member.id).where(_audience(audience), Member.id > after, Member.id <= last).order_by(Member.id)
    insert_selected(db, Outbox, columns, recipients, key=["key"])


def cancel(db: Session, announcement: int, *, now: datetime) -> None:
    """Stop the announcement: whom it has not reached yet, it never will. Cancelling twice is harmless.

    The first messages to be sent are taken back here, the rest by `sweep_cancelled`.
    """
    one_at_a_time(db, f"announcement:{announcement}")
    row = db.execute(
        select(Announcement.state, Announcement.audience, Announcement.reached_id).where(
            Announcement.id == announcement
        )
    ).one_or_none()
    if row is None:
        raise NotFound()
    left_out = _without_row(db, row.audience, row.reached_id) if row.state in ("scheduled", "queueing") else 0
    db.execute(
        update(Announcement)
        .where(Announcement.id == announcement, Announcement.state != "cancelled")
        .values(state="cancelled", left_out=left_out, finished_at=now)
    )
    _take_back(db, announcement, CHUNK, now)


def to_sweep(db: Session) -> list[int]:
    """Return the cancelled announcements of which messages are still waiting."""
    waiting = (
        select(Outbox.id).where(Outbox.announcement_id == Announcement.id, Outbox.state == "queued").limit(1).exists()
    )
    return list(db.scalars(select(Announcement.id).where(Announcement.state == "cancelled", waiting)))


def sweep_cancelled(db: Session, announcement: int, limit: int = CHUNK, *, now: datetime) -> bool:
    """Take back the next `limit` waiting messages of a cancelled announcement; returns whether there may be more."""
    return _take_back(db, announcement, limit, now) == limit


def _take_back(db: Session, announcement: int, limit: int, now: datetime) -> int:
    chosen = (
        select(Outbox.id)
        .where(Outbox.announcement_id == announcement, text("outbox.state = 'queued'"))
        .order_by(Outbox.id)
        .limit(limit)
        .with_for_update()
    )
    taken = db.execute(
        update(Outbox)
        .where(Outbox.id.in_(chosen.scalar_subquery()), Outbox.state == "queued")
        .values(state="cancelled", finished_at=now)
        .returning(Outbox.id)
    )
    return len(taken.all())


def progress(db: Session, announcement: int) -> dict[str, int]:
    """Return how many messages are in each state, and `recipients`, their sum; an unknown id raises NotFound.

    Who belongs to the audience and has no message yet counts as queued, or as cancelled if that came first.
    """
    row = db.execute(
        select(Announcement.state, Announcement.audience, Announcement.reached_id, Announcement.left_out).where(
            Announcement.id == announcement
        )
    ).one_or_none()
    if row is None:
        raise NotFound()
    found = db.execute(
        select(Outbox.state, func.count().label("found"))
        .where(Outbox.announcement_id == announcement)
        .group_by(Outbox.state)
    )
    counts = dict.fromkeys(STATES, 0) | {row.state: row.found for row in found}
    counts["cancelled"] += row.left_out
    if row.state in ("scheduled", "queueing"):
        counts["queued"] += _without_row(db, row.audience, row.reached_id)
    return {"recipients": sum(counts.values()), **counts}


def _without_row(db: Session, audience: str, reached: int) -> int:
    rest = select(func.count()).select_from(Member).where(_audience(audience), Member.id > reached)
    return db.scalar(rest) or 0


@dataclass(frozen=True, slots=True)
class Received:
    id: int
    text: str
    text_en: str | None
    at: datetime


def of_member(db: Session, member: int, limit: int = 5) -> Sequence[Received]:
    """Return the announcements written to this member last, to read back; muted ones are among them."""
    rows = db.execute(
        select(Announcement.id, Announcement.text, Announcement.text_en, Announcement.at)
        .join(Outbox, Outbox.announcement_id == Announcement.id)
        .where(Outbox.member_id == member, Outbox.state != "cancelled")
        .order_by(Outbox.id.desc())
        .limit(limit)
    )
    return [Received(*row) for row in rows]
