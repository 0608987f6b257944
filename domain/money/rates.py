"""Currency rates: what one minor unit of another currency is worth in the settlement currency, from when on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain import audit_log, items, sql
from domain.items import CREATED, UNCHANGED, UPDATED, FieldInvalid, PutResult, read, rounds
from domain.money import MoneyInvalid, read_rate
from domain.periods import InstantInvalid, format_instant, parse_instant
from domain.schema import CurrencyRate


def _instant(value: object) -> datetime:
    try:
        return parse_instant(value if isinstance(value, str) else "")
    except InstantInvalid as error:
        raise FieldInvalid(str(error)) from None


def _rate(value: object) -> str:
    try:
        read_rate(value if isinstance(value, str) else "")
    except MoneyInvalid as error:
        raise FieldInvalid(str(error)) from None
    return str(value)


_FIELDS: Final[Mapping[str, items.Rule]] = {"currency": items.currency, "from": _instant, "rate": _rate}


def put_rates(
    db: Session, given: Sequence[object], *, settlement_currency: str, actor: str, now: datetime
) -> list[PutResult]:
    """Set the rate of a currency from an instant on, each item a mapping as `PUT /rates` takes it.

    The settlement currency itself has no rate. Orders that were paid before keep the rate they were computed with.
    """
    sql.one_at_a_time(db, "rates")
    read_items = [read(raw, _FIELDS, keys=["currency", "from", "rate"], defaults={}) for raw in given]
    for item in read_items:
        if item.id == settlement_currency:
            item.refuse("currency", "is the settlement currency, which needs no rate")
    results = {position: item.refused() for position, item in enumerate(read_items) if item.errors}
    sound = [(position, item.values) for position, item in enumerate(read_items) if not item.errors]
    for turn in rounds(sound, lambda pair: (pair[1]["currency"], pair[1]["from"])):
        done = _put_round(db, [values for _, values in turn], actor=actor, now=now)
        results |= {position: result for (position, _), result in zip(turn, done, strict=True)}
    return [results[position] for position in range(len(read_items))]


def _put_round(db: Session, wanted: Sequence[Mapping[str, Any]], *, actor: str, now: datetime) -> list[PutResult]:
    stored = {
        (row.currency, row.from_at): row.rate
        for row in db.execute(
            select(CurrencyRate.currency, CurrencyRate.from_at, CurrencyRate.rate).where(
                CurrencyRate.currency.in_({values["currency"] for values in wanted})
            )
        )
    }
    results, rows, audit = [], [], []
    for values in wanted:
        code, start, rate = values["currency"], values["from"], values["rate"]
        before = stored.get((code, start))
        if before is not None and Decimal(before) == Decimal(rate):
            results.append(PutResult(code, UNCHANGED))
            continue
        rows.append({"currency": code, "from_at": start, "rate": rate})
        audit.append(("rate.put", f"rate:{code}@{format_instant(start)}", before, rate))
        results.append(PutResult(code, CREATED if before is None else UPDATED))
    sql.upsert(db, CurrencyRate, rows, key=["currency", "from_at"], change=["rate"])
    audit_log.record_all(db, audit, actor=actor, now=now)
    return results


def rate_at(db: Session, currency: str, at: datetime) -> Decimal | None:
    """Return the rate of `currency` in force at `at`: the newest that starts at or before it; None without one."""
    found = db.scalar(
        select(CurrencyRate.rate)
        .where(CurrencyRate.currency == currency, CurrencyRate.from_at <= at)
        .order_by(CurrencyRate.from_at.desc())
        .limit(1)
    )
    return None if found is None else Decimal(found)


def known(db: Session, currencies: Collection[str]) -> dict[str, list[tuple[datetime, Decimal]]]:
    """Return all rates of `currencies` as (from, rate), the oldest first: for many orders at once."""
    found: dict[str, list[tuple[datetime, Decimal]]] = {}
    if currencies:
        rows = db.execute(
            select(CurrencyRate.currency, CurrencyRate.from_at, CurrencyRate.rate)
            .where(CurrencyRate.currency.in_(sorted(currencies)))
            .order_by(CurrencyRate.currency, CurrencyRate.from_at)
        )
        for row in rows:
            found.setdefault(row.currency, []).append((row.from_at, Decimal(row.rate)))
    return found


def in_force(rates: Sequence[tuple[datetime, Decimal]], at: datetime) -> Decimal | None:
    """Return which of one currency's `rates`, the oldest first, is in force at `at`."""
    return next((rate for start, rate in reversed(rates) if start <= at), None)
