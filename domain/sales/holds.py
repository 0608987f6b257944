"""What an operator decides about the commissions of one order: hold them, let them go, or deny them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from domain import audit_log
from domain.errors import Invalid, NotFound, Refusal
from domain.money import commissions, ledger
from domain.money.bookkeeping import EntryKind, entry_key
from domain.money.order_batch import Batch
from domain.sales.order_events import order_lock
from domain.schema import Commission, Order
from domain.schema.sales import ORDER_HELD
from domain.sql import one_at_a_time

MAX_REASON: Final = 500

_HELD: Final = text(ORDER_HELD)


class NothingToDecide(Refusal):
    """The order brings nobody a commission that this decision could change."""

    code = "nothing_to_decide"


class NotHeld(Refusal):
    """Only what is held or denied can be released."""

    code = "not_held"


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order whose commissions wait for a decision; `amount` without shipping, in the order's `currency`."""

    id: int
    order_id: str
    paid_at: datetime
    currency: str
    amount: int
    reason: str


def count_held(db: Session) -> int:
    """Return how many orders wait for a decision about their commissions."""
    return db.scalar(select(func.count()).select_from(Order).where(_HELD)) or 0


def held_orders(db: Session, *, after: int | None = None, limit: int) -> list[HeldOrder]:
    """Return the orders that wait for a decision, those heard of first in front; those after the order `after`."""
    wanted = (
        select(Order.id, Order.order_id, Order.paid_at, Order.currency, Order.amount, Order.decision_reason)
        .where(_HELD)
        .order_by(Order.id)
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(Order.id > after)
    return [HeldOrder(*row[:5], reason=row[5] or "") for row in db.execute(wanted)]


def hold(db: Session, order_id: str, reason: str, *, actor: str, now: datetime) -> None:
    """Keep the order's commissions from becoming payable until they are released. Holding what is held changes nothing.

    Raises NothingToDecide if all of them are payable already, taken back or denied.
    """
    order = _order(db, order_id)
    if order.decision == "held":
        return
    if order.decision == "denied" or not any(row.left and row.settled_as_of is None for row in _left(db, order.id)):
        raise NothingToDecide(order_id=order_id)
    _decide(db, order, "held", reason, actor, now)
    commissions.schedule(db, order.id)


def release(db: Session, order_id: str, reason: str, *, actor: str, now: datetime) -> None:
    """Let settlement have what was held; what was denied is given again first. Releasing twice changes nothing.

    Raises NotHeld for an order that is neither.
    """
    order = _order(db, order_id)
    if order.decision == "released":
        return
    if order.decision == "none":
        raise NotHeld(order_id=order_id)
    _decide(db, order, "released", reason, actor, now)
    if order.decision == "denied":
        _readjust(db, order, "restored", False, now)
    commissions.schedule(db, order.id)


def deny(db: Session, order_id: str, reason: str, *, actor: str, now: datetime) -> None:
    """Take back all of the order's commissions, also those that are payable already. Denying twice changes nothing.

    Raises NothingToDecide if there is nothing left to take back.
    """
    order = _order(db, order_id)
    if order.decision == "denied":
        return
    if not any(row.left for row in _left(db, order.id)):
        raise NothingToDecide(order_id=order_id)
    _decide(db, order, "denied", reason, actor, now)
    _readjust(db, order, "denied", True, now)
    commissions.schedule(db, order.id)


def _order(db: Session, order_id: str) -> Any:
    one_at_a_time(db, order_lock(order_id))
    row = db.execute(
        select(Order.id, Order.order_id, Order.decision, Order.decision_reason, Order.decisions).where(
            Order.order_id == order_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound(what="order", id=order_id)
    return row


def _left(db: Session, order: int) -> Sequence[Any]:
    return db.execute(
        select(commissions.LEFT.label("left"), Commission.settled_as_of).where(Commission.order_id == order)
    ).all()


def _decide(db: Session, order: Any, decision: str, reason: str, actor: str, now: datetime) -> None:
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON or "\0" in reason:
        raise Invalid("reason", f"a decision needs a reason of at most {MAX_REASON} characters")
    kept = {"decision": decision, "decision_reason": reason, "decisions": order.decisions + 1}
    db.execute(update(Order).where(Order.id == order.id).values(kept))
    audit_log.record(
        db,
        actor=actor,
        action=f"order.{decision}",
        subject=f"order:{order.order_id}",
        before={"decision": order.decision, "reason": order.decision_reason},
        after={"decision": decision, "reason": reason},
        now=now,
    )


def _readjust(db: Session, order: Any, cause: str, denied: bool, now: datetime) -> None:
    """Post what the decision changes; it is numbered, since whoever decides may change their mind."""
    currency = ledger.currency_of(db, entry_key(EntryKind.EARNED, order.order_id))
    if currency is None:
        return
    numbered = (cause, str(order.decisions + 1))
    batch = Batch(now, currency)
    commissions.adjust(db, order.id, order.order_id, numbered, denied=denied, at=now, batch=batch)
    batch.write(db)
