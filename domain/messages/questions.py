"""What people ask the operators in their own words: kept as an alert until somebody answers."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from domain.messages import alerts, outbox
from domain.messages.alerts import OpenAlert
from domain.messages.outbox import Notice
from domain.wording import words

QUESTION: Final = "alert.question"
MOST: Final = 3
"""So many questions of one member may wait at once; operators are not to be flooded by one person."""

LONGEST: Final = 500
"""Characters of a question or an answer."""


def ask(db: Session, member_id: str, name: str, text: str, *, now: datetime) -> bool:
    """Hand a question to all operators; returns whether there was room for it."""
    said = words(QUESTION, name=name or words("answer.somebody"), member=member_id, text=text)
    return any(alerts.raise_alert(db, f"question:{member_id}:{n}", said, now=now) for n in range(1, MOST + 1))


def answer(db: Session, question: OpenAlert, member: int, text: str, *, now: datetime) -> bool:
    """Send an operator's answer to the `member` who asked; returns False if somebody else has answered meanwhile."""
    if not alerts.clear_alert(db, question.key, now=now):
        return False
    told = Notice(f"answer:{question.id}", member, "notice.answer", {"text": text}, "system", outbox.MONEY)
    outbox.put_all(db, [told], now=now)
    return True
