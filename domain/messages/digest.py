"""What piled up while somebody could not be written to: counted by what it is about, and read money first.

What was called off meanwhile, or muted, is neither counted nor shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, case, func, select, text, update
from sqlalchemy.orm import Session

from domain import wording
from domain.messages import outbox
from domain.messages.outbox import ANNOUNCEMENTS, TASKS
from domain.schema import Announcement, Outbox
from domain.wording import Words

GROUPS: Final = ("money", "tasks", "announcements")
"""In this order they are read."""

ROUTE: Final = "digest"
_LOOKED_AT: Final = 30
_NOTICE_BYTES: Final = 260  # of a notice, whose words stand in the texts; few are longer
_FRAME_BYTES: Final = 60  # time and spacing

_GROUP = case((Outbox.priority < TASKS, GROUPS[0]), (Outbox.priority < ANNOUNCEMENTS, GROUPS[1]), else_=GROUPS[2])


@dataclass(frozen=True, slots=True)
class Waiting:
    """One kept message with the group it is read in."""

    id: int
    group: str
    words: Words
    created_at: datetime


def counts(db: Session, member: int) -> dict[str, int]:
    """Return how many messages are kept for the member's next contact, by group, without empty ones."""
    found = db.execute(_kept(member, _GROUP.label("kind"), func.count().label("n")).group_by(_GROUP))
    by_group = {row.kind: row.n for row in found}
    return {group: by_group[group] for group in GROUPS if group in by_group}


def take(db: Session, member: int, room_bytes: int, *, now: datetime) -> list[Waiting]:
    """Return what is to be read first, about as much as fits into `room_bytes`, and count it as sent with this answer.

    At least one message is returned if there is any, however long it is; but none that is taken at the same moment
    to be sent another way.
    """
    columns = (Outbox.id, _GROUP.label("kind"), Outbox.text_key, Outbox.params, Outbox.created_at)
    found = _kept(member, *columns, Announcement.text, Announcement.text_en)
    rows = db.execute(found.order_by(Outbox.priority, Outbox.id).limit(_LOOKED_AT)).all()
    page = rows[: _fitting([_size(row) for row in rows], room_bytes)]
    still_kept = (Outbox.id.in_([row.id for row in page]), Outbox.state == "deferred")
    read = update(Outbox).where(*still_kept).values(state="sent", route=ROUTE, finished_at=now)
    ours = set(db.scalars(read.returning(Outbox.id))) if page else set()
    return [Waiting(row.id, row.kind, _words(row), row.created_at) for row in page if row.id in ours]


def _kept(member: int, *columns: Any) -> Select[Any]:
    """What is kept for this member and still to be read."""
    return (
        select(*columns)
        .outerjoin(Announcement, Announcement.id == Outbox.announcement_id)
        .where(text("outbox.state = 'deferred'"), Outbox.member_id == member, ~outbox.is_muted_now())
        .where(func.coalesce(Announcement.state, "") != "cancelled")
    )


def _fitting(sizes: list[int], room: int) -> int:
    """How many of the first fit together; one at least."""
    taken, count = 0, 0
    for size in sizes:
        taken += size
        if count and taken > room:
            break
        count += 1
    return count


def _size(row: Any) -> int:
    texts = (row.text, row.text_en)
    return _FRAME_BYTES + max((len(text.encode()) for text in texts if text is not None), default=_NOTICE_BYTES)


def _words(row: Any) -> Words:
    if row.text is not None:
        return outbox.announced(row.text, row.text_en)
    return Words(row.text_key, wording.from_json(row.params))
