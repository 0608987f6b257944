"""Entering the web chat, which knows nobody by a number: a link that is good once makes a browser a member's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from domain import audit_log, sql
from domain.codes import new_code
from domain.errors import NotFound
from domain.messages.chat_history import CHANNEL
from domain.people import members
from domain.schema import Contact, EntryLink, Member

LIFE: Final = timedelta(hours=24)
_LENGTH: Final = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """Whom an open link lets in."""

    member: int
    member_id: str
    name: str
    role: str
    operator: bool


def make(
    db: Session, member: int, *, actor: str, now: datetime, choose: Callable[[int], str] = new_code
) -> tuple[str, datetime]:
    """Return the code of a fresh link for `member` and when it ends; the one before is of no use any more.

    NotFound for somebody who is not there or has left.
    """
    profile = members.profile(db, member)
    if profile.status == "closed":
        raise NotFound()
    code, until = choose(_LENGTH), now + LIFE
    row = {"member_id": member, "hash": _digest(code), "expires_at": until}
    db.execute(delete(EntryLink).where(EntryLink.expires_at <= now))
    sql.upsert(db, EntryLink, [row], key=["member_id"], change=["hash", "expires_at"])
    audit_log.record(db, actor=actor, action="entry.link", subject=f"member:{profile.member_id}", now=now)
    return code, until


def find(db: Session, code: str, *, now: datetime) -> Entry | None:
    """Return whom the link lets in; None for one that is used, too old or made up."""
    row = db.execute(
        select(Member.id, Member.member_id, Member.name, Member.role, Member.operator)
        .join(EntryLink, EntryLink.member_id == Member.id)
        .where(*_open(code, now), Member.status != "closed")
    ).one_or_none()
    return None if row is None else Entry(*row)


def enter(db: Session, code: str, account: str, *, now: datetime) -> Entry:
    """Make this web chat account the member's and use the link up; NotFound for all but the first who try."""
    found = find(db, code, now=now)
    used = db.execute(delete(EntryLink).where(*_open(code, now)).returning(EntryLink.member_id)).all()
    if found is None or not used:
        raise NotFound()
    contact_id = members.touch_contact(db, CHANNEL, account, now=now)
    db.execute(update(Contact).where(Contact.id == contact_id).values(member_id=found.member))
    who = f"member:{found.member_id}"
    audit_log.record(db, actor=who, action="entry.use", subject=who, now=now)
    return found


def cancel(db: Session, member: int) -> None:
    """Let a link that is still open for the member lead nowhere."""
    db.execute(delete(EntryLink).where(EntryLink.member_id == member))


def _open(code: str, now: datetime) -> tuple[Any, ...]:
    return EntryLink.hash == _digest(code), EntryLink.expires_at > now


def _digest(code: str) -> str:
    """A plain hash is enough: nobody guesses a code of this length."""
    return hashlib.sha256(code.encode()).hexdigest()
