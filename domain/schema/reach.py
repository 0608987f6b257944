"""What a platform lets us do and remembers for us: messages still free to send, files uploaded, codes for scanning."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.schema.base import Base, one_of

_OPEN = "state IN ('ordered', 'sending')"


class Allowance(Base):
    """How many messages of a kind a platform still takes for somebody, and until when.

    `kind` is message or tap (what the person did last), subscription:TEMPLATE, mass:2026-11 or mass:2026-11-23.
    """

    __tablename__ = "allowance"
    __table_args__ = (CheckConstraint('"left" >= 0', name="left"),)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    closes_at: Mapped[datetime]
    left: Mapped[int]


class PlatformFile(Base):
    """A file that an account of ours has uploaded already: equal content, equal `content_key`."""

    __tablename__ = "platform_file"
    account: Mapped[str] = mapped_column(primary_key=True)
    content_key: Mapped[str] = mapped_column(primary_key=True)
    file_id: Mapped[str]
    expires_at: Mapped[datetime | None]  # none: the platform keeps it


class SceneCode(Base):
    """A code of a WeChat account that leads whoever scans it to the account with a link's code; `url` is drawn."""

    __tablename__ = "scene_code"
    account: Mapped[str] = mapped_column(primary_key=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("link.id"), primary_key=True)
    url: Mapped[str]
    expires_at: Mapped[datetime | None]  # none: permanent, of which an account has 100,000 for ever


class MassSend(Base):
    """One mass message of an announcement to those of one language whom no other way reached.

    `key` is WeChat's clientmsgid: the same message is taken once within a day of `tried_at`.
    """

    __tablename__ = "mass_send"
    __table_args__ = (
        one_of("state", "ordered", "sending", "sent", "failed", "unknown"),
        Index("ix_mass_send_open", "id", sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
        Index("ix_mass_send_announcement_id", "announcement_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    announcement_id: Mapped[int] = mapped_column(ForeignKey("announcement.id"))
    locale: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default="ordered")
    recipients: Mapped[int] = mapped_column(default=0)
    delivered: Mapped[int | None]  # what WeChat counted in the end
    platform_id: Mapped[str | None]
    error: Mapped[str | None]
    ordered_by: Mapped[str]
    ordered_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
