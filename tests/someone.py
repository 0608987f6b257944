"""People for tests: a member in one line, a chat account in another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlalchemy.orm import Session

from domain.schema import Contact, Member

THEN = datetime(2026, 11, 1, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def member(db: Session, member_id: str, role: str = "distributor", **columns: Any) -> int:
    values = {"member_id": member_id, "role": role, "joined_at": THEN} | columns
    return db.execute(insert(Member).values(values).returning(Member.id)).scalar_one()


def chat(
    db: Session, of: int | None, channel: str = "webchat", account: str = "", *, seen: int = 0, **more: Any
) -> int:
    """A chat account of the member `of`, last seen `seen` minutes after the beginning of November."""
    at = THEN + timedelta(minutes=seen)
    values = {
        "channel": channel,
        "account": account or f"{channel}-{of}",
        "member_id": of,
        "first_seen_at": THEN,
        "seen_at": at,
    } | more
    return db.execute(insert(Contact).values(values).returning(Contact.id)).scalar_one()
