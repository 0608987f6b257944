"""Chats that look at how an announcement goes: whose newest screen it is, until they go elsewhere or it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session

from domain.schema import Contact, LiveScreen, Member
from domain.sql import upsert


@dataclass(frozen=True, slots=True)
class Watched:
    """A screen that is kept up to date; `message` is the platform's id of it, none where it was not edited before."""

    contact_id: int
    announcement: int
    message: str | None
    channel: str
    account: str
    locale: str | None
    member_locale: str | None


def keep(db: Session, contact_id: int, announcement: int, message: str | None) -> None:
    row = {"contact_id": contact_id, "announcement_id": announcement, "message": message}
    upsert(db, LiveScreen, [row], key=["contact_id"], change=["announcement_id", "message"])


def watched(db: Session) -> tuple[Sequence[Watched], Sequence[int]]:
    """Return the screens that are still the newest of their chat, and the chats that have gone elsewhere.

    A progress screen can be told by the button that stops the announcement.
    """
    rows = db.execute(
        select(
            LiveScreen.contact_id,
            LiveScreen.announcement_id,
            LiveScreen.message,
            Contact.channel,
            Contact.account,
            Contact.locale,
            Member.locale.label("member_locale"),
            Contact.state,
            and_(Member.operator, Member.status == "active").label("may_look"),
        )
        .join(Contact, Contact.id == LiveScreen.contact_id)
        .outerjoin(Member, Member.id == Contact.member_id)
    ).all()
    here, gone = [], []
    for row in rows:
        menu = (row.state or {}).get("menu") or ()
        if row.may_look and f"announce_stop:{row.announcement_id}" in menu:
            here.append(Watched(*row[:7]))
        else:
            gone.append(row.contact_id)
    return here, gone


def forget(db: Session, contacts: Collection[int]) -> None:
    db.execute(delete(LiveScreen).where(LiveScreen.contact_id.in_(contacts)))
