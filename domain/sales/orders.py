"""Orders as people look at them: one in full with every commission explained, and lists for earners and customers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Subquery, case, cast, func, literal, select
from sqlalchemy.orm import Session, aliased

from domain.bulk import among
from domain.errors import NotFound
from domain.money import commissions, ledger
from domain.money.bookkeeping import EntryKind, entry_key
from domain.money.commission import Captured, Step
from domain.money.explanation import explain, explain_refund, steps_for
from domain.sales import why
from domain.sales.payment_rows import SELF_PURCHASE
from domain.schema import Commission, Member, Order, OrderCase, OrderLine, Parcel, Product
from domain.wording import Words, words

PAGE: Final = 10


@dataclass(frozen=True, slots=True)
class LineView:
    line: int
    sku: str
    name: str
    name_en: str
    quantity: int
    amount: int
    refunded_quantity: int
    refunded_amount: int


@dataclass(frozen=True, slots=True)
class ParcelView:
    carrier: str
    tracking_number: str
    warehouse: str | None
    shipped_at: datetime


@dataclass(frozen=True, slots=True)
class CommissionView:
    """`amount` is the figure at payment, `reversed` what of it is taken back now; `member` is the internal id."""

    id: int
    member: int
    member_id: str
    level: int
    line: int
    sku: str
    base: int
    rate_bp: int
    amount: int
    reversed: int
    state: str
    due_at: datetime | None
    why: tuple[Words, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order. Lines and `shipping` are in `currency`, commissions in `commission_currency` (None: nobody earns)."""

    id: int
    order_id: str
    state: str
    buyer_id: str | None
    sales_channel: str | None
    payment: str | None
    currency: str
    amount: int
    shipping: int
    paid_at: datetime
    credited: str | None
    credit_reason: str
    decision: str
    decision_reason: str | None
    case_open: bool
    shipped_at: datetime | None
    customs_cleared_at: datetime | None
    delivered_at: datetime | None
    completed_at: datetime | None
    due_at: datetime | None
    cancelled_at: datetime | None
    lines: tuple[LineView, ...]
    parcels: tuple[ParcelView, ...]
    commission_currency: str | None
    commissions: tuple[CommissionView, ...]


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A line in a list of orders. `earned` is what the asking member gets of it now, at `level`; both are 0 for buyers.

    `product` is the first one of the order, `more` how many others there are.
    """

    id: int
    order_id: str
    state: str
    paid_at: datetime
    currency: str
    amount: int
    product: str
    product_en: str
    more: int
    level: int = 0
    earned: int = 0


_NOT_REFUNDED = (
    select(OrderLine.order_id)
    .where(
        OrderLine.order_id == Order.id,
        (OrderLine.refunded_amount < OrderLine.amount) | (OrderLine.refunded_quantity < OrderLine.quantity),
    )
    .exists()
)
STATE: Final[ColumnElement[str]] = case(
    (Order.cancelled_at.is_not(None), "cancelled"),
    (~_NOT_REFUNDED, "refunded"),
    (Order.completed_at.is_not(None), "completed"),
    (Order.delivered_at.is_not(None), "delivered"),
    (Order.customs_cleared_at.is_not(None), "customs_cleared"),
    (Order.shipped_at.is_not(None), "shipped"),
    else_="paid",
)
"""The state of an order, in SQL: the furthest it has come, or that everything was taken back."""


_ORDER_COLUMNS: Final = (
    "id", "order_id", "buyer_id", "sales_channel", "payment", "currency", "amount", "shipping", "paid_at",
    "credit_reason", "decision", "decision_reason", "shipped_at", "customs_cleared_at", "delivered_at",
    "completed_at", "due_at", "cancelled_at",
)  # fmt: skip

# Built once: putting a statement together costs more than running it.
_ORDER: Final = (
    select(
        *(getattr(Order, name) for name in _ORDER_COLUMNS),
        STATE.label("state"),
        Member.member_id.label("credited"),
        select(OrderCase.order_id)
        .where(OrderCase.order_id == Order.id, commissions.is_open())
        .exists()
        .label("case_open"),
    )
    .select_from(Order)
    .outerjoin(Member, Member.id == Order.credited_id)
)
_LINES: Final = (
    select(
        OrderLine.line,
        OrderLine.sku,
        OrderLine.quantity,
        OrderLine.amount,
        OrderLine.refunded_quantity,
        OrderLine.refunded_amount,
        OrderLine.captured,
        OrderLine.trace,
        Product.name,
        Product.name_en,
    )
    .outerjoin(Product, Product.sku == OrderLine.sku)
    .order_by(OrderLine.line)
)
_PARCELS: Final = select(Parcel.carrier, Parcel.tracking_number, Parcel.warehouse, Parcel.shipped_at).order_by(
    Parcel.shipped_at, Parcel.carrier, Parcel.tracking_number
)
_COMMISSIONS: Final = (
    select(
        Commission.id,
        Commission.member_id.label("member"),
        Member.member_id,
        Commission.level,
        Commission.line,
        OrderLine.sku,
        Commission.base,
        Commission.rate_bp,
        Commission.amount,
        Commission.reversed,
        commissions.STATE.label("state"),
        Order.due_at,
    )
    .join(Order, Order.id == Commission.order_id)
    .join(Member, Member.id == Commission.member_id)
    .join(OrderLine, (OrderLine.order_id == Commission.order_id) & (OrderLine.line == Commission.line))
    .order_by(Commission.line, Commission.level)
)
_NAMES: Final = select(Member.member_id, Member.name).where(among(Member.member_id, "member_ids"))


def order(db: Session, which: str | int, *, reader: int | None = None) -> OrderView:
    """Return one order with everything about it, by its order id, or by the `id` that lists have. Raises NotFound.

    Reasons are told to the member `reader`, if given.
    """
    its = Order.order_id == which if isinstance(which, str) else Order.id == which
    row = db.execute(_ORDER.where(its)).one_or_none()
    if row is None:
        raise NotFound(what="order", id=which)
    lines = db.execute(_LINES.where(OrderLine.order_id == row.id)).all()
    currency = ledger.currency_of(db, entry_key(EntryKind.EARNED, row.order_id))
    return OrderView(
        **{name: getattr(row, name) for name in _ORDER_COLUMNS},
        state=row.state,
        credited=row.credited,
        case_open=row.case_open,
        lines=tuple(
            LineView(
                line.line,
                line.sku,
                line.name or line.sku,
                line.name_en or line.name or line.sku,
                line.quantity,
                line.amount,
                line.refunded_quantity,
                line.refunded_amount,
            )
            for line in lines
        ),
        parcels=tuple(ParcelView(*each) for each in db.execute(_PARCELS.where(Parcel.order_id == row.id))),
        commission_currency=currency,
        commissions=_explained(db, row, lines, currency, reader) if currency else (),
    )


def _explained(
    db: Session, order: Any, lines: Sequence[Any], currency: str, reader: int | None
) -> tuple[CommissionView, ...]:
    rows = db.execute(_COMMISSIONS.where(Commission.order_id == order.id))
    views = [CommissionView(**row._mapping) for row in rows]
    told = next((view.member_id for view in views if view.member == reader), None)
    reasons = _explanations(db, order, lines, currency, told)
    return tuple(replace(view, why=reasons(view.line, view.level)) for view in views)


def _explanations(
    db: Session, order: Any, lines: Sequence[Any], currency: str, reader: str | None
) -> Callable[[int, int], tuple[Words, ...]]:
    """Return a function that tells, for a line and a level, why its commission is what it is."""
    stories: dict[int, tuple[list[Step], str]] = {}
    for line in lines:
        if line.captured is None:
            continue
        captured = Captured.from_json(line.captured)
        story = explain(line.trace or [], captured)
        if line.refunded_amount or line.refunded_quantity:
            story += explain_refund(captured, line.refunded_amount, line.quantity - line.refunded_quantity)
        stories[line.line] = story, line.captured["cost_currency"]
    names = _names(db, why.members_in(step for story, _ in stories.values() for step in story))

    def reasons(line: int, level: int) -> tuple[Words, ...]:
        story, cost_currency = stories[line]
        told = why.tell(
            steps_for(story, level),
            currency=currency,
            order_currency=order.currency,
            cost_currency=cost_currency,
            names=names,
            reader=reader,
        )
        return (*told, *_decided(order.decision, order.decision_reason))

    return reasons


def _names(db: Session, member_ids: Collection[str]) -> dict[str, str]:
    if not member_ids:
        return {}
    return {row[0]: row[1] for row in db.execute(_NAMES, {"member_ids": member_ids})}


def _decided(decision: str, reason: str | None) -> list[Words]:
    if decision == "held" and reason == SELF_PURCHASE:
        return [words("why.held_self_purchase")]
    return [words(f"why.{decision}", reason=reason or "")] if decision in ("held", "denied") else []


def product_names(sku: Any) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """SQL: the names of the product, Chinese and English, with whatever there is in place of one that is missing."""
    name, name_en = (
        select(column).where(Product.sku == sku).scalar_subquery() for column in (Product.name, Product.name_en)
    )
    return func.coalesce(name, sku).label("product"), func.coalesce(name_en, name, sku).label("product_en")


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """An order of one's own; `earns` is set for one that came through the member or their team."""

    id: int
    earns: bool


def own(db: Session, member: int, order_id: str) -> OwnOrder | None:
    """Return the order if the member bought it, brought it or earns on it; capitals may have been left out."""
    buyer_id = select(Member.buyer_id).where(Member.id == member).scalar_subquery()
    commission = select(Commission.id).where(Commission.order_id == Order.id, Commission.member_id == member).exists()
    earns = func.coalesce(Order.credited_id == member, False) | commission
    row = db.execute(
        select(Order.id, earns.label("earns"))
        .where(Order.order_id.in_([order_id, order_id.upper()]), earns | (Order.buyer_id == buyer_id))
        .order_by(Order.order_id != order_id)
        .limit(1)
    ).one_or_none()
    return None if row is None else OwnOrder(row.id, bool(row.earns))


def orders_of(db: Session, member: int, *, after: int | None = None, limit: int = PAGE) -> list[OrderRow]:
    """Return the orders that bring `member` a commission, the newest first; those after `after` (an `id`)."""
    earned = cast(func.sum(commissions.LEFT), BigInteger)
    wanted = (
        select(Commission.order_id, func.min(Commission.level).label("level"), earned.label("earned"))
        .where(Commission.member_id == member)
        .group_by(Commission.earned_at, Commission.order_id)
        .order_by(Commission.earned_at.desc(), Commission.order_id.desc())
        .limit(limit)
    )
    if after is not None:
        paid_at = select(Order.paid_at).where(Order.id == after).scalar_subquery()
        earlier = (Commission.earned_at == paid_at) & (Commission.order_id < after)
        wanted = wanted.where(Commission.earned_at <= paid_at, (Commission.earned_at < paid_at) | earlier)
    return _rows(db, wanted.subquery())


def orders_of_buyer(db: Session, buyer_id: str, *, after: int | None = None, limit: int = PAGE) -> list[OrderRow]:
    """Return what a customer has bought, the newest first; those after the order `after` (its `id`)."""
    wanted = (
        select(Order.id.label("order_id"), literal(0).label("level"), literal(0).label("earned"))
        .where(Order.buyer_id == buyer_id)
        .order_by(Order.paid_at.desc(), Order.id.desc())
        .limit(limit)
    )
    if after is not None:
        paid_at = select(Order.paid_at).where(Order.id == after).scalar_subquery()
        wanted = wanted.where((Order.paid_at < paid_at) | ((Order.paid_at == paid_at) & (Order.id < after)))
    return _rows(db, wanted.subquery())


def _rows(db: Session, page: Subquery) -> list[OrderRow]:
    others = select(func.count() - 1).where(OrderLine.order_id == Order.id).correlate(Order).scalar_subquery()
    first = aliased(OrderLine)
    rows = db.execute(
        select(
            Order.id,
            Order.order_id,
            STATE.label("state"),
            Order.paid_at,
            Order.currency,
            Order.amount,
            *product_names(first.sku),
            others.label("more"),
            page.c.level,
            page.c.earned,
        )
        .join(page, page.c.order_id == Order.id)
        .join(first, (first.order_id == Order.id) & (first.line == 1))
        .order_by(Order.paid_at.desc(), Order.id.desc())
    )
    return [OrderRow(**row._mapping) for row in rows]
