"""Orders for scripts: one with every commission explained, and an operator's decisions on its commissions."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from bot.web.api.calls import Asked
from bot.web.api.shapes import Answer, Body, Lines, text_in_path
from domain.sales import holds
from domain.sales import orders as record


class Reason(Body):
    reason: Annotated[Lines, Field(min_length=1, max_length=holds.MAX_REASON)]


class Line(Answer):
    line: int
    sku: str
    name: str
    quantity: int
    amount: int
    refunded_quantity: int
    refunded_amount: int


class Parcel(Answer):
    carrier: str
    tracking_number: str
    warehouse: str | None
    shipped_at: datetime


class Commission(Answer):
    """`amount` is the figure at payment after the guard, `reversed` what of it is taken back now; `why` is in words."""

    member_id: str
    level: int
    sku: str
    base: int
    rate_bp: int
    amount: int
    reversed: int
    currency: str
    state: str
    due_at: datetime | None
    why: list[str]


class Shown(Answer):
    """Lines and shipping are in `currency`, commissions in the settlement currency, all in minor units."""

    order_id: str
    state: str
    buyer_id: str | None
    channel: str | None
    payment: str | None
    currency: str
    amount: int
    shipping: int
    credited_to: str | None
    decision: str
    decision_reason: str | None
    case_open: bool
    paid_at: datetime
    shipped_at: datetime | None
    customs_cleared_at: datetime | None
    delivered_at: datetime | None
    completed_at: datetime | None
    due_at: datetime | None
    cancelled_at: datetime | None
    lines: list[Line]
    parcels: list[Parcel]
    commissions: list[Commission]


def show(db: Session, asked: Asked, given: object) -> Shown:
    order = record.order(db, text_in_path(asked.path["order_id"]))
    same = set(Shown.model_fields) - {"channel", "credited_to", "lines", "parcels", "commissions"}
    return Shown(
        **{name: getattr(order, name) for name in same},
        channel=order.sales_channel,
        credited_to=order.credited,
        lines=[Line(**{name: getattr(line, name) for name in Line.model_fields}) for line in order.lines],
        parcels=[Parcel(**asdict(parcel)) for parcel in order.parcels],
        commissions=[_commission(asked, row, order.commission_currency or "") for row in order.commissions],
    )


def _commission(asked: Asked, row: record.CommissionView, currency: str) -> Commission:
    return Commission(
        member_id=row.member_id,
        level=row.level,
        sku=row.sku,
        base=row.base,
        rate_bp=row.rate_bp,
        amount=row.amount,
        reversed=row.reversed,
        currency=currency,
        state=row.state,
        due_at=row.due_at,
        why=[asked.texts.say(step, asked.locale) for step in row.why],
    )


def hold(db: Session, asked: Asked, given: Reason) -> Shown:
    holds.hold(db, text_in_path(asked.path["order_id"]), given.reason, actor=asked.actor, now=asked.now)
    return show(db, asked, given)


def release(db: Session, asked: Asked, given: Reason) -> Shown:
    holds.release(db, text_in_path(asked.path["order_id"]), given.reason, actor=asked.actor, now=asked.now)
    return show(db, asked, given)


def deny(db: Session, asked: Asked, given: Reason) -> Shown:
    holds.deny(db, text_in_path(asked.path["order_id"]), given.reason, actor=asked.actor, now=asked.now)
    return show(db, asked, given)
