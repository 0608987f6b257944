"""How a paid order is kept: the order, its lines with all that decided about them, its commissions, its binding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from domain.bulk import insert_all
from domain.money import bookkeeping
from domain.money.commission import LineShares
from domain.money.commission import OrderLine as PaidLine
from domain.money.order_batch import Batch
from domain.money.plan import Plan
from domain.sales import attribution
from domain.sales.earners import Person
from domain.sales.order_data import Event
from domain.schema import Binding, Commission, Order, OrderLine

SELF_PURCHASE: Final = "self_purchase"
"""Why an order is held when its buyer is the credited distributor."""

_NOBODY: Final = attribution.Decision(None, None, "credit_nobody")


class Goods(NamedTuple):
    """A product as it stands when it is sold. `cost` is per piece in `currency`."""

    sku: str
    name: str
    name_en: str | None
    brand: str | None
    category: str | None
    cost: int | None
    currency: str


@dataclass(slots=True)
class Sale:
    """One payment on its way into the record, with what was decided about it."""

    event: Event
    lines: list[PaidLine]
    rate: Decimal
    plan_id: int | None
    plan: Plan | None
    decision: attribution.Decision = _NOBODY
    credited: Person | None = None
    ref: Person | None = None  # the live member whose code it carried
    chain: list[Person] = field(default_factory=list)  # the credited member and who stands above
    shares: list[LineShares] = field(default_factory=list)
    earned: dict[int, int] = field(default_factory=dict)  # by member, on the whole order
    self_purchase: bool = False

    @property
    def held(self) -> bool:
        wanted = self.self_purchase and self.plan is not None and self.plan.self_purchase == "hold"
        return wanted and bool(self.earned)


def write(db: Session, sales: Sequence[Sale], products: Mapping[str, Goods], batch: Batch) -> None:
    """Insert all of `sales`, each kind of row in one statement, and put what is earned into the batch."""
    orders = [_order(sale, batch.now) for sale in sales]
    ids = {row.order_id: row.id for row in insert_all(db, Order, orders, returning=["id", "order_id"])}
    numbered = [(sale, ids[sale.event.order_id]) for sale in sales]
    insert_all(db, OrderLine, [row for sale, order in numbered for row in _lines(sale, order, products)])
    insert_all(db, Commission, [row for sale, order in numbered for row in _commissions(sale, order)])
    insert_all(db, Binding, [_binding(sale, order) for sale, order in numbered if sale.decision.binds is not None])
    for sale in sales:
        if sale.earned:
            batch.post(bookkeeping.earned(sale.event.order_id, sale.earned, batch.currency), sale.event.at)


def _order(sale: Sale, now: datetime) -> dict[str, Any]:
    data, held = sale.event.data, sale.held
    return {
        "order_id": sale.event.order_id,
        "buyer_id": data["buyer_id"],
        "ref": data["ref"],
        "sales_channel": data["channel"],
        "payment": data["payment"],
        "currency": data["currency"],
        "rate": str(sale.rate),
        "amount": sum(item["amount"] for item in data["items"]),
        "shipping": data["shipping"],
        "paid_at": sale.event.at,
        "credited_id": sale.decision.credited,
        "credit_reason": sale.decision.reason,
        "plan_id": sale.plan_id,
        "freeze_days": sale.plan.freeze_days if sale.plan else 0,
        "decision": "held" if held else "none",
        "decision_reason": SELF_PURCHASE if held else None,
        "decisions": 0,
        "recorded_at": now,
    }


def _lines(sale: Sale, order: int, products: Mapping[str, Goods]) -> list[dict[str, Any]]:
    kept = {line.line: line for line in sale.shares}
    rows = []
    for line in sale.lines:
        shares = kept.get(line.line)
        captured = {**shares.captured.to_json(), "cost_currency": products[line.sku].currency} if shares else None
        rows.append(
            {
                "order_id": order,
                "line": line.line,
                "sku": line.sku,
                "quantity": line.quantity,
                "amount": line.amount,
                "refunded_quantity": 0,
                "refunded_amount": 0,
                "captured": captured,
                "trace": shares.trace if shares else None,
            }
        )
    return rows


def _commissions(sale: Sale, order: int) -> list[dict[str, Any]]:
    return [
        {
            "order_id": order,
            "line": line.line,
            "level": share.level,
            "member_id": share.member_id,
            "base": share.base,
            "rate_bp": share.rate_bp,
            "amount": share.amount,
            "reversed": 0,
            "earned_at": sale.event.at,
        }
        for line in sale.shares
        for share in line.shares
    ]


def _binding(sale: Sale, order: int) -> dict[str, Any]:
    return {
        "order_id": order,
        "buyer_id": sale.event.data["buyer_id"],
        "member_id": sale.decision.binds,
        "bound_at": sale.event.at,
    }
