"""The quota book: how many messages WeChat still takes for each person, opened by what they do, spent before each call.

A message opens five for 48 hours; a tap on the menu, a follow or a scan three for one minute; each consent one notice
of its template. Direct replies cost nothing and do not stand here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.orm import Session

from domain.schema import Allowance, Contact, Outbox
from domain.sql import insert_ignore, upsert

MESSAGE: Final = "message"
TAP: Final = "tap"
WINDOWS: Final = {MESSAGE: (timedelta(hours=48), 5), TAP: (timedelta(minutes=1), 3)}
"""How long what somebody does lets us write to them, and how often."""

CONSENT_LIFE: Final = timedelta(days=365)  # WeChat sets no end; what lies for a year is forgotten by everybody


@dataclass(frozen=True, slots=True)
class Spent:
    """One message taken out of the book. `closes_at` tells the window it came from: a newer one is not touched."""

    contact_id: int
    kind: str
    closes_at: datetime


def subscription(template_id: str) -> str:
    """The kind of one consent to a notice of this template."""
    return f"subscription:{template_id}"


def open_window(db: Session, contact_id: int, kind: str, *, now: datetime) -> None:
    """The person has just written (message) or tapped, followed or scanned (tap): counting begins anew."""
    life, count = WINDOWS[kind]
    row = {"contact_id": contact_id, "kind": kind, "closes_at": now + life, "left": count}
    upsert(db, Allowance, [row], key=["contact_id", "kind"], change=["closes_at", "left"])


def consented(db: Session, contact_id: int, template_id: str, *, now: datetime) -> None:
    """The person has agreed to one more notice of this template."""
    kind = subscription(template_id)
    row = {"contact_id": contact_id, "kind": kind, "closes_at": now + CONSENT_LIFE, "left": 0}
    insert_ignore(db, Allowance, [row], key=["contact_id", "kind"])
    db.execute(
        update(Allowance)
        .where(Allowance.contact_id == contact_id, Allowance.kind == kind)
        .values(left=Allowance.left + 1, closes_at=now + CONSENT_LIFE)
    )


def refused(db: Session, contact_id: int, template_id: str) -> None:
    """The person wants no more notices of this template."""
    these = (Allowance.contact_id == contact_id, Allowance.kind == subscription(template_id))
    db.execute(update(Allowance).where(*these).values(left=0))


def left_account(db: Session, account: str) -> None:
    """The person does not follow any more: whatever was open is shut."""
    mine = select(Contact.id).where(Contact.channel == "wechat", Contact.account == account).scalar_subquery()
    db.execute(update(Allowance).where(Allowance.contact_id == mine, Allowance.left > 0).values(left=0))


def open_kinds(db: Session, contact_id: int, *, now: datetime) -> list[str]:
    """Return the kinds of which there is something left, what closes first before what lasts."""
    return list(
        db.scalars(
            select(Allowance.kind)
            .where(Allowance.contact_id == contact_id, Allowance.left > 0, Allowance.closes_at > now)
            .order_by(Allowance.closes_at, Allowance.kind)
        )
    )


def spend(db: Session, contact_id: int, kinds: Sequence[str], *, now: datetime) -> Spent | None:
    """Take one message out of the first of `kinds` that has any; None if none has."""
    for kind in kinds:
        closes_at = db.scalar(
            update(Allowance)
            .where(
                Allowance.contact_id == contact_id,
                Allowance.kind == kind,
                Allowance.left > 0,
                Allowance.closes_at > now,
            )
            .values(left=Allowance.left - 1)
            .returning(Allowance.closes_at)
        )
        if closes_at is not None:
            return Spent(contact_id, kind, closes_at)
    return None


def give_back(db: Session, spent: Spent) -> None:
    """What was taken surely was not sent."""
    db.execute(update(Allowance).where(*_same(spent)).values(left=Allowance.left + 1))


def close(db: Session, spent: Spent) -> None:
    """WeChat counts otherwise: nothing is left where this was taken from."""
    db.execute(update(Allowance).where(*_same(spent)).values(left=0))


def _same(spent: Spent) -> tuple[Any, ...]:
    return (
        Allowance.contact_id == spent.contact_id,
        Allowance.kind == spent.kind,
        Allowance.closes_at == spent.closes_at,
    )


def note_route(db: Session, key: str, route: str | None) -> None:
    """Keep with the message of the outbox that has this key by which route it goes; None: no route was open."""
    db.execute(update(Outbox).where(Outbox.key == key).values(route=route))


def route_of(db: Session, key: str) -> str | None:
    """Return the route that was noted for the message with this key."""
    return db.scalar(select(Outbox.route).where(Outbox.key == key))


def forget_closed(db: Session, limit: int, *, before: datetime) -> int:
    """Take up to `limit` entries out of the book that closed before `before`, and return how many."""
    old = (select(Allowance.contact_id, Allowance.kind).where(Allowance.closes_at < before).limit(limit)).subquery()
    these = tuple_(Allowance.contact_id, Allowance.kind).in_(select(old))
    return len(db.execute(delete(Allowance).where(these).returning(Allowance.kind)).all())
