"""What was sold and who earns on it: plans, orders, commissions, and every event the shop sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.schema.base import Base, one_of


class PlanVersion(Base):
    """A published commission plan, word for word; in force from `effective_from` until the next one."""

    __tablename__ = "plan_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    effective_from: Mapped[datetime] = mapped_column(index=True)
    name: Mapped[str]
    source: Mapped[str]
    published_at: Mapped[datetime]
    published_by: Mapped[str]
    accepted_guard: Mapped[bool] = mapped_column(default=False)


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (one_of("decision", "none", "held", "released", "denied"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(unique=True)
    buyer_id: Mapped[str | None] = mapped_column(index=True)
    ref: Mapped[str | None]
    sales_channel: Mapped[str | None]
    payment: Mapped[str | None]
    currency: Mapped[str]
    rate: Mapped[str]  # to the settlement currency, at paid_at
    amount: Mapped[int]  # of all lines, in the order's currency, without shipping
    shipping: Mapped[int]
    paid_at: Mapped[datetime] = mapped_column(index=True)
    credited_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    credit_reason: Mapped[str]
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan_version.id"))
    freeze_days: Mapped[int] = mapped_column(default=0)
    decision: Mapped[str] = mapped_column(default="none")
    decision_reason: Mapped[str | None]
    decisions: Mapped[int] = mapped_column(default=0)  # how many there were so far
    shipped_at: Mapped[datetime | None]
    customs_cleared_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]


Index("ix_orders_credited_id_paid_at", Order.credited_id, Order.paid_at)

ORDER_HELD = "orders.decision = 'held'"
"""Which orders wait for a decision: few of many, so queries repeat the condition to find their index."""

Index("ix_orders_held", Order.id, sqlite_where=text("decision = 'held'"), postgresql_where=text("decision = 'held'"))


class OrderLine(Base):
    """A line, all that is needed to compute its commissions again after a refund, and why they are what they are."""

    __tablename__ = "order_line"
    __table_args__ = (
        CheckConstraint("refunded_amount >= 0 AND refunded_amount <= amount", name="refunded_amount"),
        CheckConstraint(
            "refunded_quantity >= 0 AND refunded_quantity <= quantity",
            name="refunded_quantity",
        ),
    )
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
    quantity: Mapped[int]
    amount: Mapped[int]
    refunded_quantity: Mapped[int] = mapped_column(default=0)
    refunded_amount: Mapped[int] = mapped_column(default=0)
    captured: Mapped[Any | None]  # commission.Captured as JSON; none where nobody is credited
    trace: Mapped[Any | None]


class Commission(Base):
    """What one member earns on one line at one level. `settle_at` is when settlement may take it: nothing while it is
    estimated, held, under an open case, settled or fully reversed."""

    __tablename__ = "commission"
    __table_args__ = (
        UniqueConstraint("order_id", "line", "level"),
        Index("ix_commission_member_id_earned_at", "member_id", "earned_at", "order_id"),
        CheckConstraint("level BETWEEN 1 AND 3", name="level"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("reversed BETWEEN 0 AND amount", name="reversed"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    line: Mapped[int]
    level: Mapped[int]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    base: Mapped[int]
    rate_bp: Mapped[int]
    amount: Mapped[int]
    reversed: Mapped[int] = mapped_column(default=0)
    earned_at: Mapped[datetime]  # the order's paid_at
    settle_at: Mapped[datetime | None]
    settled_as_of: Mapped[datetime | None]


Index(
    "ix_commission_settle",
    Commission.member_id,
    Commission.settle_at,
    sqlite_where=Commission.settle_at.is_not(None),
    postgresql_where=Commission.settle_at.is_not(None),
)

Index(
    "ix_commission_open",
    Commission.member_id,
    sqlite_where=Commission.settled_as_of.is_(None),
    postgresql_where=Commission.settled_as_of.is_(None),
)


class Binding(Base):
    """Whose customer a buyer is, from `bound_at` on."""

    __tablename__ = "binding"
    __table_args__ = (Index("ix_binding_buyer_id_bound_at", "buyer_id", "bound_at"),)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)  # the order that bound
    buyer_id: Mapped[str]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    bound_at: Mapped[datetime]


class Refund(Base):
    __tablename__ = "refund"
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    refund_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    items: Mapped[Any]


class Parcel(Base):
    __tablename__ = "parcel"
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    carrier: Mapped[str] = mapped_column(primary_key=True)
    tracking_number: Mapped[str] = mapped_column(primary_key=True)
    warehouse: Mapped[str | None]
    items: Mapped[Any | None]
    shipped_at: Mapped[datetime]


class OrderCase(Base):
    """An after-sales case as the shop reports it; open while it was opened later than it was closed."""

    __tablename__ = "order_case"
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    case_id: Mapped[str] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


EVENT_REMEMBERED = "status IN ('applied', 'duplicate', 'waiting', 'unapplied')"
"""The shop was answered 200 or 202: the same webhook id again is a duplicate."""
EVENT_REFUSED = "status IN ('refused', 'unapplied')"
"""An operator should look at it: answered 422, or found invalid when the payment it waited for came."""


class OrderEvent(Base):
    """Every order event that was applied, repeated, waits for its payment, or was refused, with the reason.

    `unapplied` waited and proved invalid; `retried` was refused once and came through later.
    """

    __tablename__ = "order_event"
    __table_args__ = (
        one_of("status", "applied", "duplicate", "waiting", "unapplied", "refused", "retried"),
        Index(
            "uq_order_event_webhook_id",
            "webhook_id",
            unique=True,
            sqlite_where=text(EVENT_REMEMBERED),
            postgresql_where=text(EVENT_REMEMBERED),
        ),
        Index(
            "ix_order_event_refused",
            "webhook_id",
            sqlite_where=text(EVENT_REFUSED),
            postgresql_where=text(EVENT_REFUSED),
        ),
        Index("ix_order_event_order_id", "order_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[str]
    type: Mapped[str]
    order_id: Mapped[str]  # empty where the event does not even say it
    fact: Mapped[str | None]  # what can happen to an order once only: paid, completed, refund:R-1
    data: Mapped[Any]
    fingerprint: Mapped[str]
    status: Mapped[str]
    reasons: Mapped[Any | None]  # [{"field", "reason"}]
    received_at: Mapped[datetime]
