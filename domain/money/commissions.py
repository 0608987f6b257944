"""The commissions of recorded orders: the state each is in, when settlement may take it, and what refunds take back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, case, literal, select, update
from sqlalchemy.orm import Session

from domain.messages import notices
from domain.messages.notices import Reader
from domain.money import Money, bookkeeping
from domain.money.bookkeeping import Entry
from domain.money.commission import Captured, after_refund
from domain.money.order_batch import Batch
from domain.money.plan import Levels
from domain.schema import Commission, Member, Order, OrderCase, OrderLine

ESTIMATED, FROZEN, HELD, PAYABLE, REVERSED = "estimated", "frozen", "held", "payable", "reversed"
STATES: Final = (ESTIMATED, FROZEN, HELD, PAYABLE, REVERSED)

STATE: Final = case(
    (Commission.reversed >= Commission.amount, REVERSED),
    (Commission.settled_as_of.is_not(None), PAYABLE),
    (Order.decision == "held", HELD),
    (Order.due_at.is_not(None), FROZEN),
    else_=ESTIMATED,
)
"""The state of a commission, in SQL over Commission joined with its Order. There is no other definition of it."""

LEFT: Final = Commission.amount - Commission.reversed
"""What is due of a commission now, in minor units of the settlement currency."""

_COMMISSION = cast(Table, Commission.__table__)


@dataclass(slots=True)
class _Changes:
    """What an adjustment comes to, summed per member: in pending, in payable, and what is left of the order."""

    pending: dict[int, int] = field(default_factory=dict)
    payable: dict[int, int] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    readers: dict[int, Reader] = field(default_factory=dict)
    rows: list[dict[str, int]] = field(default_factory=list)


def adjust(
    db: Session, order: int, order_id: str, cause: tuple[str, ...], *, denied: bool, at: datetime, batch: Batch
) -> None:
    """Bring the order's commissions to what they come to now, by its lines' totals of refunds; nothing if `denied`.

    Only totals count, so any order and number of refunds ends the same. The differences are posted under `cause`,
    in pending or, for what settlement has made payable, in payable. `settle_at` is for `schedule` to set.
    """
    lines = _due_by_line(db, order, denied)
    changes = _Changes()
    for row in _commissions(db, order):
        due = lines[row.line][row.level - 1]
        left = row.amount - row.reversed
        changes.left[row.member_id] = changes.left.get(row.member_id, 0) + due
        if due != left:
            pool = changes.pending if row.settled_as_of is None else changes.payable
            pool[row.member_id] = pool.get(row.member_id, 0) + due - left
            changes.readers[row.member_id] = Reader(row.member_id, row.external_id)
            changes.rows.append({"its_id": row.id, "its_reversed": row.amount - due})
    if not changes.rows:
        return
    db.connection().execute(
        _COMMISSION.update().where(_COMMISSION.c.id == bindparam("its_id")).values(reversed=bindparam("its_reversed")),
        changes.rows,
    )
    for entry in _entries(order_id, cause, changes, batch.currency):
        batch.post(entry, at)
    for member, reader in sorted(changes.readers.items()):
        change = changes.pending.get(member, 0) + changes.payable.get(member, 0)
        if change:
            money, left_now = Money(change, batch.currency), Money(changes.left[member], batch.currency)
            batch.tell(notices.commission_changed(reader, order_id, cause, money, left_now))


def _due_by_line(db: Session, order: int, denied: bool) -> dict[int, Levels]:
    lines = db.execute(
        select(
            OrderLine.line,
            OrderLine.captured,
            OrderLine.refunded_amount,
            OrderLine.quantity,
            OrderLine.refunded_quantity,
        ).where(OrderLine.order_id == order, OrderLine.captured.is_not(None))
    )
    return {
        line.line: (0, 0, 0)
        if denied
        else after_refund(
            Captured.from_json(line.captured), line.refunded_amount, line.quantity - line.refunded_quantity
        )
        for line in lines
    }


def _commissions(db: Session, order: int) -> Sequence[Any]:
    # Locked, lest settlement make payable meanwhile what is about to be taken back.
    return db.execute(
        select(
            Commission.id,
            Commission.line,
            Commission.level,
            Commission.member_id,
            Commission.amount,
            Commission.reversed,
            Commission.settled_as_of,
            Member.member_id.label("external_id"),
        )
        .join(Member, Member.id == Commission.member_id)
        .where(Commission.order_id == order)
        .order_by(Commission.id)
        .with_for_update(of=Commission, key_share=True)
    ).all()


def _entries(order_id: str, cause: tuple[str, ...], changes: _Changes, currency: str) -> list[Entry]:
    """One entry as a rule; two where a settlement under way has taken some of the order's commissions already."""
    entries = []
    if changes.pending:
        entries.append(bookkeeping.adjusted(order_id, cause, changes.pending, currency, payable=False))
    if changes.payable:
        where = (*cause, "payable") if changes.pending else cause
        entries.append(bookkeeping.adjusted(order_id, where, changes.payable, currency, payable=True))
    return [entry for entry in entries if entry is not None]


def schedule(db: Session, order: int) -> None:
    """Set when settlement may take each commission of the order: what is due at all, at the order's `due_at`.

    Nothing while the order is not completed, held, or has an open after-sales case.
    """
    row = db.execute(select(Order.due_at, Order.decision).where(Order.id == order)).one()
    open_case = select(OrderCase.order_id).where(OrderCase.order_id == order, is_open()).limit(1)
    due_at = row.due_at
    if due_at is not None and (row.decision == "held" or db.scalar(open_case) is not None):
        due_at = None
    when = literal(due_at, Commission.settle_at.type)
    wanted = case((Commission.settled_as_of.is_(None) & (LEFT > 0), when), else_=None)
    db.execute(update(Commission).where(Commission.order_id == order).values(settle_at=wanted))


def is_open() -> Any:
    """SQL: whether an after-sales case was opened later than it was closed."""
    return OrderCase.opened_at.is_not(None) & (
        OrderCase.closed_at.is_(None) | (OrderCase.closed_at < OrderCase.opened_at)
    )
