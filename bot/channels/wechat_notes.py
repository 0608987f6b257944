"""What WeChat tells without waiting for an answer: who left, who agreed to a notice, how a mass message came out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from bot.channels.wechat_letters import CHANNEL, Letter
from domain.messages import allowances, conversations, mass


def note(db: Session, *, letter: Letter, now: datetime) -> None:
    """Write down what an event says; the same event once more changes nothing."""
    if letter.left:
        conversations.left(db, CHANNEL, letter.person, now=now)
        allowances.left_account(db, letter.person)
    if letter.consents:
        _agreed(db, letter, now)
    if letter.mass is not None:
        mass.reported(db, letter.mass.platform_id, letter.mass.status, letter.mass.delivered, now=now)


def _agreed(db: Session, letter: Letter, now: datetime) -> None:
    standing = conversations.find(db, CHANNEL, letter.person, letter.key)
    if standing is None:
        conversations.meet(db, CHANNEL, letter.person, name="", locale=None, now=now)
        standing = conversations.find(db, CHANNEL, letter.person, letter.key)
    if standing is None or standing.answered:
        return
    conversations.answered(db, CHANNEL, letter.key, standing.contact_id, None, answer_state="sent", now=now)
    for template, agreed in letter.consents:
        if agreed:
            allowances.consented(db, standing.contact_id, template, now=now)
        else:
            allowances.refused(db, standing.contact_id, template)


def opened(db: Session, contact_id: int, *, letter: Letter, now: datetime) -> None:
    """The update opens a window of the quota book; called in the transaction that handles it."""
    if letter.opens is not None:
        allowances.open_window(db, contact_id, letter.opens, now=now)
