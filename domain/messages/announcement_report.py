"""Whom an announcement did not reach and why, and the one message with its result when all is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, literal, select, text, update
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.messages import announcements, outbox, resends
from domain.messages.outbox import LATER, Notice
from domain.schema import Announcement, Contact, Member, Outbox
from domain.wording import Words, words

BLOCKED, NO_CHANNEL, WINDOW = "blocked", "no_channel", "window"
MUTED, REFUSED, UNKNOWN, STOPPED, AGAIN = "muted", "refused", "unknown", "stopped", "again"
REASONS: Final = (REFUSED, UNKNOWN, WINDOW, BLOCKED, NO_CHANNEL, MUTED, STOPPED, AGAIN)
"""Why somebody has not got it. `again`: another announcement has taken its place."""

NOT_REACHED: Final = ("failed", "unknown", "deferred", "muted", "cancelled")
_AT_ONCE: Final = 2_000
_RESULT: Final = ("sent", "failed", "unknown", "deferred", "muted", "cancelled")


@dataclass(frozen=True, slots=True)
class Missed:
    """One recipient who has not got it. `place` is where the row stands in the report; `error` is the platform's."""

    place: int
    member: int
    member_id: str
    name: str
    state: str
    reason: str
    channel: str | None
    error: str | None
    at: datetime | None


def _has_chat(*which: ColumnElement[bool]) -> Any:
    return select(literal(1)).where(Contact.member_id == Outbox.member_id, *which).exists()


_REACHABLE = _has_chat(Contact.unreachable_since.is_(None))
_REASON = case(
    (Outbox.state == "failed", REFUSED),
    (Outbox.state == "unknown", UNKNOWN),
    (Outbox.state == "muted", MUTED),
    (and_(Outbox.state == "cancelled", Outbox.error.like(f"{resends.TAKEN_OVER}%")), AGAIN),
    (Outbox.state == "cancelled", STOPPED),
    (and_(_REACHABLE, Outbox.error.is_not(None)), WINDOW),
    (and_(~_REACHABLE, _has_chat()), BLOCKED),
    else_=NO_CHANNEL,
)
"""Why the row of somebody who has not got it is in its state. What is kept for the next contact was not taken by the
platform at that time (a window that was closed), or there is no chat where it could go."""


def reasons(db: Session, announcement: int, zone: ZoneInfo | None) -> dict[str, int]:
    """Return how many were not reached for which reason, in a fixed order and without those that nobody has."""
    row = _row(db, announcement)
    found = db.execute(
        select(_REASON.label("reason"), func.count().label("n"))
        .where(Outbox.announcement_id == announcement, Outbox.state.in_(NOT_REACHED))
        .group_by(_REASON)
    )
    counts = {line.reason: line.n for line in found}
    if row.state == "cancelled":
        counts[STOPPED] = counts.get(STOPPED, 0) + announcements.count_left_out(db, row, zone)
    return {reason: counts[reason] for reason in REASONS if counts.get(reason)}


def missed(
    db: Session, announcement: int, reason: str, *, after: int = 0, limit: int, zone: ZoneInfo | None
) -> list[Missed]:
    """Return those not reached for `reason`, from the one after the place `after` on.

    Places below zero are those who had no message yet when the announcement was stopped; they come last.
    """
    row = _row(db, announcement)
    states = _states_of(reason)
    found: list[Missed] = []
    if after >= 0:
        wanted = _written(announcement).where(Outbox.state.in_(states), reason == _REASON, Outbox.id > after)
        found = [Missed(*line) for line in db.execute(wanted.order_by(Outbox.id).limit(limit))]
    if reason == STOPPED and len(found) < limit:
        found += _left_out(db, row, -min(after, 0), limit - len(found), zone)
    return found


def _states_of(reason: str) -> Sequence[str]:
    known = {REFUSED: "failed", UNKNOWN: "unknown", MUTED: "muted", STOPPED: "cancelled", AGAIN: "cancelled"}
    if reason not in REASONS:
        raise NotFound()
    return (known.get(reason, "deferred"),)


def all_missed(
    db: Session, announcement: int, *, after: tuple[int, int] = (0, 0), limit: int = _AT_ONCE, zone: ZoneInfo | None
) -> tuple[list[Missed], tuple[int, int] | None]:
    """Return the next portion of everybody not reached, and where to go on; None where that was all.

    `after` is the number of a state in `NOT_REACHED` and a place within it: so each portion is one look-up in an index.
    """
    at, place = after
    row = _row(db, announcement)
    while at < len(NOT_REACHED):
        wanted = _written(announcement).where(Outbox.state == NOT_REACHED[at], Outbox.id > place)
        found = [Missed(*line) for line in db.execute(wanted.order_by(Outbox.id).limit(limit))]
        if found:
            return found, (at, found[-1].place)
        at, place = at + 1, 0
    found = _left_out(db, row, -min(place, 0), limit, zone)
    return found, (at, found[-1].place) if found else None


def rows(db: Session, announcement: int, zone: ZoneInfo | None) -> Iterator[Missed]:
    """Yield everybody not reached, a portion at a time."""
    after: tuple[int, int] | None = (0, 0)
    while after is not None:
        found, after = all_missed(db, announcement, after=after, zone=zone)
        yield from found


def _written(announcement: int) -> Any:
    return (
        select(
            Outbox.id,
            Member.id,
            Member.member_id,
            Member.name,
            Outbox.state,
            _REASON,
            func.nullif(Outbox.channel, LATER),
            Outbox.error,
            Outbox.finished_at,
        )
        .join(Member, Member.id == Outbox.member_id)
        .where(Outbox.announcement_id == announcement)
    )


def _left_out(db: Session, row: Any, after: int, limit: int, zone: ZoneInfo | None) -> list[Missed]:
    left_out = announcements.left_out(db, row, zone) if row.state == "cancelled" else None
    if left_out is None:
        return []
    people = (
        select(Member.id, Member.member_id, Member.name)
        .where(left_out, Member.id > after)
        .order_by(Member.id)
        .limit(limit)
    )
    return [
        Missed(-one.id, one.id, one.member_id, one.name, "cancelled", STOPPED, None, None, row.finished_at)
        for one in db.execute(people)
    ]


def can_be_resent(db: Session, announcement: int, zone: ZoneInfo | None) -> dict[str, int]:
    """Return how many members a resend would go to for each state, each of them counted once."""
    found = announcements.find(db, announcement)
    first = _row(db, found.resend_of or found.id)
    never_written = announcements.left_out(db, first, zone) if first.state == "cancelled" else None
    return resends.counts(db, resends.chain(db, first.id), never_written)


def _row(db: Session, announcement: int) -> Any:
    row = announcements.row_of(db, announcement)
    if row is None:
        raise NotFound()
    return row


def ended(db: Session) -> list[int]:
    """Return the announcements of which nothing is on its way any more, and whose result nobody was told yet."""
    waiting = [
        select(literal(1)).where(Outbox.announcement_id == Announcement.id, text(f"outbox.state = '{state}'")).exists()
        for state in ("queued", "sending")
    ]
    over = Announcement.state.in_(("queued", "cancelled"))
    wanted = select(Announcement.id).where(Announcement.told_at.is_(None), over, *(~one for one in waiting))
    return list(db.scalars(wanted.order_by(Announcement.id)))


def is_going(db: Session, announcement: int) -> bool:
    """Whether anything of it is still to be put out, or on its way."""
    state = announcements.find(db, announcement).state
    under_way = select(Outbox.id).where(Outbox.announcement_id == announcement, Outbox.state.in_(("queued", "sending")))
    return state in ("scheduled", "queueing") or db.execute(under_way.limit(1)).first() is not None


def tell(db: Session, announcement: int, *, now: datetime, zone: ZoneInfo | None) -> None:
    """Tell whoever sent it how it went, once; scripts and the command line ask for themselves."""
    told = db.execute(
        update(Announcement)
        .where(Announcement.id == announcement, Announcement.told_at.is_(None))
        .values(told_at=now)
        .returning(Announcement.created_by)
    ).scalar_one_or_none()
    member = _sender(db, told or "")
    if member is None:
        return
    found = announcements.find(db, announcement)
    said: dict[str, object] = {"text": _beginning(found.text, found.text_en), "counts": _result(db, announcement, zone)}
    key = "notice.announcement_stopped" if found.state == "cancelled" else "notice.announcement_done"
    outbox.put_all(db, [Notice(f"announced:{announcement}", member, key, said, category="system")], now=now)


def _sender(db: Session, created_by: str) -> int | None:
    kind, _, member_id = created_by.partition(":")
    if kind != "member":
        return None
    return db.scalar(select(Member.id).where(Member.member_id == member_id, Member.operator))


def _result(db: Session, announcement: int, zone: ZoneInfo | None) -> list[Words]:
    counts = announcements.progress(db, announcement, zone)
    found = [words(f"announce.count.{state}", n=counts[state]) for state in _RESULT if counts[state]]
    return found or [words("announce.count.nobody")]


def _beginning(zh: str, en: str | None) -> Words:
    first = [text.split("\n", 1)[0] for text in (zh, en or zh)]
    short = [line if len(line) <= 30 else f"{line[:29]}…" for line in first]
    return words("bilingual", zh=short[0], en=short[1])
