"""Lists that scripts and files send: what each field must look like, and what became of each item."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from domain.money import MAX_MINOR, MoneyInvalid, check_currency

MAX_ITEMS: Final = 1000
"""How many items one call may carry."""

CREATED, UPDATED, UNCHANGED, REFUSED = "created", "updated", "unchanged", "refused"


class FieldError(NamedTuple):
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of one item: created, updated, unchanged or refused; a refused one changed nothing."""

    id: str
    status: str
    errors: tuple[FieldError, ...] = ()


class FieldInvalid(ValueError):
    """Why a value cannot be taken, for whoever sent it."""


T = TypeVar("T")
Rule = Callable[[object], Any]


@dataclass(slots=True)
class Item:
    """One item as it was sent: the fields that could be read, and what is wrong with the others."""

    id: str
    values: dict[str, Any]
    errors: list[FieldError]

    def refuse(self, field: str, reason: str) -> None:
        self.errors.append(FieldError(field, reason))

    def refused(self) -> PutResult:
        return PutResult(self.id, REFUSED, tuple(self.errors))


def read(
    raw: object,
    rules: Mapping[str, Rule],
    *,
    keys: Sequence[str],
    defaults: Mapping[str, Any],
    needed: Collection[str] = (),
) -> Item:
    """Read one item by `rules`, one for each field that is known; the `keys` must be there, the first is its id.

    A field that is null becomes the default of a new one, or nothing where `defaults` has none; those `needed` cannot
    be null.
    """
    if not isinstance(raw, Mapping):
        return Item("", {}, [FieldError("", "must be an object")])
    named = raw.get(keys[0])
    item = Item(named if isinstance(named, str) else "", {}, [])
    for key in keys:
        if raw.get(key) is None:
            item.refuse(key, "is missing")
    for name, value in raw.items():
        rule = rules.get(name)
        if rule is None:
            item.refuse(str(name), "is not a known field")
        elif value is None and name in needed:
            item.refuse(name, "must not be null")
        elif value is None:
            item.values[name] = defaults.get(name)
        else:
            try:
                item.values[name] = rule(value)
            except FieldInvalid as error:
                item.refuse(name, str(error))
    return item


def rounds(items: Sequence[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Cut `items` into rounds without repetition: whoever comes twice is dealt with again in the next round."""
    seen: Counter[Hashable] = Counter()
    found: list[list[T]] = []
    for item in items:
        number = seen[key(item)]
        seen[key(item)] += 1
        if number == len(found):
            found.append([])
        found[number].append(item)
    return found


def text(longest: int, *, lines: bool = False) -> Rule:
    """A text that is not empty, has at most `longest` characters and no control characters (`lines`: but line ends)."""

    def rule(value: object) -> str:
        if not isinstance(value, str):
            raise FieldInvalid("must be a text")
        if not value.strip():
            raise FieldInvalid("must not be empty")
        if len(value) > longest:
            raise FieldInvalid(f"must have at most {longest} characters")
        if any(_forbidden(character, lines=lines) for character in value):
            raise FieldInvalid("must not contain control characters")
        return value

    return rule


def _forbidden(character: str, *, lines: bool) -> bool:
    if lines and character in "\n\r\t":
        return False
    return unicodedata.category(character) in ("Cc", "Cs")


def identifier(longest: int) -> Rule:
    """A text without spaces, as it stands in addresses and commands."""
    plain = text(longest)

    def rule(value: object) -> str:
        found: str = plain(value)
        if any(character.isspace() for character in found):
            raise FieldInvalid("must not contain spaces")
        return found

    return rule


def one_of(*allowed: str) -> Rule:
    def rule(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise FieldInvalid(f"must be one of {', '.join(allowed)}")
        return value

    return rule


def whole(lowest: int, highest: int) -> Rule:
    """An integer; true and 1.0 are none."""

    def rule(value: object) -> int:
        if type(value) is not int:
            raise FieldInvalid("must be an integer")
        if not lowest <= value <= highest:
            raise FieldInvalid(f"must be between {lowest} and {highest}")
        return value

    return rule


amount = whole(0, MAX_MINOR)


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise FieldInvalid("must be true or false")
    return value


def currency(value: object) -> str:
    if not isinstance(value, str):
        raise FieldInvalid("must be a text")
    try:
        return check_currency(value)
    except MoneyInvalid as error:
        raise FieldInvalid(str(error)) from None


def list_of(rule: Rule, shortest: int, longest: int) -> Rule:
    def read_list(value: object) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise FieldInvalid("must be a list")
        if not shortest <= len(value) <= longest:
            raise FieldInvalid(f"must have {shortest} to {longest} entries")
        return [rule(entry) for entry in value]

    return read_list
