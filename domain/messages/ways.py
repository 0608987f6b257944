"""Which of a member's chats a notice goes to: the channel they chose comes first, then the chat used last.

Money, parcels and what the system must say try every chat in this order. Tasks and announcements keep to the first
channel, if one was chosen: where it cannot take them they are kept for the next contact.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, exists, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from domain.schema import Contact, Member, Outbox

PATIENT: Final = 40
"""The priority of tasks; what has this or a larger one can wait."""


def goes_further(category: Any, priority: Any) -> Any:
    """Whether a notice that one chat does not take goes to the next: of values, and in SQL of columns alike."""
    return (category == "system") | ((category == "business") & (priority < PATIENT))


def in_order(chat: Any, member: Any) -> tuple[ColumnElement[Any], ...]:
    preferred = case((chat.channel == member.first_channel, 1), else_=0)
    return preferred.desc(), chat.seen_at.desc(), chat.id.desc()


def first_chat(channels: Collection[str]) -> ScalarSelect[int]:
    """SQL for a row of the outbox: the reachable chat on one of `channels` that it goes to, or none.

    A chosen channel that is switched off, or where the member has no chat, is as good as not chosen.
    """
    there = aliased(Contact)
    usable = exists().where(
        there.member_id == Member.id, there.channel == Member.first_channel, there.channel.in_(channels)
    )
    anywhere = goes_further(Outbox.category, Outbox.priority)
    return (
        select(Contact.id)
        .join(Member, Member.id == Contact.member_id)
        .where(
            Contact.member_id == Outbox.member_id,
            Contact.unreachable_since.is_(None),
            Contact.channel.in_(channels),
            or_(Member.first_channel.is_(None), Contact.channel == Member.first_channel, anywhere, ~usable),
        )
        .order_by(*in_order(Contact, Member))
        .limit(1)
        .scalar_subquery()
    )


def next_chat(db: Session, member: int, after: int, channels: Collection[str]) -> tuple[int, str] | None:
    """Return contact and channel of the member's reachable chat that comes after the contact `after`."""
    chats = db.execute(
        select(Contact.id, Contact.channel, Contact.unreachable_since)
        .join(Member, Member.id == Contact.member_id)
        .where(Contact.member_id == member)
        .order_by(*in_order(Contact, Member))
    ).all()
    at = next((number for number, chat in enumerate(chats, 1) if chat.id == after), len(chats))
    for chat in chats[at:]:
        if chat.unreachable_since is None and chat.channel in channels:
            return chat.id, chat.channel
    return None


def forget(db: Session, contacts: Collection[int]) -> None:
    """These chats are somebody else's now: what waits to go there looks for another way."""
    db.execute(
        update(Outbox)
        .where(and_(text("outbox.state = 'queued'"), Outbox.contact_id.in_(contacts)))
        .values(contact_id=None, channel=None)
    )
