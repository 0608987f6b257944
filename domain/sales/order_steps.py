"""What happens to an order after it was paid: parcels, customs, delivery, completion, refunds, cancellation, cases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, aliased

from domain.bulk import among
from domain.items import FieldError
from domain.messages import notices
from domain.messages.notices import Reader
from domain.money import Money, commissions
from domain.money.order_batch import Batch
from domain.periods import DAY
from domain.sales.order_data import Event, EventInvalid
from domain.schema import Member, Order, OrderCase, OrderLine, Parcel, Refund
from domain.sql import insert_ignore


@dataclass(slots=True)
class Known:
    """A recorded order, as far as later events need it. `customer` and `seller` are members who hear of its steps."""

    id: int
    order_id: str
    currency: str
    paid_at: datetime
    freeze_days: int
    decision: str
    times: dict[str, datetime | None]
    customer: Reader | None
    seller: Reader | None


_TIMES: Final = ("shipped_at", "customs_cleared_at", "delivered_at", "completed_at", "cancelled_at")


_customer, _seller = aliased(Member, name="customer"), aliased(Member, name="seller")
_KNOWN: Final = (
    select(
        Order.id,
        Order.order_id,
        Order.currency,
        Order.paid_at,
        Order.freeze_days,
        Order.decision,
        *(getattr(Order, name) for name in _TIMES),
        _customer.id.label("customer"),
        _customer.member_id.label("customer_id"),
        _seller.id.label("seller"),
        _seller.member_id.label("seller_id"),
    )
    .outerjoin(_customer, _customer.buyer_id == Order.buyer_id)
    .outerjoin(_seller, _seller.id == Order.credited_id)
    .where(among(Order.order_id, "order_ids"))
)


def known(db: Session, order_ids: Collection[str]) -> dict[str, Known]:
    """Return the recorded orders among `order_ids`."""
    if not order_ids:
        return {}
    return {
        row.order_id: Known(
            row.id,
            row.order_id,
            row.currency,
            row.paid_at,
            row.freeze_days,
            row.decision,
            {name: getattr(row, name) for name in _TIMES},
            Reader(row.customer, row.customer_id) if row.customer else None,
            Reader(row.seller, row.seller_id) if row.seller and row.seller != row.customer else None,
        )
        for row in db.connection().execute(_KNOWN, {"order_ids": order_ids})
    }


def apply(db: Session, order: Known, event: Event, batch: Batch) -> None:
    """Apply one event to a recorded order. Raises EventInvalid, with nothing changed, if it cannot be true."""
    _STEPS[event.type](db, order, event, batch)


def _set(db: Session, order: Known, **times: datetime) -> None:
    db.execute(update(Order).where(Order.id == order.id).values(**times))
    order.times.update({name: at for name, at in times.items() if name in _TIMES})


def _earliest(db: Session, order: Known, name: str, at: datetime) -> bool:
    """Keep the earliest time of a step, and say whether it is the first that is heard of it."""
    before = order.times[name]
    if before is None or at < before:
        _set(db, order, **{name: at})
    return before is None


def _shipped(db: Session, order: Known, event: Event, batch: Batch) -> None:
    new = insert_ignore(
        db,
        Parcel,
        [
            {
                "order_id": order.id,
                "carrier": parcel["carrier"],
                "tracking_number": parcel["tracking_number"],
                "warehouse": parcel["warehouse"],
                "items": parcel["items"],
                "shipped_at": event.at,
            }
            for parcel in event.data["parcels"]
        ],
        key=["order_id", "carrier", "tracking_number"],
        returning=["carrier", "tracking_number"],
    )
    _earliest(db, order, "shipped_at", event.at)
    for carrier, number in sorted((row.carrier, row.tracking_number) for row in new):
        _tell(order, batch, "shipped", f"{carrier} {number}", carrier=carrier, tracking_number=number)


def _customs_cleared(db: Session, order: Known, event: Event, batch: Batch) -> None:
    if _earliest(db, order, "customs_cleared_at", event.at):
        _tell(order, batch, "customs_cleared")


def _delivered(db: Session, order: Known, event: Event, batch: Batch) -> None:
    if _earliest(db, order, "delivered_at", event.at):
        _tell(order, batch, "delivered")


def _tell(order: Known, batch: Batch, step: str, nth: str = "", **params: object) -> None:
    if order.customer:
        batch.tell(notices.order_step(order.customer, step, order.order_id, nth, **params))
    if order.seller:
        batch.tell(notices.parcel_step(order.seller, step, order.order_id, nth, **params))


def _completed(db: Session, order: Known, event: Event, batch: Batch) -> None:
    if order.times["cancelled_at"] is not None:
        return  # there is nothing left that could become due
    if event.at < order.paid_at:
        notices.completed_before_paid(db, order.order_id, event.at, order.paid_at, now=batch.now)
    _set(db, order, completed_at=event.at, due_at=event.at + order.freeze_days * DAY)
    commissions.schedule(db, order.id)


def _refunded(db: Session, order: Known, event: Event, batch: Batch) -> None:
    given_back = event.data["items"]
    cancelled_at = order.times["cancelled_at"]
    overtaken = cancelled_at is not None and event.at <= cancelled_at
    if given_back and not overtaken:
        _give_back(db, order, given_back)
    refund_id = event.data["refund_id"]
    db.execute(insert(Refund).values(order_id=order.id, refund_id=refund_id, at=event.at, items=given_back))
    if overtaken:
        return  # the cancellation has refunded everything already
    _readjust(db, order, ("refund", refund_id), event.at, batch)
    if order.customer:
        money = Money(sum(item["amount"] for item in given_back), order.currency)
        batch.tell(notices.order_step(order.customer, "refunded", order.order_id, refund_id, amount=money))


def _give_back(db: Session, order: Known, given_back: list[dict[str, Any]]) -> None:
    rows = db.execute(
        select(
            OrderLine.line,
            OrderLine.sku,
            OrderLine.amount - OrderLine.refunded_amount,
            OrderLine.quantity - OrderLine.refunded_quantity,
        ).where(OrderLine.order_id == order.id)
    )
    left = {sku: (line, amount, quantity) for line, sku, amount, quantity in rows}
    errors = []
    for number, item in enumerate(given_back):
        if item["sku"] not in left:
            errors.append(FieldError(f"items[{number}].sku", "is not in this order"))
            continue
        _, amount, quantity = left[item["sku"]]
        if item["amount"] > amount:
            errors.append(FieldError(f"items[{number}].amount", f"is more than the {amount} that are not refunded yet"))
        if item["quantity"] > quantity:
            errors.append(
                FieldError(f"items[{number}].quantity", f"is more than the {quantity} that were not returned")
            )
    if errors:
        raise EventInvalid(*errors)
    for item in given_back:
        db.execute(
            update(OrderLine)
            .where(OrderLine.order_id == order.id, OrderLine.line == left[item["sku"]][0])
            .values(
                refunded_amount=OrderLine.refunded_amount + item["amount"],
                refunded_quantity=OrderLine.refunded_quantity + item["quantity"],
            )
        )


def _cancelled(db: Session, order: Known, event: Event, batch: Batch) -> None:
    before = order.times["cancelled_at"]
    if before is not None:
        _set(db, order, cancelled_at=max(before, event.at))
        return
    _set(db, order, cancelled_at=event.at)
    everything = {"refunded_amount": OrderLine.amount, "refunded_quantity": OrderLine.quantity}
    db.execute(update(OrderLine).where(OrderLine.order_id == order.id).values(everything))
    _readjust(db, order, ("cancelled",), event.at, batch)
    if order.customer:
        batch.tell(notices.order_step(order.customer, "cancelled", order.order_id))


def _readjust(db: Session, order: Known, cause: tuple[str, ...], at: datetime, batch: Batch) -> None:
    denied = order.decision == "denied"
    commissions.adjust(db, order.id, order.order_id, cause, denied=denied, at=at, batch=batch)
    commissions.schedule(db, order.id)


def _case_opened(db: Session, order: Known, event: Event, batch: Batch) -> None:
    _case(db, order, event, "opened_at")


def _case_closed(db: Session, order: Known, event: Event, batch: Batch) -> None:
    _case(db, order, event, "closed_at")


def _case(db: Session, order: Known, event: Event, name: str) -> None:
    """Keep the latest opening and the latest closing, in whatever order they are heard of."""
    case_id = event.data["case_id"]
    its_case = (OrderCase.order_id == order.id, OrderCase.case_id == case_id)
    row = {"order_id": order.id, "case_id": case_id, "opened_at": None, "closed_at": None}
    insert_ignore(db, OrderCase, [row], key=["order_id", "case_id"])
    column = getattr(OrderCase, name)
    later = column.is_(None) | (column < event.at)
    db.execute(update(OrderCase).where(*its_case, later).values({name: event.at}))
    commissions.schedule(db, order.id)


_STEPS: Final[Mapping[str, Callable[[Session, Known, Event, Batch], None]]] = {
    "order.shipped": _shipped,
    "order.customs_cleared": _customs_cleared,
    "order.delivered": _delivered,
    "order.completed": _completed,
    "order.refunded": _refunded,
    "order.cancelled": _cancelled,
    "order.case_opened": _case_opened,
    "order.case_closed": _case_closed,
}
