"""The books: every entry balances, says its cause, and has a key that the same event finds again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import MoneyInvalid
from domain.money.bookkeeping import (
    PLATFORM,
    Account,
    Entry,
    EntryInvalid,
    EntryKind,
    Leg,
    adjusted,
    balance_shown,
    due,
    earned,
    entry_key,
    withdrawal_paid,
    withdrawal_requested,
    withdrawal_returned,
)

LI, WANG = 1, 2


def balances(*entries: Entry) -> dict[tuple[Account, int], int]:
    sums: dict[tuple[Account, int], int] = {}
    for entry in entries:
        for account, member, _, amount in entry.legs:
            sums[account, member] = sums.get((account, member), 0) + amount
    return {place: balance_shown(place[0], total) for place, total in sums.items() if total}


def test_a_paid_order_is_an_expense_and_stands_pending_for_each_member():
    entry = earned("A-1001", {WANG: 120, LI: 300}, "CNY")
    assert (entry.key, entry.kind, entry.cause) == ("earned:A-1001", EntryKind.EARNED, "A-1001")
    assert entry.legs == (
        Leg(Account.COMMISSION_EXPENSE, PLATFORM, "CNY", 420),
        Leg(Account.PENDING, LI, "CNY", -300),
        Leg(Account.PENDING, WANG, "CNY", -120),
    )


def test_a_refund_after_settlement_leaves_the_member_owing():
    paid = withdrawal_paid("W-1", LI, 300, "CNY", fee=10, tax=0)
    back = adjusted("A-1001", ("refund", "R-7"), {LI: -300}, "CNY", payable=True)
    assert back is not None
    assert back.key == "adjusted:A-1001:refund:R-7"
    story = [
        earned("A-1001", {LI: 300}, "CNY"),
        due("order A-1001", {LI: 300}, "CNY"),
        withdrawal_requested("W-1", LI, 300, "CNY"),
        paid,
        back,
    ]
    assert balances(*story) == {
        (Account.PAYABLE, LI): -300,
        (Account.PAID_OUT, LI): 290,
        (Account.WITHDRAWAL_FEES, PLATFORM): -10,
    }


def test_a_refund_before_settlement_is_taken_from_pending_and_may_come_back():
    story = [
        earned("A-1", {LI: 300, WANG: 100}, "CNY"),
        adjusted("A-1", ("refund", "R-1"), {LI: -200, WANG: 0}, "CNY", payable=False),
        adjusted("A-1", ("refund", "R-2"), {LI: 50, WANG: -50}, "CNY", payable=False),
    ]
    assert balances(*filter(None, story)) == {
        (Account.COMMISSION_EXPENSE, PLATFORM): 200,
        (Account.PENDING, LI): 150,
        (Account.PENDING, WANG): 50,
    }


def test_a_change_of_nothing_is_no_entry():
    assert adjusted("A-1", ("refund", "R-1"), {LI: 0}, "CNY", payable=False) is None
    assert adjusted("A-1", ("refund", "R-1"), {}, "CNY", payable=False) is None


def test_a_withdrawal_that_fails_gives_back_what_was_reserved():
    asked = withdrawal_requested("W-1", LI, 300, "CNY")
    returned = withdrawal_returned("W-1", LI, 300, "CNY")
    assert balances(asked) == {(Account.PAYABLE, LI): -300, (Account.WITHDRAWING, LI): 300}
    assert balances(asked, returned) == {}
    assert asked.key != returned.key


def test_tax_withheld_stays_with_the_platform_for_the_authority():
    entry = withdrawal_paid("W-1", LI, 1000, "CNY", fee=0, tax=160)
    assert entry.legs == (
        Leg(Account.WITHDRAWING, LI, "CNY", 1000),
        Leg(Account.PAID_OUT, LI, "CNY", -840),
        Leg(Account.TAX_WITHHELD, PLATFORM, "CNY", -160),
    )


def test_different_events_never_share_a_key():
    assert entry_key(EntryKind.ADJUSTED, "A:refund", "R") != entry_key(EntryKind.ADJUSTED, "A", "refund", "R")
    assert entry_key(EntryKind.EARNED, "A:1") == "earned:A%3A1"
    assert entry_key(EntryKind.EARNED, "A%3A1") != entry_key(EntryKind.EARNED, "A:1")


@pytest.mark.parametrize(
    "make",
    [
        lambda: earned("A-1", {LI: 0}, "CNY"),
        lambda: earned("A-1", {LI: -5, WANG: 10}, "CNY"),
        lambda: earned("A-1", {}, "CNY"),
        lambda: earned("", {LI: 5}, "CNY"),
        lambda: due("run", {LI: -5}, "CNY"),
        lambda: due("run", {}, "CNY"),
        lambda: withdrawal_requested("W-1", LI, 0, "CNY"),
        lambda: withdrawal_paid("W-1", LI, 100, "CNY", fee=100, tax=0),
    ],
)
def test_an_event_without_a_positive_amount_makes_no_entry(make):
    with pytest.raises(EntryInvalid):
        make()


def expense(amount: Any, currency: str = "CNY") -> Leg:
    return Leg(Account.COMMISSION_EXPENSE, PLATFORM, currency, amount)


def pending(amount: Any, currency: str = "CNY", member: int = LI) -> Leg:
    return Leg(Account.PENDING, member, currency, amount)


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (expense(5),),
        (expense(5), pending(-4)),
        (expense(5), pending(-5, "JPY")),
        (expense(5), pending(-5), pending(0, member=WANG)),
        (expense(5), pending(-2), pending(-3)),
        (expense(5), pending(-5, member=PLATFORM)),
        (Leg(Account.COMMISSION_EXPENSE, LI, "CNY", 5), pending(-5)),
    ],
)
def test_an_entry_that_does_not_balance_cannot_be_expressed(legs):
    with pytest.raises(EntryInvalid):
        Entry("key", EntryKind.EARNED, "A-1", legs)


@pytest.mark.parametrize(
    "legs", [(expense(True), pending(-1)), (expense(1.5), pending(-1.5)), (expense(5, "yuan"), pending(-5))]
)
def test_only_whole_amounts_of_a_currency_enter_the_books(legs):
    with pytest.raises(MoneyInvalid):
        Entry("key", EntryKind.EARNED, "A-1", legs)


def test_an_entry_may_hold_several_currencies_as_long_as_each_balances():
    legs = (expense(5), pending(-5), expense(7, "JPY"), pending(-7, "JPY"))
    assert Entry("key", EntryKind.EARNED, "A-1", legs).legs == legs


def test_only_payable_and_the_platforms_accounts_may_be_owed_the_other_way():
    assert {account for account in Account if account.of_member and account.may_be_negative} == {Account.PAYABLE}
    assert all(account.may_be_negative for account in Account if not account.of_member)


def test_there_is_no_kind_of_entry_for_joining_or_recruiting():
    assert {str(kind) for kind in EntryKind} == {
        "earned",
        "adjusted",
        "due",
        "withdrawal_requested",
        "withdrawal_returned",
        "withdrawal_paid",
    }


@given(st.dictionaries(st.integers(1, 9), st.integers(-1000, 1000)), st.booleans())
def test_every_adjustment_balances_and_moves_each_member_by_what_was_asked(changes, payable):
    entry = adjusted("A-1", ("denied",), changes, "CNY", payable=payable)
    account = Account.PAYABLE if payable else Account.PENDING
    moved = {} if entry is None else balances(entry)
    assert {member: moved.get((account, member), 0) for member in changes} == changes
    assert moved.get((Account.COMMISSION_EXPENSE, PLATFORM), 0) == sum(changes.values())
