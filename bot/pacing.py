"""A steady hand: moments to send at, as close to the allowed rate as can be and never above it in any second."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

GUARD: Final = 0.995
_SECOND: Final = 1.002  # timers may fire a millisecond early
_LATEST: Final = 0.1  # a platform that does not answer holds nobody up longer than this
_CATCH_UP: Final = 0.1  # and at least three turns: after a longer pause the grid begins anew, nothing is made up for
_MANY: Final = 4_000  # chats at rest, after which those are forgotten that may be written to again
_MOST_IN_FLIGHT: Final = 300
CHATS_THAT_MEAN_ALL: Final = 3  # two people who tap like mad are not to silence us for everybody


def in_flight(rate: float) -> int:
    """How many calls may be under way at once: a platform that takes a third of a second is not to slow us down."""
    return max(100, min(_MOST_IN_FLIGHT, round(rate / 3)))


@dataclass(slots=True)
class Turn:
    """One moment to send at. It ends when the platform has answered."""

    start: float
    end: float | None = None


class Pace:
    """Turns on an absolute grid of `rate` × 0.995 per second.

    What counts is when the platform receives a message. A send that took longer than the quickest one may have been
    received that much later, so the turn which comes `rate` turns after it waits that much longer.
    """

    def __init__(self, rate: float, time: Callable[[], float]) -> None:
        self._time = time
        self._step = 1 / (rate * GUARD)
        self._recent: deque[Turn] = deque(maxlen=max(1, math.floor(rate)))
        self._next = -math.inf
        self._quickest = math.inf
        self._lock = asyncio.Lock()

    async def turn(self) -> Turn:
        """Wait for the next moment; whoever asks first goes first."""
        async with self._lock:
            late = max(_CATCH_UP, 3 * self._step)
            if self._next < self._time() - late:
                self._next = self._time()
            while (wait := max(self._next, self._not_before()) - self._time()) > 0:  # noqa: ASYNC110 - it is time we wait for
                await asyncio.sleep(wait)
            return self._taken()

    def beside(self) -> Turn:
        """Something goes out at once that is not ours to delay; the next turn comes that much later."""
        self._next = max(self._next, self._time())
        return self._taken()

    async def near(self, seconds: float) -> None:
        """Wait until the next turn is at most so far away."""
        while (wait := self._next - seconds - self._time()) > 0:  # noqa: ASYNC110 - it is time we wait for
            await asyncio.sleep(wait)

    def _taken(self) -> Turn:
        turn = Turn(self._time())
        self._next += self._step
        self._recent.append(turn)
        return turn

    def done(self, turn: Turn) -> None:
        """The platform has answered what was sent in this turn."""
        turn.end = self._time()
        self._quickest = min(self._quickest, turn.end - turn.start)

    def unused(self, turn: Turn) -> None:
        """Nothing was sent in this turn after all."""
        turn.end = turn.start

    def rest(self, seconds: float) -> None:
        """Let nothing go for so long, as another sender may have been at it until now."""
        self._next = self._time() + seconds

    def _not_before(self) -> float:
        if len(self._recent) < (self._recent.maxlen or 0):
            return -math.inf
        oldest = self._recent[0]
        took = (self._time() if oldest.end is None else oldest.end) - oldest.start
        late = min(_LATEST, max(0.0, took - self._quickest)) if math.isfinite(self._quickest) else 0.0
        return oldest.start + late + _SECOND


class Limits:
    """Everything that decides when the next call may go out through one account of ours.

    `pause` tells how many seconds one chat is left alone after each message. A platform that asks us to wait may mean
    the chat or all of us and does not say which. It is taken for the chat, until two others are refused as well with
    nothing taken in between; until that is known, one call at a time finds out, and nothing else is tried.
    """

    def __init__(self, rate: float, time: Callable[[], float], pause: Callable[[str], float] = lambda _: 0.0) -> None:
        self.pace = Pace(rate, time)
        self._time = time
        self._pause = pause
        self._free: dict[str, float] = {}
        self._held: dict[str, float] = {}
        self._refused: set[str] = set()
        self._probe: Turn | None = None
        self._told = asyncio.Event()
        self._many = _MANY

    def rest(self, chat: str) -> float:
        """How many seconds this chat is still to be left alone by what nobody there has asked for."""
        return max(self.held(chat), self._free.get(chat, 0.0) - self._time())

    def held(self, chat: str) -> float:
        """How many seconds the platform wants nothing at all to go to this chat."""
        return max(0.0, self._held.get(chat, 0.0) - self._time())

    async def turn(self) -> Turn:
        """Wait for the next moment to send at; while it is in doubt whether we may, only one call has one."""
        while True:
            while self._refused and self._probe is not None:
                await self._told.wait()
            turn = await self.pace.turn()
            if not self._refused:
                return turn
            if self._probe is None:
                self._probe = turn
                return turn
            self.pace.unused(turn)

    def done(self, turn: Turn, chat: str) -> None:
        """The platform has answered what was sent to `chat` in this turn."""
        self.pace.done(turn)
        self.told(chat)
        self._over(turn)

    def told(self, chat: str) -> None:
        """This chat has got something, so it is left alone for a while."""
        if pause := self._pause(chat):
            self._free[chat] = self._time() + pause
            self._forget()

    def unused(self, turn: Turn) -> None:
        self.pace.unused(turn)
        self._over(turn)

    def refused(self, chat: str, seconds: float) -> bool:
        """The platform asks to wait for so long; returns whether that is meant for all chats."""
        self._refused.add(chat)
        self._held[chat] = max(self._held.get(chat, 0.0), self._time() + seconds)
        return len(self._refused) >= CHATS_THAT_MEAN_ALL

    def taken(self) -> None:
        """The platform has taken a call, so it does not refuse us altogether."""
        self._refused.clear()
        self._tell()

    def _over(self, turn: Turn) -> None:
        if self._probe is turn:
            self._probe = None
            self._tell()

    def _tell(self) -> None:
        self._told.set()
        self._told = asyncio.Event()

    def _forget(self) -> None:
        """Keep only the chats that are at rest; at a high rate there are many others."""
        if len(self._free) + len(self._held) > self._many:
            now = self._time()
            self._free = {chat: end for chat, end in self._free.items() if end > now}
            self._held = {chat: end for chat, end in self._held.items() if end > now}
            self._many = max(_MANY, 2 * (len(self._free) + len(self._held)))
