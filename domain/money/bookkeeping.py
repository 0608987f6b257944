"""The books: which accounts there are, and how each event about money becomes an entry that balances.

In a leg debit is positive and credit negative, in minor units. There is no kind of entry for joining or recruiting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from domain.money import check_amount, check_currency

PLATFORM = 0
"""The `member_id` of the platform's own accounts."""


class Account(StrEnum):
    """The chart of accounts. A member's accounts are what the platform owes to that member: credit increases them."""

    # a member's
    PENDING = "pending"  # commissions earned and not yet payable: estimated, frozen or held
    PAYABLE = "payable"  # may be withdrawn; below zero the member owes
    WITHDRAWING = "withdrawing"  # reserved for a withdrawal on its way
    PAID_OUT = "paid_out"  # what has left the platform's bank for this member, in all
    PREPAID = "prepaid"  # an agent's balance for goods
    # the platform's
    COMMISSION_EXPENSE = "commission_expense"
    WITHDRAWAL_FEES = "withdrawal_fees"
    TAX_WITHHELD = "tax_withheld"
    PLATFORM_CASH = "platform_cash"

    @property
    def of_member(self) -> bool:
        """Whether each member has one, or the platform the only one."""
        return self in _OF_MEMBER

    @property
    def may_be_negative(self) -> bool:
        """Whether it may be owed the other way: the platform's accounts, and `payable` as a debt after reversals."""
        return self is Account.PAYABLE or self not in _OF_MEMBER


_OF_MEMBER = frozenset({Account.PENDING, Account.PAYABLE, Account.WITHDRAWING, Account.PAID_OUT, Account.PREPAID})


class EntryKind(StrEnum):
    """Why money moves in the books."""

    EARNED = "earned"
    ADJUSTED = "adjusted"  # taken back or given again: refund, cancellation, an operator's decision
    DUE = "due"
    WITHDRAWAL_REQUESTED = "withdrawal_requested"
    WITHDRAWAL_RETURNED = "withdrawal_returned"
    WITHDRAWAL_PAID = "withdrawal_paid"


class EntryInvalid(ValueError):
    """An entry that would not balance, or that says something impossible. A bug, never a person's mistake."""


class Leg(NamedTuple):
    """One posting: debit positive, credit negative. `member_id` is PLATFORM for the platform's own accounts."""

    account: Account
    member_id: int
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A balanced entry. `key` is unique in the ledger: the same event again has the same key. `cause` names the event.

    Refuses (EntryInvalid) fewer than two legs, a leg of zero, two legs on one account, a member's account without a
    member or the other way round, and legs that do not sum to zero per currency; MoneyInvalid what is no integer.
    """

    key: str
    kind: EntryKind
    cause: str
    legs: tuple[Leg, ...]

    def __post_init__(self) -> None:
        _check(self)


def entry_key(kind: EntryKind, *parts: str) -> str:
    """Return the natural key of an entry, such as `earned:A-1001`; colons inside a part are written %3A."""
    return ":".join([kind, *(part.replace("%", "%25").replace(":", "%3A") for part in parts)])


def balance_shown(account: Account, postings_sum: int) -> int:
    """Return what an account shows for the sum of its postings: a member's accounts show credit as positive."""
    return -postings_sum if account.of_member else postings_sum


def earned(order_id: str, amounts: Mapping[int, int], currency: str) -> Entry:
    """A paid order: commission expense against each member's pending. `amounts` is positive, summed per member."""
    _positive(amounts)
    return Entry(
        entry_key(EntryKind.EARNED, order_id),
        EntryKind.EARNED,
        order_id,
        _legs(Account.PENDING, Account.COMMISSION_EXPENSE, amounts, currency),
    )


def adjusted(
    order_id: str, cause: tuple[str, ...], changes: Mapping[int, int], currency: str, *, payable: bool
) -> Entry | None:
    """A change to what an order's commissions come to: negative takes back, positive gives again.

    `cause` makes the key unique within the order, such as ("refund", "R-7"), ("cancelled",) or ("denied",).
    `changes` is summed per member; None when nothing changes. `payable` says that settlement has already made the
    order's commissions payable, where taking back may leave the member owing.
    """
    changes = {member: change for member, change in changes.items() if change}
    if not changes:
        return None
    return Entry(
        entry_key(EntryKind.ADJUSTED, order_id, *cause),
        EntryKind.ADJUSTED,
        order_id,
        _legs(Account.PAYABLE if payable else Account.PENDING, Account.COMMISSION_EXPENSE, changes, currency),
    )


def due(cause: str, amounts: Mapping[int, int], currency: str) -> Entry:
    """Settlement: each member's pending becomes payable. `cause` is what is settled at once; amounts are positive."""
    _positive(amounts)
    legs = [Leg(Account.PENDING, member, currency, amount) for member, amount in sorted(amounts.items())]
    legs += [Leg(Account.PAYABLE, member, currency, -amount) for member, amount in sorted(amounts.items())]
    return Entry(due_key(cause), EntryKind.DUE, cause, tuple(legs))


def due_key(cause: str) -> str:
    """Return the key that `due` gives an entry."""
    return entry_key(EntryKind.DUE, cause)


def withdrawal_requested(withdrawal_id: str, member_id: int, amount: int, currency: str) -> Entry:
    """A member asks for money: it is reserved, payable to withdrawing."""
    return _move(
        EntryKind.WITHDRAWAL_REQUESTED, withdrawal_id, member_id, Account.PAYABLE, Account.WITHDRAWING, amount, currency
    )


def withdrawal_returned(withdrawal_id: str, member_id: int, amount: int, currency: str) -> Entry:
    """A withdrawal is rejected or fails: what was reserved goes back, once."""
    return _move(
        EntryKind.WITHDRAWAL_RETURNED, withdrawal_id, member_id, Account.WITHDRAWING, Account.PAYABLE, amount, currency
    )


def withdrawal_paid(withdrawal_id: str, member_id: int, amount: int, currency: str, *, fee: int, tax: int) -> Entry:
    """A withdrawal is paid: of the reserved `amount`, `fee` and `tax` stay behind, the rest leaves for the member."""
    _positive({member_id: amount - fee - tax})
    legs = [
        Leg(Account.WITHDRAWING, member_id, currency, amount),
        Leg(Account.PAID_OUT, member_id, currency, fee + tax - amount),
        Leg(Account.WITHDRAWAL_FEES, PLATFORM, currency, -fee),
        Leg(Account.TAX_WITHHELD, PLATFORM, currency, -tax),
    ]
    kind = EntryKind.WITHDRAWAL_PAID
    return Entry(entry_key(kind, withdrawal_id), kind, withdrawal_id, tuple(leg for leg in legs if leg.amount))


def _legs(credited: Account, debited: Account, amounts: Mapping[int, int], currency: str) -> tuple[Leg, ...]:
    """Credit each member's account, debit the platform's with the sum; changes that cancel out need no such leg."""
    total = sum(amounts.values())
    legs = [Leg(debited, PLATFORM, currency, total)] if total else []
    legs += [Leg(credited, member, currency, -amount) for member, amount in sorted(amounts.items())]
    return tuple(legs)


def _move(
    kind: EntryKind, cause: str, member_id: int, source: Account, to: Account, amount: int, currency: str
) -> Entry:
    _positive({member_id: amount})
    legs = (Leg(source, member_id, currency, amount), Leg(to, member_id, currency, -amount))
    return Entry(entry_key(kind, cause), kind, cause, legs)


def _positive(amounts: Mapping[int, int]) -> None:
    if any(amount <= 0 for amount in amounts.values()):
        raise EntryInvalid("an amount of this entry must be more than zero")


def _check(entry: Entry) -> None:
    if not entry.key or not entry.cause:
        raise EntryInvalid("an entry needs its key and its cause")
    if len(entry.legs) < 2:
        raise EntryInvalid(f"{entry.key}: an entry has at least two legs")
    sums: dict[str, int] = {}
    accounts = set()
    for account, member_id, currency, amount in entry.legs:
        check_currency(currency)
        if check_amount(amount) == 0:
            raise EntryInvalid(f"{entry.key}: a leg is not zero")
        if (member_id != PLATFORM) != account.of_member:
            raise EntryInvalid(f"{entry.key}: {account} with the owner {member_id}")
        accounts.add((account, member_id, currency))
        sums[currency] = sums.get(currency, 0) + amount
    if len(accounts) < len(entry.legs):
        raise EntryInvalid(f"{entry.key}: two legs on one account")
    if any(sums.values()):
        raise EntryInvalid(f"{entry.key}: the legs do not sum to zero")
