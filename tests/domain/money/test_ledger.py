"""The books: every entry once, balances that are the sum of postings, nothing that can be changed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from bot.database import Database
from domain.money import bookkeeping, ledger
from domain.money.ledger import Balances
from domain.schema import Account, Posting
from tests.domain.makings import people
from tests.domain.shop import CNY, Shop


def test_an_entry_is_written_once_whoever_comes(db: Session, now: datetime) -> None:
    ids = people(db, now, {"member_id": "a"}, {"member_id": "b"})
    first = bookkeeping.earned("A-1", {ids["a"]: 300, ids["b"]: 100}, CNY)
    second = bookkeeping.earned("A-2", {ids["a"]: 50}, CNY)
    assert ledger.post(db, [first], now=now) == {"earned:A-1"}
    assert ledger.post(db, [first, second], now=now) == {"earned:A-2"}
    assert ledger.post(db, [], now=now) == set()
    assert ledger.balances(db, ids["a"]) == {CNY: Balances(pending=350)}
    assert ledger.balances_of(db, list(ids.values()))[ids["b"]] == {CNY: Balances(pending=100)}
    assert ledger.balances(db, 999, currency=CNY) == {CNY: Balances()}


def test_a_debt_is_shown_as_owed_and_never_as_a_negative_amount(db: Session, now: datetime) -> None:
    member = people(db, now, {"member_id": "a"})["a"]
    entries = [
        bookkeeping.earned("A-1", {member: 500}, CNY),
        bookkeeping.due("s-1", {member: 500}, CNY),
        bookkeeping.withdrawal_requested("w-1", member, 300, CNY),
        bookkeeping.withdrawal_paid("w-1", member, 300, CNY, fee=10, tax=0),
        bookkeeping.adjusted("A-1", ("denied",), {member: -500}, CNY, payable=True),
    ]
    ledger.post(db, [entry for entry in entries if entry], now=now)
    assert ledger.balances(db, member)[CNY] == Balances(payable=0, owed=300, withdrawn=290)


def test_the_trial_balance_sums_to_zero_and_entries_can_be_paged(shop: Shop) -> None:
    shop.happens(shop.paid("A-1"), shop.paid("A-2", ref=None, buyer_id=None), shop.completed("A-1", days=0))
    shop.settle(days=7)
    shop.happens(shop.refunded("A-1", "R-1", 1_000))
    trial = {row.account: row.balance for row in ledger.trial_balance(shop.db)}
    assert trial == {"commission_expense": 1530, "pending": 0, "payable": -1530}
    everything = ledger.entries(shop.db)
    assert [entry.kind for entry in everything] == ["earned", *["due"] * (len(everything) - 2), "adjusted"]
    assert all(sum(posting.amount for posting in entry.postings) == 0 for entry in everything)
    assert ledger.entries(shop.db, after=everything[0].id, limit=1) == everything[1:2]
    assert (
        ledger.entries(shop.db, first=shop.now + timedelta(hours=1), last=shop.now + timedelta(days=2))[0].kind
        == "adjusted"
    )
    assert {posting.member_id for posting in ledger.entries(shop.db, shop.member["li"])[0].postings} == {
        None, "wang", "li", "chen",
    }  # fmt: skip


def test_postings_never_change(database: Database, now: datetime) -> None:
    with database.transaction() as db:
        member = people(db, now, {"member_id": "a"})["a"]
        ledger.post(db, [bookkeeping.earned("A-1", {member: 500}, CNY)], now=now)
    with pytest.raises(DBAPIError), database.transaction() as db:
        db.execute(update(Posting).values(amount=1))


def test_many_at_once_lose_nothing(database: Database, now: datetime) -> None:
    """Two accounts, changed from many threads at the same time, in opposite orders."""
    from concurrent.futures import ThreadPoolExecutor

    with database.transaction() as db:
        ids = people(db, now, {"member_id": "a"}, {"member_id": "b"})

    def post(number: int) -> None:
        members = list(ids.values())[:: 1 if number % 2 else -1]
        entry = [bookkeeping.earned(f"A-{number}-{member}", {member: 1}, CNY) for member in members]
        database.write_now(lambda db: ledger.post(db, entry, now=now))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(post, range(40)))
    with database.transaction() as db:
        balances = db.scalars(select(Account.balance).where(Account.member_id != 0)).all()
        assert balances == [-40, -40]
        assert sum(row.balance for row in ledger.trial_balance(db)) == 0
