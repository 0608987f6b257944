"""The codes by which people scan their way into a WeChat account: made once for a link, kept until they expire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from domain.schema import Link, SceneCode
from domain.sql import upsert

LIFE: Final = timedelta(days=30)
"""WeChat's limit for temporary codes."""

FRESH: Final = timedelta(days=15)
"""A temporary code with less than this left is made anew: what is printed today is to be scanned for a while."""

MOST_PERMANENT: Final = 90_000
"""An account has 100,000 permanent codes for ever; the rest is kept for what people make by hand."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn into the QR code, and until when it works; None: for ever."""

    url: str
    expires_at: datetime | None


def find(db: Session, account: str, code: str, *, permanent: bool, now: datetime) -> Scene | None:
    """Return the account's code for the link with this code, if one is kept that will do."""
    for_ever = SceneCode.expires_at.is_(None)
    good = for_ever if permanent else or_(for_ever, SceneCode.expires_at > now + FRESH)
    row = db.execute(
        select(SceneCode.url, SceneCode.expires_at)
        .join(Link, Link.id == SceneCode.link_id)
        .where(SceneCode.account == account, Link.code == code, good)
    ).one_or_none()
    return None if row is None else Scene(row.url, row.expires_at)


def may_be_permanent(db: Session, account: str) -> bool:
    """Say whether the account has permanent codes left to give away."""
    used = db.scalar(select(func.count()).where(SceneCode.account == account, SceneCode.expires_at.is_(None))) or 0
    return used < MOST_PERMANENT


def keep(db: Session, account: str, code: str, scene: Scene) -> None:
    """Remember the account's code for the link with this code, in place of an older one."""
    link = db.execute(select(Link.id).where(Link.code == code)).scalar_one()
    row = {"account": account, "link_id": link, "url": scene.url, "expires_at": scene.expires_at}
    upsert(db, SceneCode, [row], key=["account", "link_id"], change=["url", "expires_at"])
