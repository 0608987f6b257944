"""The same announcement once more to those whom it did not reach: never to anybody whom it reached, or may have.

An announcement and its resends are a chain. What its messages to one member have become, all of them together, says
whether that member was reached; a member counts for one state only, the one that weighs most.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from domain.errors import Invalid, Refusal
from domain.schema import Announcement, Member, Outbox
from domain.sql import is_postgresql, one_at_a_time

STATES: Final = ("failed", "cancelled", "deferred", "unknown")
"""Of messages that may be sent again. Unknown: somebody may read it twice, so a person has to want it."""

TAKEN_OVER: Final = "sent again as announcement "
"""What stands as the error of a message that another one has taken the place of."""

WAS_UNKNOWN: Final = ": was unknown"
"""What the error of a message ends with that was given up, or taken the place of, while it may have arrived."""

_WEIGHTS: Final = {"cancelled": 1, "failed": 2, "deferred": 3, "unknown": 4}
_REACHED: Final = 9  # sent, on its way, or not wanted by its reader
_OPEN: Final = ("deferred", "unknown")  # what may still be shown or decided about


class ResendUnderWay(Refusal):
    """Another resend of the same announcement is still being put out: nobody can be told apart yet."""

    code = "resend_under_way"


class StillGoing(Refusal):
    """Who is not reached is known once all of it has gone out."""

    code = "still_going"


def lock(db: Session, announcement: int) -> int:
    """Let nobody else change who gets which announcement of the chain until the transaction ends; return its first."""
    first = _first_of(db, announcement)
    one_at_a_time(db, f"announcement:{first}")
    return first


def _first_of(db: Session, announcement: int) -> int:
    first = select(func.coalesce(Announcement.resend_of, Announcement.id)).where(Announcement.id == announcement)
    return db.scalar(first) or announcement


def check(db: Session, first: int, states: Collection[str]) -> None:
    """Refuse what cannot be sent again, or not yet; the caller holds the lock of the chain."""
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


def chain(db: Session, first: int) -> Sequence[int]:
    """Return the announcement `first` and its resends, the oldest first."""
    return list(db.scalars(select(Announcement.id).where(_of_chain(first)).order_by(Announcement.id)))


def not_reached(
    chain: Sequence[int], states: Sequence[str], never_written: ColumnElement[bool] | None
) -> ColumnElement[bool]:
    """SQL: whether a member was to get an announcement of the chain and counts for one of `states`.

    `never_written` says who was left without a message when the first was cancelled.
    """
    weight = _weight(Member.id, chain)
    wanted: ColumnElement[bool] = weight.in_([_WEIGHTS[state] for state in states])
    if never_written is not None and "cancelled" in states:
        wanted = or_(wanted, and_(never_written, weight.is_(None)))
    return and_(Member.status == "active", wanted)


def _weight(member: Any, chain: Sequence[int]) -> Any:
    """SQL: what the messages of the chain to this member have become; none where there is none."""
    its = aliased(Outbox, name="its")
    perhaps = or_(its.state == "unknown", and_(its.state == "cancelled", its.error.like(f"%{WAS_UNKNOWN}")))
    others = [(its.state == state, weight) for state, weight in _WEIGHTS.items()]
    weighs = case((perhaps, _WEIGHTS["unknown"]), *others, else_=_REACHED)
    return select(func.max(weighs)).where(its.member_id == member, its.announcement_id.in_(chain)).scalar_subquery()


def counts(db: Session, chain: Sequence[int], never_written: ColumnElement[bool] | None) -> dict[str, int]:
    """Return how many members a resend would go to for each state; each member counts for one."""
    missed = (
        select(Outbox.member_id.label("member"))
        .join(Member, Member.id == Outbox.member_id)
        .where(Outbox.announcement_id.in_(chain), Outbox.state.in_(STATES), Member.status == "active")
        .group_by(Outbox.member_id)
        .subquery()
    )
    each = select(_weight(missed.c.member, chain).label("weight")).select_from(missed).subquery()
    rows = db.execute(select(each.c.weight, func.count().label("n")).group_by(each.c.weight))
    found = {row.weight: row.n for row in rows}
    if never_written is not None:
        left = and_(Member.status == "active", never_written, _weight(Member.id, chain).is_(None))
        found[1] = found.get(1, 0) + (db.scalar(select(func.count()).select_from(Member).where(left)) or 0)
    return {state: found[_WEIGHTS[state]] for state in STATES if found.get(_WEIGHTS[state])}


def hold(db: Session, chain: Sequence[int], states: Sequence[str], after: int, last: int) -> None:
    """Let nobody show or resolve a message that is about to be sent again, until it is known which of them it is."""
    if not is_postgresql(db):  # there is one writer anyway
        return
    for state in (one for one in _OPEN if one in states):
        held = select(Outbox.id).where(*_still_open(state, chain, after, last))
        db.execute(held.order_by(Outbox.id).with_for_update())


def take_over(db: Session, again: int, chain: Sequence[int], after: int, last: int, *, now: datetime) -> None:
    """What waits for the next contact, or may have arrived, counts no more for whoever has a new message instead."""
    new = aliased(Outbox, name="again")
    has_new = exists().where(new.member_id == Outbox.member_id, new.announcement_id == again)
    earlier = [one for one in chain if one != again]
    for state in _OPEN:
        db.execute(
            update(Outbox)
            .where(*_still_open(state, earlier, after, last), has_new)
            .values(state="cancelled", finished_at=now, error=f"{TAKEN_OVER}{again}: was {state}")
            .execution_options(synchronize_session=False)
        )


def _still_open(state: str, chain: Sequence[int], after: int, last: int) -> tuple[Any, ...]:
    """SQL: the messages of the chain in `state` to the members after `after`, until `last`.

    However many were kept, each portion of members looks at its own only: by the index over what is kept, which has
    the member in front; the sum keeps SQLite from taking the one that has the announcement in front. Of unknown ones
    there are few.
    """
    its = Outbox.announcement_id + 0 if state == "deferred" else Outbox.announcement_id
    return text(f"outbox.state = '{state}'"), its.in_(chain), Outbox.member_id > after, Outbox.member_id <= last


def reached_by_another(db: Session, message: int, announcement: int, member: int) -> bool:
    """Whether another announcement of the chain has reached this member, may have, or still will.

    The caller holds the lock of the chain.
    """
    given_up = Outbox.state.in_(("failed", "cancelled")) & ~func.coalesce(Outbox.error, "").like(f"%{WAS_UNKNOWN}")
    other = (Outbox.member_id == member, Outbox.announcement_id.in_(chain(db, _first_of(db, announcement))))
    return db.scalar(select(Outbox.id).where(*other, Outbox.id != message, ~given_up).limit(1)) is not None
