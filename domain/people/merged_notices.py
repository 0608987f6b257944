"""The notices of two members that are one person: they go to the one who stays, what both were to get is got once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from domain.messages.outbox import ANNOUNCEMENT
from domain.schema import Announcement, Outbox

HOW_FAR: Final = ("cancelled", "failed", "muted", "deferred", "queued", "unknown", "sending", "sent")
"""How far a message came on its way to being read; what came further is the one that counts."""

WAITING: Final = ("queued", "deferred")
_GOT: Final = HOW_FAR[HOW_FAR.index("deferred") :]  # has it, may have it, or will


@dataclass(frozen=True, slots=True)
class Message:
    """A message of an announcement; `first` is that announcement, or the one that it sends again.

    `at_work`: the announcement is still being put out.
    """

    id: int
    announcement: int
    first: int
    state: str
    of_gone: bool
    at_work: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The messages that are left to the closed member, and those that are called off; all others are the one's who
    stays, and `renamed` are those that the announcement would not recognise there by their key."""

    gone: frozenset[int]
    over: frozenset[int]
    renamed: frozenset[int]


def decide(messages: Iterable[Message]) -> Outcome:
    """Of each announcement the message that came furthest is the member's; of it and its resends together one is got,
    whatever waits beside that is called off."""
    gone: set[int] = set()
    over: set[int] = set()
    renamed: set[int] = set()
    for _, chain in _by("first", messages):
        theirs = []
        for _, same in _by("announcement", chain):
            best, *others = sorted(same, key=_furthest, reverse=True)
            theirs.append(best)
            gone |= {one.id for one in others}
            over |= {one.id for one in others if one.state in WAITING}
            if not others and _would_come_again(best):
                renamed.add(best.id)
        got = [one for one in sorted(theirs, key=_furthest, reverse=True) if one.state in _GOT]
        over |= {one.id for one in got[1:] if one.state in WAITING}
    return Outcome(frozenset(gone), frozenset(over), frozenset(renamed))


def _would_come_again(one: Message) -> bool:
    """What is sent again goes only to whom nothing has reached, whatever its key."""
    return one.of_gone and one.at_work and (one.announcement == one.first or one.state not in _GOT)


def _by(name: str, messages: Iterable[Message]) -> list[tuple[int, list[Message]]]:
    which = attrgetter(name)
    return [(key, list(group)) for key, group in groupby(sorted(messages, key=which), which)]


def _furthest(one: Message) -> tuple[int, bool]:
    return HOW_FAR.index(one.state), not one.of_gone


def move(db: Session, gone: int, stays: int, *, now: datetime) -> None:
    """Let the notices of `gone` be those of `stays`."""
    messages = _announced(db, gone, stays)
    outcome = decide(messages)
    over = {"state": "cancelled", "finished_at": now, "error": "the member has it on another chat"}
    db.execute(update(Outbox).where(Outbox.id.in_(outcome.over)).values(over))
    db.execute(update(Outbox).where(Outbox.id.in_(outcome.gone)).values(member_id=gone))
    db.execute(update(Outbox).where(Outbox.member_id == gone, Outbox.id.not_in(outcome.gone)).values(member_id=stays))
    for one in messages:
        if one.id in outcome.renamed:
            key = f"{ANNOUNCEMENT}:{one.announcement}:{stays}"
            db.execute(update(Outbox).where(Outbox.id == one.id).values(key=key))


def _announced(db: Session, gone: int, stays: int) -> Sequence[Message]:
    """The messages of every announcement that `gone` has one of, or of a resend of it; nobody else touches them now."""
    first = func.coalesce(Announcement.resend_of, Announcement.id)
    joined = Announcement.id == Outbox.announcement_id
    at_work = Announcement.state == "queueing"
    of_gone = select(first).join(Outbox, joined).where(Outbox.member_id == gone)
    rows = db.execute(
        select(Outbox.id, Announcement.id, first, Outbox.state, Outbox.member_id == gone, at_work)
        .join(Announcement, joined)
        .where(Outbox.member_id.in_((gone, stays)), first.in_(of_gone.scalar_subquery()))
        .order_by(Outbox.id)
        .with_for_update(of=Outbox)
    )
    return [Message(row[0], row[1], row[2], row[3], bool(row[4]), bool(row[5])) for row in rows]
