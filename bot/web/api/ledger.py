"""The books for finance: the trial balance and every entry with its postings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from sqlalchemy.orm import Session

from bot.web.api.calls import Asked
from bot.web.api.shapes import (
    Answer,
    Cursor,
    Limit,
    NextCursor,
    Query,
    Text,
    cursor,
    read_day,
    read_instant,
)
from domain.errors import Invalid
from domain.money import ledger
from domain.people import members
from domain.periods import business_day


class AccountTotal(Answer):
    """All accounts of one kind and currency together; `balance` is debit less credit."""

    account: str
    currency: str
    debit: int
    credit: int
    balance: int


class CurrencyTotal(Answer):
    """Debit equals credit in every currency, and the balance is zero."""

    currency: str
    debit: int
    credit: int
    balance: int


class TrialBalance(Answer):
    accounts: list[AccountTotal]
    totals: list[CurrencyTotal]


def _moment(text: object) -> date | datetime:
    return read_day(text) if isinstance(text, str) and len(text) == 10 else read_instant(text)


Moment = Annotated[
    date | datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "description": "a business day (2026-11-23) or an instant with its time zone"}),
]


class Span(Query):
    """`from` is included; `to` is not if it is an instant, and is if it is a day."""

    member: Text | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Moment | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class Posting(Answer):
    """Debit positive, credit negative; `member_id` is null for the platform's own accounts."""

    account: str
    member_id: str | None
    currency: str
    amount: int


class Entry(Answer):
    key: str
    kind: str
    cause: str
    at: datetime
    recorded_at: datetime
    postings: list[Posting]


class Entries(Answer):
    items: list[Entry]
    cursor: NextCursor


def trial_balance(db: Session, asked: Asked, given: None) -> TrialBalance:
    rows = ledger.trial_balance(db)
    totals: dict[str, list[int]] = {}
    for row in rows:
        total = totals.setdefault(row.currency, [0, 0])
        total[0] += row.debit
        total[1] += row.credit
    return TrialBalance(
        accounts=[AccountTotal(**{name: getattr(row, name) for name in AccountTotal.model_fields}) for row in rows],
        totals=[
            CurrencyTotal(currency=currency, debit=debit, credit=credit, balance=debit - credit)
            for currency, (debit, credit) in sorted(totals.items())
        ],
    )


def entries(db: Session, asked: Asked, given: Span) -> Entries:
    member = None
    if given.member is not None:
        found = members.by_member_id(db, given.member)
        if found is None:
            raise Invalid("member", "is not a member")
        member = found.id
    after = given.cursor[0] if given.cursor else None
    first, last = _start(given.from_, asked), _end(given.to, asked)
    rows = ledger.entries(db, member, first, last, after, given.limit + 1)
    shown = rows[: given.limit]
    return Entries(
        items=[_shown(row) for row in shown],
        cursor=cursor(shown[-1].id) if len(rows) > given.limit else None,
    )


def _start(moment: date | datetime | None, asked: Asked) -> datetime | None:
    if moment is None or isinstance(moment, datetime):
        return moment
    return business_day(moment, asked.shop.timezone).start


def _end(moment: date | datetime | None, asked: Asked) -> datetime | None:
    if moment is None or isinstance(moment, datetime):
        return moment
    return business_day(moment, asked.shop.timezone).end


def _shown(row: ledger.EntryRow) -> Entry:
    plain: dict[str, Any] = {name: getattr(row, name) for name in ("key", "kind", "cause", "at", "recorded_at")}
    postings = [
        Posting(account=each.account, member_id=each.member_id, currency=each.currency, amount=each.amount)
        for each in row.postings
    ]
    return Entry(**plain, postings=postings)
