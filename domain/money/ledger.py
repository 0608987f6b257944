"""The books of the shop: entries are written here and nowhere else, and what everybody's accounts come to is read here.

Amounts are minor units. Inside the ledger debit is positive and credit negative, also in `account.balance`, which for
every member's account is the sum of its postings; what is shown to people turns a member's accounts round.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, case, func, select, text
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from domain.bulk import among, insert_all
from domain.money import bookkeeping
from domain.money.bookkeeping import PLATFORM
from domain.schema import Account, Entry, Member, Posting
from domain.sql import insert_ignore, is_postgresql

AccountName = tuple[str, int, str]
"""Kind, member (PLATFORM for the platform's own) and currency."""

MOST_ENTRIES: Final = 200
"""Entries of one page at most."""


@dataclass(frozen=True, slots=True)
class Balances:
    """What one member has in one currency. `payable` is never below zero: what is missing is `owed`."""

    pending: int = 0
    payable: int = 0
    withdrawing: int = 0
    withdrawn: int = 0
    owed: int = 0
    prepaid: int = 0


@dataclass(frozen=True, slots=True)
class PostingRow:
    """`member_id` is the external id, None for the platform's own accounts. Debit positive, credit negative."""

    account: str
    member_id: str | None
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class EntryRow:
    id: int
    key: str
    kind: str
    cause: str
    at: datetime
    recorded_at: datetime
    postings: list[PostingRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """All accounts of one kind and currency together. `balance` is debit less credit."""

    account: str
    currency: str
    debit: int
    credit: int
    balance: int


def post(
    db: Session,
    entries: Sequence[bookkeeping.Entry],
    *,
    now: datetime,
    at: datetime | Mapping[str, datetime] | None = None,
) -> set[str]:
    """Write `entries` and change the balances of members' accounts; return the keys that were really written.

    An entry whose key exists already changes nothing. `at` is when it happened in the business: one instant for all, or
    one per key; `now` where it is left out. The number of statements does not grow with the number of entries.
    """
    if not entries:
        return set()
    times = at if isinstance(at, Mapping) else {}
    default = now if at is None or isinstance(at, Mapping) else at
    rows = insert_ignore(
        db,
        Entry,
        [
            {
                "key": entry.key,
                "kind": entry.kind.value,
                "cause": entry.cause,
                "at": times.get(entry.key, default),
                "recorded_at": now,
            }
            for entry in entries
        ],
        key=["key"],
        returning=["id", "key"],
    )
    ids = {row.key: row.id for row in rows}
    written = [entry for entry in entries if entry.key in ids]
    if not written:
        return set()
    accounts = _accounts(db, {(leg.account.value, leg.member_id, leg.currency) for e in written for leg in e.legs})
    postings: list[dict[str, int]] = []
    changes: dict[int, int] = {}
    for entry in written:
        for leg in entry.legs:
            account = accounts[(leg.account.value, leg.member_id, leg.currency)]
            postings.append({"entry_id": ids[entry.key], "account_id": account, "amount": leg.amount})
            if leg.member_id != PLATFORM:
                changes[account] = changes.get(account, 0) + leg.amount
    insert_all(db, Posting, postings)
    _change_balances(db, changes)
    return set(ids)


def _accounts(db: Session, names: Collection[AccountName]) -> dict[AccountName, int]:
    """Return the ids of the accounts, opening those that nobody had yet."""
    found = _known_accounts(db, names)
    missing = sorted(name for name in names if name not in found)
    if missing:
        rows = [
            {"kind": kind, "member_id": member, "currency": currency, "balance": 0}
            for kind, member, currency in missing
        ]
        insert_ignore(db, Account, rows, key=["kind", "member_id", "currency"])
        found.update(_known_accounts(db, missing))
    return found


_ACCOUNTS: Final = select(Account.kind, Account.member_id, Account.currency, Account.id).where(
    among(Account.member_id, "members"), among(Account.kind, "kinds")
)


def _known_accounts(db: Session, names: Collection[AccountName]) -> dict[AccountName, int]:
    which = {"members": {member for _, member, _ in names}, "kinds": {kind for kind, _, _ in names}}
    return {(row[0], row[1], row[2]): row[3] for row in db.connection().execute(_ACCOUNTS, which)}


_ADD_ON_POSTGRESQL = text(
    # Locked in one order, and no harder than the postings allow that point to them: groups that meet wait for each
    # other instead of blocking each other.
    "WITH change AS (SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:amounts AS bigint[])) AS c(id, amount)), "
    "locked AS (SELECT id FROM account WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE) "
    "UPDATE account SET balance = balance + change.amount FROM change JOIN locked ON locked.id = change.id "
    "WHERE account.id = change.id"
)


def _change_balances(db: Session, changes: Mapping[int, int]) -> None:
    ordered = sorted((account, amount) for account, amount in changes.items() if amount)
    if not ordered:
        return
    if is_postgresql(db):
        db.connection().execute(
            _ADD_ON_POSTGRESQL, {"ids": [each[0] for each in ordered], "amounts": [each[1] for each in ordered]}
        )
        return
    db.connection().exec_driver_sql(
        "UPDATE account SET balance = balance + ? WHERE id = ?", [(amount, account) for account, amount in ordered]
    )


_BALANCES: Final = select(Account.member_id, Account.currency, Account.kind, Account.balance).where(
    among(Account.member_id, "members")
)


def balances(db: Session, member: int, *, currency: str | None = None) -> dict[str, Balances]:
    """Return what `member` has, by currency; `currency` is among them even if there is nothing yet."""
    found = balances_of(db, [member]).get(member, {})
    if currency is not None:
        found.setdefault(currency, Balances())
    return found


def balances_of(db: Session, members: Sequence[int]) -> dict[int, dict[str, Balances]]:
    """Return the same for several members; who has no account is left out."""
    sums: dict[tuple[int, str], dict[str, int]] = {}
    for member, currency, kind, balance in db.connection().execute(_BALANCES, {"members": members}):
        sums.setdefault((member, currency), {})[kind] = balance
    found: dict[int, dict[str, Balances]] = {}
    for (member, currency), by_kind in sums.items():
        found.setdefault(member, {})[currency] = shown(by_kind)
    return found


def shown(by_kind: Mapping[str, int]) -> Balances:
    """Turn the sums of postings of one member's accounts in one currency into what is shown."""
    kinds = bookkeeping.Account
    has = {kind: bookkeeping.balance_shown(kind, by_kind.get(kind.value, 0)) for kind in kinds if kind.of_member}
    return Balances(
        pending=has[kinds.PENDING],
        payable=max(0, has[kinds.PAYABLE]),
        withdrawing=has[kinds.WITHDRAWING],
        withdrawn=has[kinds.PAID_OUT],
        owed=max(0, -has[kinds.PAYABLE]),
        prepaid=has[kinds.PREPAID],
    )


_CURRENCY_OF: Final = (
    select(Account.currency)
    .join(Posting, Posting.account_id == Account.id)
    .join(Entry, Entry.id == Posting.entry_id)
    .limit(1)
)


def currency_of(db: Session, key: str) -> str | None:
    """Return the currency of the entry `key`; None if there is no such entry."""
    return db.scalar(_CURRENCY_OF.where(Entry.key == key))


def settlement_currencies(db: Session) -> list[str]:
    """Return the currencies in which commissions were earned: one, or none before the first."""
    expense = (Account.kind == bookkeeping.Account.COMMISSION_EXPENSE.value, Account.member_id == PLATFORM)
    return list(db.scalars(select(Account.currency).where(*expense).order_by(Account.currency)))


def trial_balance(db: Session) -> list[TrialRow]:
    """Return debit and credit of every kind of account by currency, summed from all postings; the sum is zero."""

    def total(amount: Any) -> Any:
        return sql_cast(func.coalesce(func.sum(amount), 0), BigInteger)

    rows = db.execute(
        select(
            Account.kind,
            Account.currency,
            total(case((Posting.amount > 0, Posting.amount), else_=0)),
            total(case((Posting.amount < 0, -Posting.amount), else_=0)),
        )
        .join(Posting, Posting.account_id == Account.id)
        .group_by(Account.kind, Account.currency)
        .order_by(Account.currency, Account.kind)
    )
    return [TrialRow(kind, currency, debit, credit, debit - credit) for kind, currency, debit, credit in rows]


def entries(
    db: Session,
    member: int | None = None,
    first: datetime | None = None,
    last: datetime | None = None,
    after: int | None = None,
    limit: int = MOST_ENTRIES,
) -> list[EntryRow]:
    """Return up to `limit` entries with their postings in the order of writing, those after the entry `after`.

    Only those that touch an account of `member`, and that happened in [first, last), where these are given.
    """
    wanted = select(Entry.id, Entry.key, Entry.kind, Entry.cause, Entry.at, Entry.recorded_at)
    if member is not None:
        touched = (
            select(Posting.entry_id).join(Account, Account.id == Posting.account_id).where(Account.member_id == member)
        )
        wanted = wanted.where(Entry.id.in_(touched))
    if first is not None:
        wanted = wanted.where(Entry.at >= first)
    if last is not None:
        wanted = wanted.where(Entry.at < last)
    if after is not None:
        wanted = wanted.where(Entry.id > after)
    found = {row.id: EntryRow(*row) for row in db.execute(wanted.order_by(Entry.id).limit(limit))}
    rows = db.execute(
        select(Posting.entry_id, Account.kind, Member.member_id, Account.currency, Posting.amount)
        .join(Account, Account.id == Posting.account_id)
        .outerjoin(Member, Member.id == Account.member_id)
        .where(among(Posting.entry_id, found))
        .order_by(Posting.entry_id, Posting.amount.desc(), Account.kind, Member.member_id)
    )
    for entry, account, member_id, currency, amount in rows:
        found[entry].postings.append(PostingRow(account, member_id, currency, amount))
    return list(found.values())
