"""The figures of one business day, for operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any

from sqlalchemy import BigInteger, func, literal, select, text, union_all
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from domain.periods import business_day
from domain.schema import Commission, Member, Order, OrderEvent, Visit
from domain.schema.sales import EVENT_REFUSED


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened on `day`. `sales` is by currency, without shipping; commissions in the settlement currency.

    `refused_events` counts what waits for an operator now, whatever the day.
    """

    day: date
    orders: int
    sales: Mapping[str, int]
    commission: int
    reversed: int
    sellers: int
    new_members: int
    visits: int
    visitors: int
    refused_events: int


def figures(db: Session, day: date, zone: tzinfo) -> Figures:
    """Return the figures of the business day `day` in `zone`."""
    period = business_day(day, zone)
    paid = (Order.paid_at >= period.start) & (Order.paid_at < period.end)
    earned = (Commission.order_id == Order.id) & paid
    joined = (Member.joined_at >= period.start) & (Member.joined_at < period.end)
    visit = (Visit.day == day) & ~Visit.bot

    def total(amount: Any) -> Any:
        return sql_cast(func.coalesce(func.sum(amount), 0), BigInteger)

    counts = union_all(
        select(literal("orders"), func.count()).select_from(Order).where(paid),
        select(literal("commission"), total(Commission.amount)).where(earned),
        select(literal("reversed"), total(Commission.reversed)).where(earned),
        select(literal("sellers"), func.count(Order.credited_id.distinct())).where(paid),
        select(literal("new_members"), func.count()).select_from(Member).where(joined),
        select(literal("visits"), func.count()).select_from(Visit).where(visit),
        select(literal("visitors"), func.count(Visit.visitor.distinct())).where(visit),
        select(literal("refused_events"), func.count()).select_from(OrderEvent).where(text(EVENT_REFUSED)),
    )
    found = {row[0]: row[1] for row in db.execute(counts)}
    sales = db.execute(select(Order.currency, total(Order.amount)).where(paid).group_by(Order.currency))
    return Figures(day=day, sales={row[0]: row[1] for row in sales}, **found)
