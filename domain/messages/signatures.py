"""Signatures that say only who sent something and when, not what: each is good for one message."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from domain.schema import UsedSignature
from domain.sql import insert_ignore


def use(db: Session, signature: str, content: str, *, now: datetime) -> bool:
    """Say whether `signature` is used for the first time, or again for the same `content`: then it may be believed."""
    insert_ignore(db, UsedSignature, [{"signature": signature, "content": content, "used_at": now}], key=["signature"])
    return db.scalar(select(UsedSignature.content).where(UsedSignature.signature == signature)) == content


def forget_old(db: Session, limit: int, *, before: datetime) -> int:
    """Forget up to `limit` signatures that were used before `before`, being stale since, and return how many."""
    old = select(UsedSignature.signature).where(UsedSignature.used_at < before).limit(limit).subquery()
    gone = delete(UsedSignature).where(UsedSignature.signature.in_(select(old)))
    return len(db.execute(gone.returning(UsedSignature.signature)).all())
