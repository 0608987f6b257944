"""What a rule of the audit is: the guarantee it belongs to, a sentence, and how to find what breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

Broken = Callable[[Session], Iterator[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`number` is the guarantee's. `broken` gives the rows that break it: SQL by database, or a function."""

    number: str
    sentence: str
    broken: Mapping[str, str] | Broken = field(repr=False)

    def __str__(self) -> str:
        return f"{self.number} {self.sentence}"


def everywhere(number: str, sentence: str, statement: str) -> Rule:
    """A rule whose SQL is the same on both databases."""
    return Rule(number, sentence, {"sqlite": statement, "postgresql": statement})


def quoted(values: Iterator[str] | list[str]) -> str:
    """Return plain words as the inside of an SQL list."""
    return ", ".join(f"'{value}'" for value in values)
