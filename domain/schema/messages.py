"""Messages in and out: inbox, announcements, outbox, the web chat's own history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.schema.base import Base, one_of

OUTBOX_STATES = ("queued", "sending", "sent", "failed", "unknown", "cancelled", "deferred", "muted")

UNDER_WAY = "(state = 'sending' OR (state = 'queued' AND taken IS NOT NULL))"
"""Being sent, or taken before and waiting for its time: nothing else may overtake it on the way to the same chat."""


ANSWER_OPEN = "answer_state IN ('waiting', 'sending')"
"""An answer of which nobody has said yet what became of it."""


def _while(condition: str) -> dict[str, Any]:
    """An index over the few rows that are still to be worked on."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Inbox(Base):
    """An update that was handled, with the answer it got: a repetition gets the same answer and changes nothing."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("channel", "update_key"),
        Index("ix_inbox_open", "channel", "id", **_while(ANSWER_OPEN)),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    update_key: Mapped[str]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    received_at: Mapped[datetime]
    member_id: Mapped[int | None]  # whose chat it was when it was answered: nobody else is shown the answer
    answer: Mapped[Any | None]
    answer_state: Mapped[str] = mapped_column(default="sending")  # waiting | sending | sent | failed | unknown | kept


class UsedSignature(Base):
    """A signature that does not cover its message, and the hash of the message that came with it."""

    __tablename__ = "used_signature"
    signature: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[str]
    used_at: Mapped[datetime] = mapped_column(index=True)


class Announcement(Base):
    """One text to an audience; `reached_id` is the last member that has its outbox row, `until_id` of one that was
    cancelled the last member there was by then: between the two are those who were left without a row.

    With a `text_en`, that is for those who read English and `text` is Chinese; else `text` is for everybody. `audience`
    is a name; `criteria` says who that was when it was chosen, none for the names that never change.
    """

    __tablename__ = "announcement"
    __table_args__ = (one_of("state", "scheduled", "queueing", "queued", "cancelled"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    text_en: Mapped[str | None]
    audience: Mapped[str]
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="scheduled")
    reached_id: Mapped[int] = mapped_column(default=0)
    until_id: Mapped[int | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    criteria: Mapped[Any | None]
    kind: Mapped[str | None]  # system | business; none: promotion
    urgent: Mapped[bool | None]  # quiet hours do not hold it up
    sku: Mapped[str | None]  # the product whose picture comes with it
    resend_of: Mapped[int | None]  # the id of the first of them, never of another
    told_at: Mapped[datetime | None]  # when its result was told to whoever sent it


class Audience(Base):
    """Whom operators write to, described once and kept under a name."""

    __tablename__ = "audience"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    criteria: Mapped[Any]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class LiveScreen(Base):
    """A chat whose newest screen shows how an announcement goes, and is kept up to date while it stays there."""

    __tablename__ = "live_screen"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id"))
    message: Mapped[str | None]  # the platform's id of the message that is the screen


class Outbox(Base):
    """One notice to one member, put there in the transaction that caused it. `key` is the event and the recipient."""

    __tablename__ = "outbox"
    __table_args__ = (
        one_of("state", *OUTBOX_STATES),
        one_of("category", "system", "business", "promotion"),
        Index("ix_outbox_waiting", "channel", "priority", "id", **_while("state = 'queued'")),
        # The channel in front is always the same: so SQLite prefers it to the index before.
        Index("ix_outbox_later", "channel", "not_before", **_while("channel = 'later' AND state = 'queued'")),
        Index("ix_outbox_under_way", "contact_id", **_while(UNDER_WAY)),
        Index("ix_outbox_unknown", "id", **_while("state = 'unknown'")),
        Index("ix_outbox_kept", "member_id", "id", **_while("state = 'deferred'")),
        Index("ix_outbox_member_id_announcement_id", "member_id", "announcement_id"),
        Index("ix_outbox_announcement_id_state", "announcement_id", "state"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    text_key: Mapped[str]
    params: Mapped[Any]
    picture: Mapped[Any | None]  # its kind and what is on it
    category: Mapped[str]
    priority: Mapped[int]  # smaller goes first: money 20, tasks 40, announcements 50 to 60
    announcement_id: Mapped[int | None] = mapped_column(ForeignKey("announcement.id"))
    state: Mapped[str] = mapped_column(default="queued")
    channel: Mapped[str | None]  # with contact_id: the way it goes, none until that is chosen, `later` while it sleeps
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    not_before: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int | None]  # how often it was taken for sending: only its last taker may say what became of it
    error: Mapped[str | None]
    route: Mapped[str | None]  # where a channel has several: how it went
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ChatMessage(Base):
    """What the web chat page shows: both sides, so that a reload or a restart loses nothing."""

    __tablename__ = "chat_message"
    __table_args__ = (Index("ix_chat_message_contact_id_id", "contact_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    outgoing: Mapped[bool]
    body: Mapped[Any]
    at: Mapped[datetime]
