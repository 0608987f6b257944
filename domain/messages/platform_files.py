"""Files that a platform has from us already, so that the same picture is uploaded once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, or_, select, tuple_
from sqlalchemy.orm import Session

from domain.schema import PlatformFile
from domain.sql import upsert


def get(db: Session, account: str, content_key: str, *, now: datetime) -> str | None:
    """Return the platform's id of this content, None if it never had it or has forgotten it."""
    return db.scalar(
        select(PlatformFile.file_id).where(
            PlatformFile.account == account,
            PlatformFile.content_key == content_key,
            or_(PlatformFile.expires_at.is_(None), PlatformFile.expires_at > now),
        )
    )


def put(db: Session, account: str, content_key: str, file_id: str, *, expires_at: datetime | None = None) -> None:
    """Remember under which id the platform knows this content; `expires_at` none: for ever."""
    row = {"account": account, "content_key": content_key, "file_id": file_id, "expires_at": expires_at}
    upsert(db, PlatformFile, [row], key=["account", "content_key"], change=["file_id", "expires_at"])


def forget(db: Session, account: str, content_key: str) -> None:
    """The platform does not know this content any more."""
    db.execute(delete(PlatformFile).where(PlatformFile.account == account, PlatformFile.content_key == content_key))


def forget_expired(db: Session, limit: int, *, before: datetime) -> int:
    """Forget up to `limit` files whose time was over before `before`, and return how many."""
    old = (
        select(PlatformFile.account, PlatformFile.content_key).where(PlatformFile.expires_at < before).limit(limit)
    ).subquery()
    these = tuple_(PlatformFile.account, PlatformFile.content_key).in_(select(old))
    return len(db.execute(delete(PlatformFile).where(these).returning(PlatformFile.content_key)).all())
