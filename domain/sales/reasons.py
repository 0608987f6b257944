"""Why an order event was refused, in the operator's language: the sentences that shops get, told again for people."""

from __future__ import annotations

import re
from typing import Any, Final

from domain.items import FieldError
from domain.wording import Words, words

_SENTENCES: Final = tuple(
    (re.compile(sentence), key)
    for sentence, key in (
        ("is not known", "not_known"),
        ("is missing", "missing"),
        ("must not be empty", "missing"),
        ("is not in this order", "not_in_order"),
        ("each SKU stands in one line only", "sku_twice"),
        ("was told before, with other content", "told_before"),
        (r"no rate of (?P<currency>[A-Z]{3}) is known for this time", "no_rate"),
        (r"must be between (?P<lowest>-?\d+) and (?P<highest>\d+)", "out_of_range"),
        (r"is more than the (?P<left>\d+) that are not refunded yet", "more_money"),
        (r"is more than the (?P<left>\d+) that were not returned", "more_pieces"),
    )
)


def told(reason: str) -> Words:
    """Return the reason in words; one that is seldom seen stays as the shop got it."""
    for sentence, key in _SENTENCES:
        if found := sentence.fullmatch(reason):
            return Words(f"reason.{key}", found.groupdict())
    return words("as_is", text=reason)


def told_at(error: FieldError, data: Any = None) -> Words:
    """The reason with the place where it was found, and what the shop has sent there if the event's `data` is given."""
    given = _value_at(data, error.field)
    if given is None:
        return words("reason.at", field=place(error.field), reason=told(error.reason))
    short = str(given) if len(str(given)) <= _LONGEST else str(given)[: _LONGEST - 1] + "…"
    return words("reason.at_given", field=place(error.field), given=short, reason=told(error.reason))


def place(field: str) -> Words:
    """The name of a field of an event: `items[0].sku` is the SKU of the first line of goods."""
    if found := _OF_A_LINE.fullmatch(field):
        return words(f"field.line_{found['name']}", n=int(found["at"]) + 1)
    return words(f"field.{field}") if field in _FIELDS else words("as_is", text=field)


def event_name(type_: str) -> Words:
    """What happened, by the shop's name for it."""
    name = type_.removeprefix("order.")
    return words(f"event.{name}") if name in _EVENTS else words("as_is", text=type_)


_LONGEST: Final = 40
_OF_A_LINE: Final = re.compile(r"items\[(?P<at>\d{1,4})\]\.(?P<name>sku|quantity|amount)")
_FIELDS: Final = frozenset({"items", "currency", "paid_at", "completed_at", "at", "refund_id", "shipping", "parcels"})
_EVENTS: Final = frozenset(
    {"paid", "shipped", "customs_cleared", "delivered", "completed", "refunded", "cancelled", "case_opened",
     "case_closed"}
)  # fmt: skip


def _value_at(data: Any, field: str) -> Any:
    """The value under a field such as items[0].sku; None where there is none."""
    for name, at in re.findall(r"([^.\[\]]+)|\[([0-9]+)\]", field):
        if name and isinstance(data, dict):
            data = data.get(name)
        elif at and isinstance(data, list) and int(at) < len(data):
            data = data[int(at)]
        else:
            return None
    return data
