"""The same announcement once more to those whom it did not reach: never to anybody whom it reached, or may have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from domain.errors import Invalid, Refusal
from domain.schema import Announcement, Member, Outbox

STATES: Final = ("failed", "cancelled", "deferred", "unknown")
"""Of messages that may be sent again. Unknown: somebody may read it twice, so a person has to want it."""

TAKEN_OVER: Final = "sent again as announcement "
"""What stands as the error of a message that another one has taken the place of."""


class ResendUnderWay(Refusal):
    """Another resend of the same announcement is still being put out: nobody can be told apart yet."""

    code = "resend_under_way"


class StillGoing(Refusal):
    """Who is not reached is known once all of it has gone out."""

    code = "still_going"


def check(db: Session, first: int, states: Collection[str], *, now: datetime) -> None:
    """Refuse what cannot be sent again, or not yet; the caller holds the lock of the announcement `first`."""
    if not states or not set(states) <= set(STATES):
        raise Invalid("states", "resend_states", known=", ".join(STATES))
    under_way = select(Announcement.id).where(_of_chain(first), Announcement.state.in_(("scheduled", "queueing")))
    going = db.execute(under_way.order_by(Announcement.id)).scalars().all()
    if first in going:
        raise StillGoing()
    if going:
        raise ResendUnderWay()


def _of_chain(first: int) -> ColumnElement[bool]:
    return or_(Announcement.id == first, Announcement.resend_of == first)


def _ids_of_chain(first: int) -> Any:
    return select(Announcement.id).where(_of_chain(first)).correlate(None).scalar_subquery()


def not_reached(first: Any, states: Sequence[str], never_written: ColumnElement[bool]) -> ColumnElement[bool]:
    """SQL: whether a member was to get the announcement `first`, did not, and does not by any resend of it either.

    `never_written` says who was left without a message when it was cancelled.
    """
    again = _message(first.id).where(Outbox.state.in_(states)).exists()
    if first.state == "cancelled" and "cancelled" in states:
        again = or_(again, never_written)
    kept = [state for state in ("sent", "queued", "sending", "muted", "deferred", "unknown") if state not in states]
    return and_(Member.status == "active", again, ~_message(first.id).where(Outbox.state.in_(kept)).exists())


def _message(first: int) -> Any:
    return select(literal(1)).where(Outbox.member_id == Member.id, Outbox.announcement_id.in_(_ids_of_chain(first)))


def hold(db: Session, first: int, states: Sequence[str], after: int, last: int) -> None:
    """Let nobody show or resolve a message that is about to be sent again, until it is known which of them it is."""
    open_states = [state for state in ("deferred", "unknown") if state in states]
    held = select(Outbox.id).where(*_between(first, after, last), Outbox.state.in_(open_states))
    db.execute(held.order_by(Outbox.id).with_for_update())


def take_over(db: Session, again: int, first: int, after: int, last: int, *, now: datetime) -> None:
    """What waits for the next contact, or may have arrived, counts no more for whoever has a new message instead."""
    new = aliased(Outbox, name="again")
    has_new = select(literal(1)).where(new.member_id == Outbox.member_id, new.announcement_id == again).exists()
    db.execute(
        update(Outbox)
        .where(*_between(first, after, last), Outbox.announcement_id != again)
        .where(Outbox.state.in_(("deferred", "unknown")), has_new)
        .values(
            state="cancelled",
            finished_at=now,
            error=literal(f"{TAKEN_OVER}{again}: was ").concat(Outbox.state),
        )
        .execution_options(synchronize_session=False)
    )


def _between(first: int, after: int, last: int) -> tuple[ColumnElement[bool], ...]:
    return (Outbox.announcement_id.in_(_ids_of_chain(first)), Outbox.member_id > after, Outbox.member_id <= last)


def of(db: Session, first: int) -> Sequence[int]:
    """Return the resends of an announcement, the oldest first."""
    return list(db.scalars(select(Announcement.id).where(Announcement.resend_of == first).order_by(Announcement.id)))


def count(db: Session, first: Any, states: Sequence[str], never_written: ColumnElement[bool]) -> int:
    """Return how many members a resend for `states` would go to."""
    if not states:
        return 0
    wanted = not_reached(first, states, never_written) if states else false()
    return db.scalar(select(func.count()).select_from(Member).where(wanted)) or 0
