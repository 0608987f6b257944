"""Chats that look at how an announcement goes: whose newest screen it is, until they go elsewhere or it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, select, tuple_
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


def watched(db: Session, contact_id: int | None = None) -> tuple[Sequence[Watched], Sequence[tuple[int, int]]]:
    """Return the screens that are still the newest of their chat, and (contact, announcement) of those that are not.

    Of all chats, or one. A progress screen can be told by the button that stops the announcement.
    """
    which = () if contact_id is None else (LiveScreen.contact_id == contact_id,)
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
        .where(*which)
    ).all()
    here, gone = [], []
    for row in rows:
        menu = (row.state or {}).get("menu") or ()
        if row.may_look and f"announce_stop:{row.announcement_id}" in menu:
            here.append(Watched(*row[:7]))
        else:
            gone.append((row.contact_id, row.announcement_id))
    return here, gone


def forget(db: Session, screens: Collection[tuple[int, int]]) -> None:
    """Forget these, by contact and announcement: a chat may look at another one by now."""
    db.execute(delete(LiveScreen).where(tuple_(LiveScreen.contact_id, LiveScreen.announcement_id).in_(screens)))
