"""What is said to a person, kept as a key and its parameters until the reader's language is known."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from domain.money import Money


@dataclass(frozen=True, slots=True)
class Words:
    """A text by its key in `handlers/texts`, with the values that fill it.

    Values are str, int, bool, Money, datetime (aware), date, Words, or a list of Words (shown as lines).
    """

    key: str
    params: Mapping[str, object] = field(default_factory=dict)


def words(key: str, **params: object) -> Words:
    return Words(key, params)


_TWICE = re.compile(r"([^A-Za-z]*[\u3400-\u9fff][^A-Za-z]*?)\s+([A-Za-z][^\u3400-\u9fff]*)")


def in_two_languages(name: str) -> tuple[str, str]:
    """Return the Chinese and the English half of a name such as "护肤 Skincare"; any other name is the same in both."""
    found = _TWICE.fullmatch(name.strip())
    return (found[1], found[2]) if found else (name, name)


def _tagged(value: object) -> object:
    if isinstance(value, Money):
        return {"$money": [value.minor, value.currency]}
    if isinstance(value, Words):
        return {"$words": [value.key, {k: _tagged(v) for k, v in value.params.items()}]}
    if isinstance(value, datetime):
        return {"$at": value.isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, list | tuple):
        return [_tagged(item) for item in value]
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{type(value).__name__} cannot be put into words")


def _untagged(value: object) -> object:
    if isinstance(value, list):
        return [_untagged(item) for item in value]
    if isinstance(value, dict):
        [(tag, content)] = value.items()
        match tag:
            case "$money":
                return Money(content[0], content[1])
            case "$words":
                return Words(content[0], {k: _untagged(v) for k, v in content[1].items()})
            case "$at":
                return datetime.fromisoformat(content)
            case "$date":
                return date.fromisoformat(content)
        raise ValueError(f"unknown tag {tag!r}")
    return value


def to_json(params: Mapping[str, object]) -> dict[str, object]:
    """Return `params` as plain JSON values; Money, times and Words are tagged."""
    return {name: _tagged(value) for name, value in params.items()}


def from_json(stored: Mapping[str, object]) -> dict[str, object]:
    """The inverse of `to_json`."""
    return {name: _untagged(value) for name, value in stored.items()}


def canonical(value: object) -> str:
    """Return `value` as JSON text with sorted keys and no spaces: equal content, equal text."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
