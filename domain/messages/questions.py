"""What people ask the operators in their own words: kept as an alert until somebody answers."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.messages import alerts, outbox
from domain.messages.alerts import OpenAlert
from domain.messages.outbox import Notice
from domain.schema import Alert, Member, Outbox
from domain.wording import words

QUESTION: Final = "alert.question"
MOST: Final = 3
"""So many questions of one member may wait at once; operators are not to be flooded by one person."""

LONGEST: Final = 500
"""Characters of a question or an answer."""


def ask(db: Session, member_id: str, name: str, text: str, *, now: datetime) -> bool:
    """Hand a question to all operators; returns whether there was room for it."""
    said = words(QUESTION, name=name or words("answer.somebody"), member=member_id, text=text)
    return any(alerts.raise_alert(db, key, said, now=now) for key in _keys(member_id))


def answer(db: Session, question: OpenAlert, text: str, *, now: datetime) -> str | None:
    """Send an operator's answer to whoever asked, and return who that is by now.

    None if there is nobody to be answered, or somebody else has done so meanwhile. Raises RuntimeError rather than let
    an answer that was not put down be taken for one that is on its way.
    """
    if not alerts.clear_alert(db, question.key, now=now):
        return None
    # Read once the question is ours: until then who asked may have become another member.
    asked = db.execute(select(Alert.params).where(Alert.id == question.id)).scalar_one()
    member = db.scalar(select(Member.id).where(Member.member_id == asked["member"]))
    if member is None:
        return None
    told = Notice(f"answer:{question.id}", member, "notice.answer", {"text": text}, "system", outbox.MONEY)
    outbox.put_all(db, [told], now=now)
    ours = (Outbox.key == told.key, Outbox.member_id == member, Outbox.created_at == now)
    if db.scalar(select(Outbox.id).where(*ours)) is None:
        raise RuntimeError(f"the outbox has another {told.key}")
    return str(asked["member"])


def pass_on(db: Session, gone: str, stays: str) -> None:
    """Whoever asked as `gone` is `stays` from now on: there the answers go."""
    open_ = (Alert.key.in_(_keys(gone)), Alert.cleared_at.is_(None))
    for row in db.execute(select(Alert.id, Alert.params).where(*open_).order_by(Alert.id).with_for_update()):
        db.execute(update(Alert).where(Alert.id == row.id).values(params={**row.params, "member": stays}))


def _keys(member_id: str) -> list[str]:
    return [f"question:{member_id}:{n}" for n in range(1, MOST + 1)]
