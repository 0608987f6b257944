"""One text to an audience: written down at once, put out to each recipient in small portions, stopped on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, insert, literal, select, text, update
from sqlalchemy.orm import Session

from domain.errors import Invalid, NotFound
from domain.messages import audience_rules, audiences, resends
from domain.messages.outbox import ANNOUNCEMENT, ANNOUNCEMENTS, LATER, MONEY, is_muted
from domain.messages.quiet_sql import is_quiet_of, next_allowed_of
from domain.schema import Announcement, Member, Outbox, Product
from domain.schema.base import Json, Utc
from domain.schema.messages import OUTBOX_STATES
from domain.sql import insert_selected

CHUNK = 8_000
"""Member ids per transaction: well under 300 ms of write lock, so that no chat answer waits for an announcement."""

CHUNK_AGAIN = 5_000
"""The same of a resend, which also writes to the messages that it takes the place of."""

MAX_TEXT = 3_500
"""Characters: with a heading it fits into one message on every channel."""

PROMOTION = "promotion"
KINDS = ("system", "business", PROMOTION)
"""Of notices, and so of announcements: system can never be muted, and only promotions heed quiet hours."""

PRIORITIES: Final = {kind: ANNOUNCEMENTS + 5 * place for place, kind in enumerate(KINDS)}
"""A word to a few does not wait for hours behind an offer to everybody."""

PREVIEW, RESEND = audience_rules.PREVIEW, audience_rules.RESEND
"""What stands for the audience of a try on oneself, and of a resend to those not reached."""


@dataclass(frozen=True, slots=True)
class Announced:
    id: int
    text: str
    text_en: str | None
    audience: str
    criteria: Mapping[str, Any] | None
    at: datetime
    state: str
    created_by: str
    kind: str
    urgent: bool
    sku: str | None
    resend_of: int | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What is announced. With a `text_en`, that goes to those who read English, and `text` to the others.

    `sku`: the product whose picture comes with it. `urgent`: a promotion that does not wait for the morning.
    """

    text: str
    text_en: str | None = None
    kind: str = PROMOTION
    urgent: bool = False
    sku: str | None = None


def schedule(
    db: Session,
    text: str,
    audience: str | Mapping[str, Any],
    at: datetime,
    *,
    text_en: str | None = None,
    kind: str = PROMOTION,
    urgent: bool = False,
    sku: str | None = None,
    by: str,
    now: datetime,
) -> int:
    """Write down an announcement to be sent at `at` (a time that is past means at once) and return its id.

    Raises Invalid for an empty or overlong text, an unknown audience, kind or product.
    """
    draft = _checked(db, Draft(text, text_en, kind, urgent, sku))
    name, criteria = audiences.resolve(db, audience)
    return _write_down(db, draft, by=by, now=now, audience=name, criteria=criteria, at=max(at, now))


def _write_down(db: Session, draft: Draft, *, by: str, now: datetime, **more: Any) -> int:
    row = {
        "text": draft.text,
        "text_en": draft.text_en,
        "kind": None if draft.kind == PROMOTION else draft.kind,
        "urgent": draft.urgent or None,
        "sku": draft.sku,
        "state": "scheduled",
        "created_by": by,
        "created_at": now,
    }
    return db.execute(insert(Announcement).values(row | more).returning(Announcement.id)).scalar_one()


def _checked(db: Session, draft: Draft) -> Draft:
    if draft.kind not in KINDS:
        raise Invalid("kind", "announcement_kind", known=", ".join(KINDS))
    if draft.sku is not None and db.scalar(select(Product.id).where(Product.sku == draft.sku)) is None:
        raise Invalid("sku", "unknown_product", sku=draft.sku)
    text_en = None if draft.text_en is None else _checked_text(draft.text_en)
    return Draft(_checked_text(draft.text), text_en, draft.kind, draft.urgent, draft.sku)


def _checked_text(text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid("text", "empty")
    if len(text) > MAX_TEXT:
        raise Invalid("text", "too_long", limit=MAX_TEXT)
    return text


def try_out(db: Session, draft: Draft, member: int, contact_id: int, channel: str, *, by: str, now: datetime) -> int:
    """Send the draft as a real message to the chat of the member who is writing it, and to nobody else."""
    made = _write_down(
        db,
        _checked(db, draft),
        by=by,
        now=now,
        audience=PREVIEW,
        at=now,
        state="queued",
        finished_at=now,
        told_at=now,
    )
    row = {
        "key": f"{ANNOUNCEMENT}:{made}:{member}",
        "member_id": member,
        "text_key": ANNOUNCEMENT,
        "params": {},
        "category": "system",
        "priority": MONEY,  # somebody waits for it
        "announcement_id": made,
        "channel": channel,
        "contact_id": contact_id,
        "not_before": now,
        "created_at": now,
    }
    db.execute(insert(Outbox).values(row))
    return made


def resend(db: Session, announcement: int, states: Sequence[str], *, by: str, now: datetime) -> int:
    """Announce the same once more to those whom it did not reach, and return the new announcement's id.

    `states` are those of the messages that count as not reached: failed, cancelled, deferred; unknown only where the
    operator takes it upon themselves that somebody may read it twice. Raises StillGoing, and ResendUnderWay while
    another resend of it is still being put out.
    """
    found = find(db, announcement)
    first = resends.lock(db, found.id)
    resends.check(db, first, states)
    draft = Draft(found.text, found.text_en, found.kind, found.urgent, found.sku)
    return _write_down(
        db, draft, by=by, now=now, audience=RESEND, criteria={"states": sorted(states)}, resend_of=first, at=now
    )


def as_written(text: str, text_en: str | None) -> str | dict[str, str]:
    """One text as it is, two by their languages: as scripts give them and the audit log keeps them."""
    return text if text_en is None else {"zh": text, "en": text_en}


def find(db: Session, announcement: int) -> Announced:
    """Raises NotFound, also for a try on oneself: there is nothing to stop, report or send again."""
    these = (Announcement.id == announcement, Announcement.audience != PREVIEW)
    row = db.execute(_announced().where(*these)).one_or_none()
    if row is None:
        raise NotFound()
    return _announced_of(row)


def latest(db: Session, limit: int = 10) -> list[Announced]:
    """Return the announcements written last, for operators; tries on oneself are none."""
    written = _announced().where(Announcement.audience != PREVIEW).order_by(Announcement.id.desc())
    return [_announced_of(row) for row in db.execute(written.limit(limit))]


def _announced() -> Any:
    return select(
        Announcement.id,
        Announcement.text,
        Announcement.text_en,
        Announcement.audience,
        Announcement.criteria,
        Announcement.at,
        Announcement.state,
        Announcement.created_by,
        Announcement.kind,
        Announcement.urgent,
        Announcement.sku,
        Announcement.resend_of,
    )


def _announced_of(row: Any) -> Announced:
    return Announced(**{**row._mapping, "kind": row.kind or PROMOTION, "urgent": bool(row.urgent)})


def due(db: Session, *, now: datetime) -> list[int]:
    """Return the announcements that are to be put out now, the oldest first."""
    return list(
        db.scalars(
            select(Announcement.id)
            .where(Announcement.state.in_(("scheduled", "queueing")), Announcement.at <= now)
            .order_by(Announcement.at, Announcement.id)
        )
    )


def enqueue_chunk(
    db: Session, announcement: int, limit: int = CHUNK, *, now: datetime, zone: ZoneInfo | None = None
) -> bool:
    """Put down the message for the recipients among the next `limit` members; returns whether there are more.

    One row per announcement and recipient, however often this is run, killed or run twice at once. Who has muted this
    kind gets a row that says so; who has quiet hours on the clock of `zone` gets a promotion after them. A constant
    number of statements, over a range of ids: however few of many the audience is, nobody waits for the search.
    """
    row = _at_work(db, announcement)
    if row is None or row.state not in ("scheduled", "queueing"):
        return False
    limit = limit if row.resend_of is None else min(limit, CHUNK_AGAIN)
    # Each a query of its own: asked for both at once, SQLite looks at everybody in between.
    ends = [select(end(Member.id)).where(Member.id > row.reached_id) for end in (func.min, func.max)]
    first, last = db.execute(select(*(end.scalar_subquery() for end in ends))).one()
    reached = row.reached_id if first is None else min(first + limit - 1, last)
    if first is not None:
        among = (_recipients(db, row, zone), Member.id > row.reached_id, Member.id <= reached)
        chain = [] if row.resend_of is None else resends.chain(db, row.resend_of)
        if chain:
            resends.hold(db, chain, row.criteria["states"], row.reached_id, reached)
        _insert_for_each(db, row, among, now, zone)
        if chain:
            resends.take_over(db, announcement, chain, row.reached_id, reached, now=now)
    more = first is not None and reached < last
    db.execute(
        update(Announcement)
        .where(Announcement.id == announcement)
        .values(
            reached_id=reached,
            state="queueing" if more else "queued",
            finished_at=None if more else now,
        )
    )
    return bool(more)


def _at_work(db: Session, announcement: int) -> Any:
    """Return the row of an announcement that nobody else works on until the end of the transaction; None without one.

    Resends of the same announcement are worked on one after the other: so each sees whom the one before wrote to.
    """
    resends.lock(db, announcement)
    return row_of(db, announcement)


def row_of(db: Session, announcement: int) -> Any:
    """Return what decides whom an announcement goes to and how far that has come; None without one."""
    return db.execute(
        select(
            Announcement.id,
            Announcement.state,
            Announcement.audience,
            Announcement.criteria,
            Announcement.at,
            Announcement.kind,
            Announcement.urgent,
            Announcement.resend_of,
            Announcement.reached_id,
            Announcement.until_id,
            Announcement.finished_at,
        ).where(Announcement.id == announcement)
    ).one_or_none()


def _recipients(db: Session, row: Any, zone: ZoneInfo | None) -> ColumnElement[bool]:
    """SQL: whether a member is meant by the announcement `row`."""
    if row.resend_of is not None:
        never_written = left_out(db, row_of(db, row.resend_of), zone)
        return resends.not_reached(resends.chain(db, row.resend_of), row.criteria["states"], never_written)
    criteria = audience_rules.named(row.audience) if row.criteria is None else row.criteria
    if criteria is None:
        raise LookupError(f"nobody knows who is meant by {row.audience!r}")
    return audiences.condition(db, criteria, at=row.at, zone=zone)


def _insert_for_each(
    db: Session, row: Any, among: Sequence[ColumnElement[bool]], now: datetime, zone: ZoneInfo | None
) -> None:
    kind = row.kind or PROMOTION
    heeds = zone is not None and kind == PROMOTION and not row.urgent
    muted = is_muted(Member.id, literal(kind))
    columns: dict[str, Any] = {
        "key": literal(f"{ANNOUNCEMENT}:{row.id}:").concat(Member.id),
        "member_id": Member.id,
        "text_key": literal(ANNOUNCEMENT),
        "params": literal({}, Json()),
        "category": literal(kind),
        "priority": literal(PRIORITIES[kind]),
        "announcement_id": literal(row.id),
        "state": case((muted, "muted"), else_="queued"),
        "not_before": literal(now, Utc()),
        "attempts": literal(0),
        "created_at": literal(now, Utc()),
        "finished_at": case((muted, literal(now, Utc())), else_=None),
    }
    if zone is not None and heeds:
        columns["not_before"] = next_allowed_of(db, now, zone)
        columns["channel"] = case((is_quiet_of(now, zone), LATER), else_=None)
    insert_selected(db, Outbox, columns, select(Member.id).where(*among).order_by(Member.id), key=["key"])


def cancel(db: Session, announcement: int, *, now: datetime) -> None:
    """Stop the announcement: whom it has not reached yet, it never will. Cancelling twice is harmless.

    Who has no row yet is left out; who joins later was never meant, so the last member there is now is kept. Of an
    announcement that was wholly put out nobody is left out.

    The first messages to be sent are taken back here, the rest by `sweep_cancelled`.
    """
    row = _at_work(db, announcement)
    if row is None or row.audience == PREVIEW:
        raise NotFound()
    last = select(func.coalesce(func.max(Member.id), 0)).scalar_subquery()
    until = case((Announcement.state == "queued", Announcement.reached_id), else_=last)
    db.execute(
        update(Announcement)
        .where(Announcement.id == announcement, Announcement.state != "cancelled")
        .values(state="cancelled", until_id=until, finished_at=now)
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


def progress(db: Session, announcement: int, zone: ZoneInfo | None = None) -> dict[str, int]:
    """Return how many messages are in each state, and `recipients`, their sum; an unknown id raises NotFound.

    Who belongs to the audience and has no message yet counts as queued, or as cancelled if that came first.
    """
    row = row_of(db, announcement)
    if row is None:
        raise NotFound()
    found = db.execute(
        select(Outbox.state, func.count().label("found"))
        .where(Outbox.announcement_id == announcement)
        .group_by(Outbox.state)
    )
    counts = dict.fromkeys(OUTBOX_STATES, 0) | {row.state: row.found for row in found}
    counts["cancelled" if row.state == "cancelled" else "queued"] += count_left_out(db, row, zone)
    return {"recipients": sum(counts.values()), **counts}


def count_left_out(db: Session, row: Any, zone: ZoneInfo | None) -> int:
    wanted = left_out(db, row, zone)
    return 0 if wanted is None else db.scalar(select(func.count()).select_from(Member).where(wanted)) or 0


def left_out(db: Session, row: Any, zone: ZoneInfo | None) -> ColumnElement[bool] | None:
    """SQL: whether a member is meant by the announcement `row` and has no message of it, or not yet.

    None where that is nobody, whatever the audience: it was wholly put out.
    """
    if row.state == "queued" or (row.state == "cancelled" and row.until_id <= row.reached_id):
        return None
    bounds = [Member.id > row.reached_id, *([] if row.until_id is None else [Member.id <= row.until_id])]
    return and_(*bounds, _recipients(db, row, zone))
