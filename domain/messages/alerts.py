"""What an operator must know at once: one open alert for each thing that is wrong, told to every operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from domain import wording
from domain.messages import outbox
from domain.messages.outbox import MONEY, Notice
from domain.schema import Alert, Member
from domain.sql import insert_ignore
from domain.wording import Words, words


@dataclass(frozen=True, slots=True)
class OpenAlert:
    id: int
    key: str
    words: Words
    raised_at: datetime


def raise_alert(db: Session, key: str, said: Words, *, now: datetime) -> bool:
    """Open the alert `key` and tell all operators, unless it is open already. Returns whether it is new."""
    new = insert_ignore(
        db,
        Alert,
        [{"key": key, "text_key": said.key, "params": wording.to_json(said.params), "raised_at": now}],
        returning=["id"],
    )
    if not new:
        return False
    pushed = {"text": said, "advice": words(f"alert_advice.{said.key.removeprefix('alert.')}")}
    operators = db.scalars(select(Member.id).where(Member.operator, Member.status == "active")).all()
    outbox.put_all(
        db,
        [Notice(f"alert:{new[0].id}:{one}", one, "notice.alert", pushed, "system", MONEY) for one in operators],
        now=now,
    )
    return True


def clear_alert(db: Session, key: str, *, now: datetime) -> bool:
    """Close the alert `key`, since what was wrong is right again. Returns whether one was open."""
    closed = db.execute(
        update(Alert).where(Alert.key == key, Alert.cleared_at.is_(None)).values(cleared_at=now).returning(Alert.id)
    )
    return closed.first() is not None


def open_alerts(db: Session, limit: int = 50) -> list[OpenAlert]:
    """Return what is wrong now, the newest first."""
    return [_open(row) for row in db.execute(_OPEN.order_by(Alert.id.desc()).limit(limit))]


_OPEN = select(Alert.id, Alert.key, Alert.text_key, Alert.params, Alert.raised_at).where(Alert.cleared_at.is_(None))


def _open(row: Any) -> OpenAlert:
    return OpenAlert(row.id, row.key, Words(row.text_key, wording.from_json(row.params)), row.raised_at)


def open_alert(db: Session, which: int) -> OpenAlert | None:
    """Return this alert if it is still open."""
    rows = db.execute(_OPEN.where(Alert.id == which)).all()
    return _open(rows[0]) if rows else None


def count_open(db: Session, text_key: str) -> int:
    """Return how many alerts that say `text_key` are open."""
    counted = select(func.count()).where(Alert.cleared_at.is_(None), Alert.text_key == text_key)
    return db.execute(counted).scalar_one()
