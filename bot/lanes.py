"""One lane per platform account: it takes a little at a time, sends at its pace, and stops when it is told to wait."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from bot.channels.outcomes import Dead, Outcome, Refused, Retry, Stop, Unknown
from bot.channels.sending import Message, Recipient, Sender
from bot.database import DatabaseUnavailable
from bot.pacing import Pace
from domain.messages.outbox import Claimed

log = structlog.get_logger()

AHEAD_SECONDS: Final = 0.5  # of sending that is taken at once: a cancelled announcement stops within two seconds
MOST_AT_ONCE: Final = 100
IN_FLIGHT: Final = 100
STOPPED_SECONDS: Final = 600.0  # until an account that the platform refuses is tried again
FIRST_REST_SECONDS: Final = 1.0  # after taking over: another process may have been sending until now


class Unspeakable(Exception):
    """A message that cannot be put into words: a text or a value of it is missing."""


class Office(Protocol):
    """What a lane needs of the delivery it belongs to."""

    def may_send(self, lock: str) -> bool: ...

    def now(self) -> datetime: ...

    async def take(self, channel: str, limit: int) -> list[Claimed]: ...

    def render(self, message: Claimed) -> tuple[Recipient, Message]:
        """Raises Unspeakable."""

    def became(self, message: Claimed, outcome: Outcome | None) -> None: ...

    async def park(self, account: str, until: datetime) -> None: ...

    async def parked_until(self, account: str) -> datetime | None: ...


class Lane:
    def __init__(self, name: str, sender: Sender, office: Office) -> None:
        self.name = name
        self.lock = f"send:{sender.account}"
        self._sender = sender
        self._office = office
        self._pace = Pace(sender.rate, asyncio.get_running_loop().time)
        self._at_once = max(1, min(MOST_AT_ONCE, round(sender.rate * AHEAD_SECONDS)))
        self._due = asyncio.Event()
        self._going: set[asyncio.Task[None]] = set()
        self._waiting = 0  # taken, their turn not yet come
        self._room = asyncio.Event()
        self._parked: datetime | None = None
        self._leading = False

    def wake(self) -> None:
        """Something is due."""
        self._due.set()

    async def run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                while await self._send_some():
                    pass
            except DatabaseUnavailable as error:
                log.warning("delivery.database_unavailable", channel=self.name, error=str(error))
            except Exception:
                log.exception("delivery.lane_failed", channel=self.name)
                await asyncio.sleep(1)

    async def finish(self) -> None:
        """Wait for what is under way; what has not begun gives itself back."""
        if self._going:
            await asyncio.wait(self._going)

    async def _send_some(self) -> bool:
        """Take the next portion and set it going; returns whether there was one."""
        if not await self._may_take():
            return False
        taken = await self._office.take(self.name, self._at_once)
        self._waiting += len(taken)
        by_chat: dict[int, list[Claimed]] = defaultdict(list)
        for message in taken:
            by_chat[message.contact_id].append(message)
        for messages in by_chat.values():
            task = asyncio.create_task(self._send_in_order(messages), name=f"send-{self.name}")
            self._going.add(task)
            task.add_done_callback(self._ended)
        while self._waiting >= self._at_once or len(self._going) >= IN_FLIGHT:
            self._room.clear()
            await self._room.wait()
        return bool(taken)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._going.discard(task)
        self._room.set()

    def _begun(self) -> None:
        self._waiting -= 1
        self._room.set()

    async def _may_take(self) -> bool:
        if not self._office.may_send(self.lock):
            self._leading = False
            return False
        if not self._leading:
            self._leading = True
            self._parked = await self._office.parked_until(self._sender.account)
            self._pace.rest(FIRST_REST_SECONDS)
        return not self._is_parked()

    def _is_parked(self) -> bool:
        return self._parked is not None and self._office.now() < self._parked

    async def _send_in_order(self, messages: Sequence[Claimed]) -> None:
        """Send one chat's messages, each after the one before; after a setback the rest goes back."""
        held_up = False
        for message in messages:
            if held_up or not message.reachable:
                self._begun()
                outcome = None
            else:
                outcome = await self._send(message)
            held_up = held_up or outcome is None or isinstance(outcome, Retry | Stop | Dead)
            self._office.became(message, outcome)

    async def _send(self, message: Claimed) -> Outcome | None:
        """Send when it is this message's turn. None: not tried, because we must not."""
        try:
            recipient, rendered = self._office.render(message)
        except Unspeakable as error:
            self._begun()
            return Refused(str(error))
        turn = await self._pace.turn()
        self._begun()
        if not self._office.may_send(self.lock) or self._is_parked():
            self._pace.unused(turn)
            return None
        try:
            outcome = await self._sender.send(recipient, rendered)
        except Exception as error:
            log.exception("delivery.send_failed", channel=self.name, outbox_id=message.id)
            outcome = Unknown(f"our own error: {type(error).__name__}")
        self._pace.done(turn)
        await self._wait_as_told(outcome)
        return outcome

    async def _wait_as_told(self, outcome: Outcome) -> None:
        match outcome:
            case Retry(after_seconds, "account", reason):
                wait = after_seconds
            case Stop(reason):
                wait = STOPPED_SECONDS
            case _:
                return
        until = self._office.now() + timedelta(seconds=wait)
        if self._parked is None or self._parked < until:
            self._parked = until
            log.warning("delivery.parked", channel=self.name, seconds=wait, reason=reason)
            await self._office.park(self._sender.account, until)
