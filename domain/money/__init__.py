"""Amounts of money: whole minor units (fen, cents) with their currency, cut by basis points, always rounded down.

Minor units are integers everywhere; a float or a bool may not enter. `MAX_MINOR` is the one limit for any amount.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

BP: Final = 10_000
"""Basis points in the whole: 10,000 bp = 100 %."""

MAX_MINOR: Final = 2**53 - 1
"""The largest amount, in minor units, either way: exact in every database, in JSON and in a spreadsheet."""

ONE: Final = Decimal(1)
"""The rate of the settlement currency."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_RATE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,18})?")


class MoneyInvalid(ValueError):
    """Something that is no amount of money: a float, a bool, out of bounds, or of another currency."""


def check_amount(minor: int) -> int:
    """Return `minor` unchanged if it is an integer of at most MAX_MINOR either way; else raise MoneyInvalid."""
    if type(minor) is not int:
        raise MoneyInvalid(f"an amount is an integer of minor units, not {type(minor).__name__}")
    if not -MAX_MINOR <= minor <= MAX_MINOR:
        raise MoneyInvalid("an amount is at most 2^53 - 1 minor units")
    return minor


def check_currency(currency: object) -> str:
    """Return `currency` if it looks like an ISO 4217 code (three capital letters), unchanged; else MoneyInvalid."""
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        raise MoneyInvalid("a currency is three capital letters, such as CNY")
    return currency


def floor_bp(minor: int, bp: int) -> int:
    """Return `bp` basis points of `minor`, rounded down.

    Both are non-negative integers: which way to round a debt is not ours to guess, so a negative raises MoneyInvalid.
    """
    check_amount(minor)
    if type(bp) is not int:
        raise MoneyInvalid(f"basis points are an integer, not {type(bp).__name__}")
    if minor < 0 or bp < 0:
        raise MoneyInvalid("basis points are taken of a non-negative amount")
    return minor * bp // BP


def convert(total: int, rate: Decimal) -> int:
    """Return floor(total × rate) exactly: minor units of the settlement currency for minor units of another.

    Convert totals, never their parts. Raises MoneyInvalid when the result leaves the bounds.
    """
    if rate == ONE:
        return total
    numerator, denominator = rate.as_integer_ratio()
    return check_amount(total * numerator // denominator)


def read_rate(text: object) -> Decimal:
    """Read a currency rate from a plain decimal string such as "0.0478".

    Positive, at most 12 digits before and 18 after the point, no sign and no exponent; else MoneyInvalid.
    """
    if not isinstance(text, str) or not _RATE.fullmatch(text):
        raise MoneyInvalid(
            'a rate is a decimal string such as "0.0478", at most 12 digits before and 18 after the point'
        )
    rate = Decimal(text)
    if not rate:
        raise MoneyInvalid("a rate is greater than zero")
    return rate


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency. Negative is a debt. Other currencies never mix in."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        check_amount(self.minor)
        check_currency(self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def take_bp(self, bp: int) -> "Money":
        """Return `bp` basis points of this non-negative amount, rounded down; whoever is left keeps the remainder."""
        return Money(floor_bp(self.minor, bp), self.currency)

    def _same(self, other: "Money") -> int:
        if not isinstance(other, Money):
            raise MoneyInvalid(f"money goes together with money only, not with {type(other).__name__}")
        if other.currency != self.currency:
            raise MoneyInvalid(f"{other.currency} does not go together with {self.currency}")
        return other.minor


def percent(bp: int) -> str:
    """Write basis points as people read them: 450 is 4.5%."""
    whole, rest = divmod(abs(bp), 100)
    digits = f"{whole}.{rest:02d}".rstrip("0").rstrip(".")
    return f"{'-' if bp < 0 else ''}{digits}%"
