"""What one currency is worth in another when an order is paid."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from domain.money import ONE
from domain.schema import CurrencyRate


class Rates(NamedTuple):
    """Currency rates over a span of time: for each currency the instants from which each of its rates holds."""

    settlement: str
    known: Mapping[str, tuple[list[datetime], list[Decimal]]]

    def at(self, currency: str, instant: datetime) -> Decimal | None:
        if currency == self.settlement:
            return ONE
        times, rates = self.known.get(currency, ([], []))
        place = bisect_right(times, instant)
        return rates[place - 1] if place else None


def read(db: Session, currencies: Collection[str], settlement: str, first: datetime, last: datetime) -> Rates:
    """Return the rates in force at any instant from `first` to `last`, both included."""
    foreign = sorted(set(currencies) - {settlement})
    if not foreign:
        return Rates(settlement, {})
    before = aliased(CurrencyRate)
    newest = select(func.max(before.from_at)).where(before.currency == CurrencyRate.currency, before.from_at <= first)
    rows = db.execute(
        select(CurrencyRate.currency, CurrencyRate.from_at, CurrencyRate.rate)
        .where(
            CurrencyRate.currency.in_(foreign),
            CurrencyRate.from_at <= last,
            CurrencyRate.from_at >= func.coalesce(newest.scalar_subquery(), CurrencyRate.from_at),
        )
        .order_by(CurrencyRate.currency, CurrencyRate.from_at)
    )
    known: dict[str, tuple[list[datetime], list[Decimal]]] = {}
    for currency, from_at, rate in rows:
        times, values = known.setdefault(currency, ([], []))
        times.append(from_at)
        values.append(Decimal(rate))
    return Rates(settlement, known)
