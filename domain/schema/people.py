"""The people: members, their chat accounts, what they do not want to hear."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.roles import ROLES
from domain.schema.base import Base, one_of


class Member(Base):
    """One person, whatever number of chat accounts they use. `sponsor2_id` and `sponsor3_id` are the sponsor's sponsor
    and the one above: the three earners in one read, three levels of downline by three indexes."""

    __tablename__ = "member"
    __table_args__ = (
        one_of("role", *ROLES),
        one_of("status", "active", "suspended", "closed"),
        one_of("mode", "network", "independent"),
        CheckConstraint("sponsor_id <> id", name="not_own_sponsor"),
        # The id stands in the index so that the newest of a level are found in it as well.
        Index("ix_member_sponsor_id", "sponsor_id", "id"),
        Index("ix_member_sponsor2_id", "sponsor2_id", "id"),
        Index("ix_member_sponsor3_id", "sponsor3_id", "id"),
        # Whose evening begins now: few have chosen an hour of their own.
        Index(
            "ix_member_quiet_from",
            "quiet_from",
            sqlite_where=text("quiet_from IS NOT NULL"),
            postgresql_where=text("quiet_from IS NOT NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    role: Mapped[str] = mapped_column(default="customer")
    status: Mapped[str] = mapped_column(default="active")
    operator: Mapped[bool] = mapped_column(default=False)
    sponsor_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    sponsor2_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    sponsor3_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    mode: Mapped[str] = mapped_column(default="network")
    member_class: Mapped[str] = mapped_column("class", default="self_picked_products")
    class_scope: Mapped[str | None]
    split_bp: Mapped[Any | None]  # a list of one to three basis points
    tier: Mapped[str | None]
    buyer_id: Mapped[str | None] = mapped_column(unique=True)  # this person's customer id in the shop
    locale: Mapped[str | None]
    joined_at: Mapped[datetime]
    first_channel: Mapped[str | None]  # where notices go first; none: to the chat used last
    # When promotions wait: minutes of the business day, from first to last; none: as the house has it.
    quiet_from: Mapped[int | None]
    quiet_to: Mapped[int | None]


class Contact(Base):
    """One chat account on one channel; `state` is where the conversation stands."""

    __tablename__ = "contact"
    __table_args__ = (UniqueConstraint("channel", "account"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]  # telegram | wechat | webchat
    account: Mapped[str]
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    name: Mapped[str] = mapped_column(default="")
    locale: Mapped[str | None]
    state: Mapped[Any | None]  # {"form", "step", "data"} and {"menu": [action, …]} for numbered answers
    first_seen_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    unreachable_since: Mapped[datetime | None]  # blocked or gone, until they return


class EntryLink(Base):
    """A link that lets one browser enter the web chat as this member, once; only a hash of its code is kept."""

    __tablename__ = "entry_link"
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]


class Mute(Base):
    """Which kind of notice a member does not want: business, of it the tasks alone, or promotion (system notices cannot
    be muted)."""

    __tablename__ = "mute"
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)


class MemberTag(Base):
    """A word that operators put on members to find them by."""

    __tablename__ = "member_tag"
    __table_args__ = (Index("ix_member_tag_tag", "tag", "member_id"),)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)


class ChannelCode(Base):
    """The code that joins another chat to a member: one at a time, used once, of which only a hash is stored."""

    __tablename__ = "channel_code"
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))  # the chat that asked for it
    hash: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime]


class WrongCode(Base):
    """How many codes that lead nowhere were tried on a chat since a time: whoever guesses has to stop."""

    __tablename__ = "wrong_code"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    tries: Mapped[int]
    since: Mapped[datetime]
