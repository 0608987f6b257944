"""Messages that need a person: nobody knows whether they arrived, or the platform has refused them for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from domain import audit_log
from domain.errors import Invalid, NotFound, Refusal
from domain.messages import alerts, resends
from domain.schema import Announcement, Member, Outbox
from domain.schema.messages import OUTBOX_STATES

UNKNOWN_ALERT: Final = "outbox_unknown"

DECISIONS: Final = {"sent": ("unknown",), "resend": ("unknown", "failed"), "drop": ("unknown", "failed")}
"""What a person may decide, and about messages in which states."""


class NotInDoubt(Refusal):
    """Nothing is to be decided about this message, or somebody has decided already."""

    code = "not_in_doubt"


@dataclass(frozen=True, slots=True)
class Doubtful:
    id: int
    state: str
    member_id: str
    name: str
    text_key: str
    announcement_id: int | None
    channel: str | None
    error: str | None
    created_at: datetime


def find(
    db: Session,
    *,
    state: str = "unknown",
    channel: str | None = None,
    announcement: int | None = None,
    limit: int = 100,
) -> list[Doubtful]:
    """Return the newest messages in `state`, on one channel or of one announcement if that is asked for.

    Raises Invalid for a state that there is not.
    """
    if state not in OUTBOX_STATES:
        raise Invalid("state", "unknown_state", known=", ".join(OUTBOX_STATES))
    # Spelled out, not bound: SQLite uses a partial index only where the query repeats its condition.
    which: list[Any] = [text(f"outbox.state = '{state}'")]
    which += [] if channel is None else [Outbox.channel == channel]
    which += [] if announcement is None else [Outbox.announcement_id == announcement]
    rows = db.execute(
        select(
            Outbox.id,
            Outbox.state,
            Member.member_id,
            Member.name,
            Outbox.text_key,
            Outbox.announcement_id,
            Outbox.channel,
            Outbox.error,
            Outbox.created_at,
        )
        .join(Member, Member.id == Outbox.member_id)
        .where(*which)
        .order_by(Outbox.id.desc())
        .limit(limit)
    ).all()
    return [Doubtful(*row) for row in rows]


def any_unknown(db: Session) -> bool:
    return db.execute(select(Outbox.id).where(text("outbox.state = 'unknown'")).limit(1)).first() is not None


def resolve(db: Session, message: int, decision: str, *, by: str, now: datetime) -> str:
    """Decide about a message and return its new state: it arrived, it is to be tried once more, or it is given up.

    Deciding is done once: raises NotInDoubt where nothing is to be decided (any more), NotFound for no such message.
    """
    if decision not in DECISIONS:
        raise Invalid("decision", "unknown_decision", known=", ".join(DECISIONS))
    row = db.execute(select(Outbox.announcement_id, Outbox.member_id).where(Outbox.id == message)).one_or_none()
    if row is None:
        raise NotFound()
    if decision == "resend" and row.announcement_id is not None:
        resends.lock(db, row.announcement_id)
    before = db.execute(select(Outbox.state).where(Outbox.id == message)).scalar_one()
    if decision == "resend" and _reached_meanwhile(db, message, row):
        raise NotInDoubt(state=before)
    decided = (
        update(Outbox)
        .where(Outbox.id == message, Outbox.state == before, Outbox.state.in_(DECISIONS[decision]))
        .values(**_becomes(decision, before, now))
    )
    if decision == "resend":  # what was stopped is not begun again by the back door
        stopped = select(Announcement.id).where(Announcement.state == "cancelled")
        decided = decided.where(Outbox.announcement_id.is_(None) | Outbox.announcement_id.not_in(stopped))
    after = db.execute(decided.returning(Outbox.state)).scalar()
    if after is None:
        raise NotInDoubt(state=before)
    audit_log.record(
        db,
        actor=by,
        action="outbox.resolve",
        subject=f"outbox:{message}",
        before={"state": before},
        after={"state": after, "decision": decision},
        now=now,
    )
    if not any_unknown(db):
        alerts.clear_alert(db, UNKNOWN_ALERT, now=now)
    return after


def _reached_meanwhile(db: Session, message: int, row: Any) -> bool:
    """Whether its reader has the same by a resend: then it is not sent a second time by this door."""
    announcement = row.announcement_id
    return announcement is not None and resends.reached_by_another(db, message, announcement, row.member_id)


def _becomes(decision: str, before: str, now: datetime) -> dict[str, Any]:
    match decision:
        case "sent":
            return {"state": "sent", "error": None, "finished_at": now}
        case "resend":  # its way is chosen anew: the old one may be what was wrong
            return {
                "state": "queued",
                "channel": None,
                "contact_id": None,
                "attempts": 0,
                "not_before": now,
                "finished_at": None,
            }
        case _ if before == "unknown":  # given up, and yet it may have arrived: a resend has to know that
            error = func.coalesce(Outbox.error, "").concat(resends.WAS_UNKNOWN)
            return {"state": "cancelled", "finished_at": now, "error": error}
        case _:
            return {"state": "cancelled", "finished_at": now}
