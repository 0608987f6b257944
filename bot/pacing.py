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
_CATCH_UP: Final = 3  # slots: after a longer pause the grid begins anew instead of being made up for


@dataclass(slots=True)
class Turn:
    """One moment to send at. `end` the turn when the platform has answered."""

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
            now = self._time()
            at = self._next if self._next > now - _CATCH_UP * self._step else now
            while (wait := max(at, self._not_before()) - self._time()) > 0:  # noqa: ASYNC110 - it is time we wait for
                await asyncio.sleep(wait)
            turn = Turn(self._time())
            self._next = at + self._step
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
