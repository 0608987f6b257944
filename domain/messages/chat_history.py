"""What was said in the web chat, by both sides: kept in the transaction of its cause, read by its owner only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from domain import wording
from domain.errors import NotFound
from domain.schema import ChatMessage, Contact, Member
from domain.wording import Words

CHANNEL: Final = "webchat"
_NEAR: Final = 20  # messages among which a screen that changes by itself is looked for


@dataclass(frozen=True, slots=True)
class ChatLine:
    """One message. `outgoing` was said by us; `body` is what the channel needs to show it again in any language."""

    id: int
    outgoing: bool
    body: Mapping[str, Any]
    at: datetime


def keep(db: Session, contact_id: int, *, outgoing: bool, body: Mapping[str, Any], now: datetime) -> ChatLine:
    """Write down one message and return it with its id."""
    row = {"contact_id": contact_id, "outgoing": outgoing, "body": dict(body), "at": now}
    return ChatLine(
        db.execute(insert(ChatMessage).values(row).returning(ChatMessage.id)).scalar_one(), outgoing, body, now
    )


def notice(said: Words) -> dict[str, Any]:
    """The body of something that we say by ourselves."""
    return {"body": [[said.key, wording.to_json(said.params)]], "choices": [], "picture": None, "edit": True}


def before(db: Session, contact_id: int, message_id: int | None, *, limit: int) -> list[ChatLine]:
    """Return up to `limit` messages before `message_id` (the newest ones without it), the oldest first."""
    wanted = _of(contact_id).order_by(ChatMessage.id.desc()).limit(limit)
    if message_id is not None:
        wanted = wanted.where(ChatMessage.id < message_id)
    return [ChatLine(*row) for row in db.execute(wanted)][::-1]


def after(db: Session, contact_id: int, message_id: int, *, limit: int) -> list[ChatLine]:
    """Return up to `limit` messages after `message_id`, the oldest first."""
    wanted = _of(contact_id).where(ChatMessage.id > message_id).order_by(ChatMessage.id).limit(limit)
    return [ChatLine(*row) for row in db.execute(wanted)]


def message(db: Session, contact_id: int, message_id: int) -> ChatLine:
    """Return one message of this chat; another's is answered like a missing one, by NotFound."""
    row = db.execute(_of(contact_id).where(ChatMessage.id == message_id)).one_or_none()
    if row is None:
        raise NotFound()
    return ChatLine(*row)


def replace(db: Session, contact_id: int, action: str, body: Mapping[str, Any]) -> int | None:
    """Let the newest screen of ours with a button for `action` say something else; return its id, none without one."""
    for line in reversed(before(db, contact_id, None, limit=_NEAR)):
        choices = [choice for row in line.body.get("choices", ()) for choice in row]
        if line.outgoing and any(choice.get("action") == action for choice in choices):
            db.execute(update(ChatMessage).where(ChatMessage.id == line.id).values(body=dict(body)))
            return line.id
    return None


def _of(contact_id: int) -> Any:
    return select(ChatMessage.id, ChatMessage.outgoing, ChatMessage.body, ChatMessage.at).where(
        ChatMessage.contact_id == contact_id
    )


def newest(db: Session) -> int:
    """Return the id of the newest message in any chat; 0 without one."""
    return db.scalar(select(func.max(ChatMessage.id))) or 0


def chats_since(db: Session, message_id: int) -> Sequence[tuple[int, int]]:
    """Return (message, chat) of everything that was said after `message_id` in any chat."""
    rows = db.execute(
        select(ChatMessage.id, ChatMessage.contact_id).where(ChatMessage.id > message_id).order_by(ChatMessage.id)
    )
    return [(row.id, row.contact_id) for row in rows]


def keep_all(db: Session, rows: Collection[tuple[int, bool, Mapping[str, Any], datetime]]) -> None:
    """Write down many messages, each with its chat, whether we said it, its body and its time."""
    if rows:
        db.execute(
            insert(ChatMessage.__table__),  # type: ignore[arg-type]
            [{"contact_id": chat, "outgoing": ours, "body": dict(body), "at": at} for chat, ours, body, at in rows],
        )


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose chat it is, and the languages they chose, if any. `answered`: they were given an answer before."""

    contact_id: int
    contact_locale: str | None
    member_locale: str | None
    member_id: str | None
    name: str
    role: str
    operator: bool
    answered: bool


def owner(db: Session, account: str) -> Owner | None:
    """Return who talks on this web chat account; None for somebody who has never said anything."""
    row = db.execute(
        select(
            Contact.id,
            Contact.locale,
            Member.locale.label("member_locale"),
            Member.member_id,
            func.coalesce(Member.name, Contact.name).label("name"),
            Member.role,
            Member.operator,
            Contact.state,
        )
        .outerjoin(Member, Member.id == Contact.member_id)
        .where(Contact.channel == CHANNEL, Contact.account == account)
    ).one_or_none()
    if row is None:
        return None
    role, answered = row.role or "visitor", bool(row.state)
    return Owner(
        row.id, row.locale, row.member_locale, row.member_id, row.name or "", role, bool(row.operator), answered
    )
