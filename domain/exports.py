"""What leaves the house as a table: the ledger posting by posting, the orders line by line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from domain.cells import in_whole_units
from domain.money import ledger
from domain.money.ledger import EntryRow
from domain.periods import format_instant
from domain.sales.orders import STATE
from domain.schema import Member, Order, OrderLine

LEDGER: Final = (
    "at",
    "entry",
    "kind",
    "cause",
    "account",
    "member_id",
    "currency",
    "amount",
    "recorded_at",
    "amount_decimal",
)
ORDERS: Final = (
    "paid_at",
    "order_id",
    "state",
    "buyer_id",
    "sales_channel",
    "credited_to",
    "sku",
    "quantity",
    "currency",
    "amount",
    "refunded_quantity",
    "refunded_amount",
    "completed_at",
    "amount_decimal",
    "refunded_decimal",
)

Row = tuple[str | int | Decimal | None, ...]
_AT_ONCE = 1_000


def entries(db: Session, first: datetime | None, last: datetime | None) -> Iterator[EntryRow]:
    """Yield the ledger's entries of [first, last) in the order of writing, a portion at a time."""
    after: int | None = None
    while portion := ledger.entries(db, first=first, last=last, after=after, limit=_AT_ONCE):
        yield from portion
        after = portion[-1].id


def ledger_rows(db: Session, first: datetime | None, last: datetime | None) -> Iterator[Row]:
    """Yield one row for each posting, as `LEDGER` says. Debit is positive; `amount` is minor units."""
    for entry in entries(db, first, last):
        at, recorded_at = format_instant(entry.at), format_instant(entry.recorded_at)
        for posting in entry.postings:
            account = (posting.account, posting.member_id, posting.currency, posting.amount)
            decimal = in_whole_units(posting.amount, posting.currency)
            yield (at, entry.key, entry.kind, entry.cause, *account, recorded_at, decimal)


def order_rows(db: Session, first: datetime | None, last: datetime | None) -> Iterator[Row]:
    """Yield one row for each line of the orders paid in [first, last), as `ORDERS` says. Amounts are minor units, those
    called …_decimal whole ones."""
    line = aliased(OrderLine)  # the state of the order looks at its lines by itself
    wanted = (
        select(
            Order.paid_at,
            Order.order_id,
            STATE,
            Order.buyer_id,
            Order.sales_channel,
            Member.member_id,
            line.sku,
            line.quantity,
            Order.currency,
            line.amount,
            line.refunded_quantity,
            line.refunded_amount,
            Order.completed_at,
        )
        .join(line, line.order_id == Order.id)
        .outerjoin(Member, Member.id == Order.credited_id)
        .order_by(Order.paid_at, Order.id, line.line)
    )
    if first is not None:
        wanted = wanted.where(Order.paid_at >= first)
    if last is not None:
        wanted = wanted.where(Order.paid_at < last)
    for row in db.execute(wanted, execution_options={"yield_per": _AT_ONCE}):
        paid_at, *between, completed_at = row
        decimals = (in_whole_units(amount, row.currency) for amount in (row.amount, row.refunded_amount))
        yield (format_instant(paid_at), *between, completed_at and format_instant(completed_at), *decimals)
