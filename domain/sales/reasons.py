"""Why an order event was refused, in the operator's language: the sentences that shops get, told again for people."""

from __future__ import annotations

import re
from typing import Final

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


def told_at(error: FieldError) -> Words:
    """The reason with the place in the event where it was found."""
    return words("reason.at", field=error.field, reason=told(error.reason))
