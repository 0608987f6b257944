"""What every channel offers the rest of the program: pages to answer on, a start and a stop, and a way to send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bot.channels.outcomes import Outcome
from bot.pacing import Limits
from bot.rendering import Rendered

if TYPE_CHECKING:
    from aiohttp.web import AbstractRouteDef
    from sqlalchemy.orm import Session

    from handlers.routing import Reply


@dataclass(frozen=True, slots=True)
class Recipient:
    """A chat account to send to."""

    contact_id: int
    account: str
    locale: str


@dataclass(frozen=True, slots=True)
class Message:
    """One notice, in its reader's language.

    `key` is unique in the outbox: the idempotency key where a platform takes one. `kind` is the key of its text, such
    as `notice.commission_earned`, and `params` its values: platforms' own templates are chosen and filled by them.
    """

    key: str
    kind: str
    params: Mapping[str, object]
    rendered: Rendered


@runtime_checkable
class Sender(Protocol):
    """Sends through a platform. One process at a time sends for an `account` of ours, never above `rate`."""

    @property
    def account(self) -> str:
        """Which account of ours sends, such as `telegram:123456`. Not a secret."""

    @property
    def rate(self) -> float:
        """Messages per second over all chats."""

    async def send(self, to: Recipient, message: Message) -> Outcome:
        """Send once and say what became of it; raises nothing for what a platform may do."""


Go = Callable[[], Awaitable[Outcome]]
"""Sends what was prepared, once; raises nothing for what a platform may do."""


@runtime_checkable
class Careful(Protocol):
    """A Sender that gets ready before its turn has come, and whose answers count towards the same limits."""

    @property
    def limits(self) -> Limits: ...

    async def prepare(self, to: Recipient, message: Message) -> Go:
        """Do all that can be done beforehand, such as drawing, so that sending begins the moment its turn comes."""


@runtime_checkable
class Shelf(Protocol):
    """A channel whose messages lie in our own database: put there in one transaction, their fate is never unknown."""

    def put(self, db: Session, to: Recipient, message: Message, *, now: datetime) -> None:
        """Write the message where its reader will find it; runs inside the caller's transaction."""

    async def wake(self, contacts: Collection[int]) -> None:
        """Tell the open pages of these contacts that something new is there; called after the commit."""


@runtime_checkable
class Refreshing(Protocol):
    """A channel on which a screen that somebody looks at can be replaced while they do."""

    async def refresh(self, contact_id: int, account: str, message: str | None, screen: Reply, locale: str) -> None:
        """Show `screen` in place of the one it is a newer state of; `message` is the platform's id of that, if known.

        Nothing is lost where it cannot be done: it is tried again a moment later, or asked for.
        """


class Channel(Protocol):
    """One platform. Its module, `bot/channels/<name>.py`, has `make_channel(app) -> Channel`."""

    @property
    def name(self) -> str: ...

    @property
    def sender(self) -> Sender | Shelf: ...

    def routes(self) -> Sequence[AbstractRouteDef]:
        """The pages it answers on; none for a platform that is only asked."""

    async def start(self, *, may_poll: Callable[[], bool]) -> None:
        """Get ready to answer and send.

        Where the platform must be asked for updates, ask only while `may_poll()`: one process at a time may.
        """

    async def stop(self) -> None:
        """Finish what is being answered and close all connections."""
