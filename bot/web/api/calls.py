"""What a call of `/api/v1` is: where it is, what it takes, what it does in one transaction, what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy.orm import Session

from bot.rendering import Texts
from domain.api_keys import KnownKey
from handlers.routing import Shop

BASE: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, when, in which language, and for what: `path` has the parts of the address that vary."""

    key: KnownKey
    now: datetime
    locale: str
    path: Mapping[str, str]
    shop: Shop
    texts: Texts

    @property
    def actor(self) -> str:
        """How the caller stands in the audit log."""
        return f"api:{self.key.name}"


Work = Callable[[Session, Asked, Any], Any]
"""Answers itself, unless the call `shows` what it returns."""

Portion = tuple[Sequence[Sequence[str | int | None]], Any]
"""Some rows of a table, and where to go on; nothing there: that was the last of them."""


@dataclass(frozen=True, slots=True)
class Table:
    """An answer that may be long: a CSV file sent a portion at a time, each read in a transaction of its own."""

    file: str
    columns: Sequence[str]
    portion: Callable[[Session, Asked, Any], Portion]


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `given` is its query (GET) or its body (all others); `work` runs in one transaction, and has an
    `answer` unless it is a table.

    `shows` makes the answer of what `work` returned, on a reader after the commit: for answers that count everybody,
    for which no writer waits.

    `fields` says which field of what was given a refusal is about, by the refusal's code.
    """

    method: str
    path: str
    work: Work | Table
    summary: str
    answer: type[BaseModel] | None = None
    given: type[BaseModel] | None = None
    status: int = 200
    fields: Mapping[str, str] = field(default_factory=dict)
    shows: Callable[[Session, Asked, Any], BaseModel] | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def takes_list(self) -> bool:
        """Whether its body may be as large as a list of a thousand items."""
        return self.method == "PUT"

    @property
    def name(self) -> str:
        """A stable name for the call, such as `put_products` or `members_downline`."""
        parts = [part for part in self.path.strip("/").split("/") if not part.startswith("{")]
        return "_".join([self.method.lower(), *parts]).replace("-", "_") + ("_one" if self.path.endswith("}") else "")
