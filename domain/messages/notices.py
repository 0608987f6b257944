"""What people are told when something happens to an order: who hears what, each event once.

Texts and their parameters are those of TEXTS. The key of a notice names the event and the recipient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from domain.messages import alerts, outbox
from domain.messages.outbox import Notice
from domain.money import Money
from domain.wording import Words, words

TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    # an earner: `product` is the first one of the order, `more` how many others there are; amounts are the member's own
    "notice.commission_earned": ("order_id", "amount", "level", "product", "product_en", "more"),
    "notice.commission_reversed": ("order_id", "amount", "left"),
    "notice.commission_refunded": ("order_id", "amount", "left"),
    "notice.commission_cancelled": ("order_id", "amount", "left"),
    "notice.commission_denied": ("order_id", "amount", "left"),
    "notice.commission_restored": ("order_id", "amount", "left"),
    "notice.commission_payable": ("amount",),
    "notice.first_sale": ("member", "order_id"),  # to the sponsor, at the first order that is credited to a member
    # the customer
    "notice.order_paid": ("order_id", "product", "product_en", "more", "amount"),
    "notice.order_shipped": ("order_id", "carrier", "tracking_number"),
    "notice.order_customs_cleared": ("order_id",),
    "notice.order_delivered": ("order_id",),
    "notice.order_refunded": ("order_id", "amount"),
    "notice.order_cancelled": ("order_id",),
    "notice.answer": ("text",),  # to anybody who asked
    # the credited distributor
    "notice.parcel_shipped": ("order_id", "carrier", "tracking_number"),
    "notice.parcel_customs_cleared": ("order_id",),
    "notice.parcel_delivered": ("order_id",),
    # operators
    "notice.alert": ("text", "advice"),
    "alert.question": ("name", "member", "text"),
    "alert.no_plan": ("order_id", "paid_at"),
    "alert.event_refused": ("order_id", "type", "reason"),
    "alert.completed_before_paid": ("order_id", "completed_at", "paid_at"),
    "alert.settlement_set_aside": ("member", "reason"),
}

NO_PLAN: Final = "no_plan"
EVENT_REFUSED: Final = "event_refused"
COMPLETED_BEFORE_PAID: Final = "completed_before_paid"

MOST_ALERTS: Final = 20
"""So many events with one fault are told each by itself; the rest of a flood is one alert."""


class Reader(NamedTuple):
    """A member who is told something: internal and external id."""

    id: int
    member_id: str


_TAKEN_BACK: Final[Mapping[str, str]] = {
    "refund": "commission_refunded",
    "cancelled": "commission_cancelled",
    "denied": "commission_denied",
}


def key_of(*parts: str) -> str:
    """Join the parts of a notice's key so that no two events share one, whatever the shop's ids look like."""
    return ":".join(part.replace("%", "%25").replace(":", "%3A") for part in parts)


def commission_earned(
    to: Reader, order_id: str, amount: Money, level: int, product: str, product_en: str, more: int
) -> Notice:
    return _money(
        key_of("commission_earned", order_id, to.member_id),
        to,
        "notice.commission_earned",
        order_id=order_id,
        amount=amount,
        level=level,
        product=product,
        product_en=product_en,
        more=more,
    )


def commission_changed(to: Reader, order_id: str, cause: Sequence[str], change: Money, left: Money) -> Notice:
    """A commission was taken back (`change` below zero) or given again; `left` is what the order still brings.

    `cause` begins with what happened: a refund, a cancellation, a decision.
    """
    kind = "commission_reversed" if change.minor < 0 else "commission_restored"
    amount = -change if change.minor < 0 else change
    key = key_of(kind, order_id, *cause, to.member_id)
    text = _TAKEN_BACK.get(cause[0], kind) if change.minor < 0 else kind
    return _money(key, to, f"notice.{text}", order_id=order_id, amount=amount, left=left)


def commission_payable(to: Reader, settlement: str, amount: Money) -> Notice:
    """A settlement made `amount` payable."""
    key = key_of("commission_payable", settlement, to.member_id)
    return _money(key, to, "notice.commission_payable", amount=amount)


def first_sale(sponsor: Reader, seller: Reader, seller_name: str, order_id: str) -> Notice:
    return _money(
        key_of("first_sale", seller.member_id), sponsor, "notice.first_sale", member=seller_name, order_id=order_id
    )


def order_paid(to: Reader, order_id: str, amount: Money, product: str, product_en: str, more: int) -> Notice:
    """`amount` is what the customer paid in all, shipping included."""
    return order_step(to, "paid", order_id, product=product, product_en=product_en, more=more, amount=amount)


def order_step(to: Reader, step: str, order_id: str, nth: str = "", **params: object) -> Notice:
    """A step of the customer's own order; `nth` tells steps of one kind apart, such as parcels."""
    return _step(f"order_{step}", to, order_id, nth, params)


def parcel_step(to: Reader, step: str, order_id: str, nth: str = "", **params: object) -> Notice:
    """The same for the distributor who brought the order."""
    return _step(f"parcel_{step}", to, order_id, nth, params)


def _step(kind: str, to: Reader, order_id: str, nth: str, params: Mapping[str, object]) -> Notice:
    key = key_of(kind, order_id, *([nth] if nth else []), to.member_id)
    return Notice(key, to.id, f"notice.{kind}", {"order_id": order_id, **params}, priority=outbox.STEPS)


def _money(key: str, to: Reader, text_key: str, **params: object) -> Notice:
    return Notice(key, to.id, text_key, params, priority=outbox.MONEY)


def no_plan(db: Session, order_id: str, paid_at: datetime, *, now: datetime) -> None:
    """Tell the operators that nobody earns on an order because no plan was in force when it was paid."""
    alerts.raise_alert(db, NO_PLAN, words("alert.no_plan", order_id=order_id, paid_at=paid_at), now=now)


def event_refused(db: Session, which: str, order_id: str, type_: Words, reason: list[Words], *, now: datetime) -> None:
    """Tell the operators that an order event could not be applied; `which` is its webhook id, or "many"."""
    said = words("alert.event_refused", order_id=order_id, type=type_, reason=reason)
    alerts.raise_alert(db, f"{EVENT_REFUSED}:{which}", said, now=now)


def completed_before_paid(
    db: Session, order_id: str, completed_at: datetime, paid_at: datetime, *, now: datetime
) -> None:
    """Tell the operators of an order whose freeze began before it was paid: its commission is due too early."""
    said = words("alert.completed_before_paid", order_id=order_id, completed_at=completed_at, paid_at=paid_at)
    many = alerts.count_open(db, said.key) >= MOST_ALERTS
    alerts.raise_alert(db, f"{COMPLETED_BEFORE_PAID}:{'many' if many else order_id}", said, now=now)


def event_came_right(db: Session, which: str, *, now: datetime) -> None:
    """What was refused has been applied after all."""
    alerts.clear_alert(db, f"{EVENT_REFUSED}:{which}", now=now)
