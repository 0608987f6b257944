"""Announcements as the one who got them reads them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.messages.announcements import PREVIEW
from domain.schema import Announcement, Outbox


@dataclass(frozen=True, slots=True)
class Received:
    """An announcement as one member got it; `place` is where it stands among all of theirs."""

    id: int
    text: str
    text_en: str | None
    at: datetime
    sku: str | None
    place: int


def of_member(db: Session, member: int, limit: int = 5, *, before: int | None = None) -> Sequence[Received]:
    """Return the announcements written to this member last, to read back; muted ones are among them.

    `before` is the place of the last one shown.
    """
    older = _received(member).order_by(Outbox.id.desc()).limit(limit)
    return [Received(*row) for row in db.execute(older if before is None else older.where(Outbox.id < before))]


def received(db: Session, member: int, announcement: int) -> Received:
    """Return one announcement that was written to this member; NotFound for any other."""
    row = db.execute(_received(member).where(Announcement.id == announcement).limit(1)).one_or_none()
    if row is None:
        raise NotFound()
    return Received(*row)


def _received(member: int) -> Any:
    return (
        select(Announcement.id, Announcement.text, Announcement.text_en, Announcement.at, Announcement.sku, Outbox.id)
        .join(Outbox, Outbox.announcement_id == Announcement.id)
        .where(Outbox.member_id == member, Outbox.state != "cancelled", Announcement.audience != PREVIEW)
    )
