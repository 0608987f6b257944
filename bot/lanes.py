"""One lane per platform account: it takes a little at a time, sends at its pace, and stops when it is told to wait."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Final, Protocol

import structlog

from bot.channels.outcomes import Outcome, Refused, Retry, Stop, Unknown
from bot.channels.sending import Careful, Go, Message, Recipient, Sender
from bot.database import DatabaseUnavailable
from bot.pacing import Limits, Turn, in_flight
from domain.messages.outbox import Claimed

log = structlog.get_logger()

AHEAD_SECONDS: Final = 0.04  # of sending that is taken at once, if the database is quick
MOST_AHEAD_SECONDS: Final = 0.25
MOST_AT_ONCE: Final = 250
FRESH_SECONDS: Final = 1.7  # what was taken and has not begun by then goes back: a cancelled one stops within two
HELD_SECONDS: Final = 1.0  # a chat that is to be left alone for longer gives its message back
LONGEST_PARKED: Final = timedelta(days=1)  # a longer wait was written down by a clock that was wrong
STOPPED_SECONDS: Final = 600.0  # until an account that the platform refuses is tried again
SAME_WAIT: Final = timedelta(seconds=0.5)  # calls that were under way together are told to wait one after the other
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

    def became(self, message: Claimed, outcome: Outcome | None, not_before: datetime | None = None) -> None: ...

    async def park(self, account: str, until: datetime) -> None: ...

    async def parked_until(self, account: str) -> datetime | None: ...


class NotYet(Exception):
    """The chat is to be left alone for so many seconds, zero if only our own turn came too late: nothing was tried."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Lane:
    def __init__(self, name: str, sender: Sender, office: Office) -> None:
        self.name = name
        self.lock = f"send:{sender.account}"
        self._sender = sender
        self._office = office
        self._careful = sender if isinstance(sender, Careful) else None
        self._limits = self._careful.limits if self._careful else Limits(sender.rate, monotonic)
        self._ahead = AHEAD_SECONDS
        self._share = 1.0  # of what the rate allows: what is taken and not begun in time was taken in vain
        self._in_flight = in_flight(sender.rate)
        self._due = asyncio.Event()
        self._taking = asyncio.Lock()
        self._going: set[asyncio.Task[None]] = set()
        self._waiting: set[int] = set()  # taken, their turn not yet come
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
        """Wait for what is under way; what has not begun, or is just being taken, gives itself back."""
        async with self._taking:
            pass
        if self._going:
            await asyncio.wait(self._going)

    async def _send_some(self) -> bool:
        """Take the next portion and set it going; returns whether there was one."""
        await self._limits.pace.near(self._ahead)
        async with self._taking:
            if not await self._may_take():
                return False
            began = monotonic()
            taken = await self._office.take(self.name, self._at_once)
            self._keep_ahead_of(monotonic() - began)
            for message in taken:
                self._set_going(message, began)
        while len(self._waiting) >= self._at_once or len(self._going) >= self._in_flight:
            self._room.clear()
            await self._room.wait()
        return bool(taken)

    def _set_going(self, message: Claimed, taken_at: float) -> None:
        self._waiting.add(message.id)
        task = asyncio.create_task(self._see_to(message, taken_at), name=f"send-{self.name}")
        self._going.add(task)
        task.add_done_callback(self._ended)

    @property
    def _at_once(self) -> int:
        return max(1, min(MOST_AT_ONCE, round(self._sender.rate * self._ahead * self._share)))

    def _keep_ahead_of(self, taking: float) -> None:
        """Take no more ahead than keeps us busy while the next is taken: after a crash it would all be unknown."""
        self._share = min(1.0, self._share * 1.1)
        self._ahead = min(MOST_AHEAD_SECONDS, max(AHEAD_SECONDS, (2 * self._ahead + 2 * taking) / 3))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._going.discard(task)
        self._room.set()

    def _begun(self, message: Claimed) -> None:
        self._waiting.discard(message.id)
        self._room.set()

    async def _may_take(self) -> bool:
        if not self._office.may_send(self.lock):
            self._leading = False
            return False
        if not self._leading:
            self._leading = True
            self._parked = await self._office.parked_until(self._sender.account)
            self._limits.pace.rest(FIRST_REST_SECONDS)
        return not self._is_parked()

    def _is_parked(self) -> bool:
        now = self._office.now()
        return self._parked is not None and now < self._parked <= now + LONGEST_PARKED

    async def _see_to(self, message: Claimed, taken_at: float) -> None:
        """Bring one message from its taking to its fate."""
        outcome, not_before = None, None
        try:
            if message.reachable:
                outcome = await self._send(message, taken_at)
        except NotYet as no:
            not_before = self._office.now() + timedelta(seconds=no.seconds) if no.seconds else None
        except Unspeakable as error:
            outcome = Refused(str(error))
        except Exception as error:
            log.exception("delivery.send_failed", channel=self.name, outbox_id=message.id)
            outcome = Unknown(f"our own error: {type(error).__name__}")
        finally:
            self._begun(message)
        self._office.became(message, outcome, not_before)

    async def _send(self, message: Claimed, taken_at: float) -> Outcome:
        """Send when it is this message's turn. Raises NotYet if it is not to be tried now, and Unspeakable."""
        recipient, rendered = self._office.render(message)
        go: Go = partial(self._sender.send, recipient, rendered)
        if self._careful is not None:
            go = await self._careful.prepare(recipient, rendered)
        turn = await self._turn(message, taken_at)
        self._begun(message)
        try:
            outcome = await go()
        finally:
            self._limits.done(turn, message.account)
        await self._wait_as_told(outcome)
        return outcome

    async def _turn(self, message: Claimed, taken_at: float) -> Turn:
        """Wait for this message's turn; raises NotYet if that comes too late, or must not come at all."""
        while (rest := self._limits.rest(message.account)) > 0:
            if rest > HELD_SECONDS:
                raise NotYet(rest)
            await asyncio.sleep(rest)
        turn = await self._limits.turn()
        late = monotonic() - taken_at > FRESH_SECONDS or self._office.now() >= message.lease_until
        rest = self._limits.rest(message.account)
        if late:
            self._share = max(0.02, self._share * 0.9)
        if late or rest > 0 or not self._office.may_send(self.lock) or self._is_parked():
            self._limits.unused(turn)
            raise NotYet(rest)
        return turn

    async def _wait_as_told(self, outcome: Outcome) -> None:
        match outcome:
            case Retry(after_seconds, "account", reason):
                wait = after_seconds
            case Stop(reason):
                wait = STOPPED_SECONDS
            case _:
                return
        until = self._office.now() + min(LONGEST_PARKED, timedelta(seconds=wait))
        if self._parked is not None and self._is_parked():
            known, until = self._parked, max(self._parked, until)
            self._parked = until
            if known + SAME_WAIT >= until:
                return
        self._parked = until
        log.warning("delivery.parked", channel=self.name, seconds=wait, reason=reason)
        await self._office.park(self._sender.account, until)
