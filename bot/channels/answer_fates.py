"""Which answers arrived: noted as they become known, written down together a moment later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from bot.channels.outcomes import Outcome, Sent, Unknown
from bot.database import Database, DatabaseUnavailable
from domain.messages import conversations
from domain.messages.conversations import WaitingAnswer

log = structlog.get_logger()

GROUP: Final = 200
GROUP_SECONDS: Final = 0.3  # what is sent and not yet written down is unknown after a crash
UNFINISHED: Final = timedelta(minutes=2)  # no answer is under way for so long
LOOK_SECONDS: Final = 15.0

LeftOver = Callable[[WaitingAnswer], Awaitable[None]]
"""Told of an answer that waits although nobody is at work on it; what is done about it depends on the platform."""


class AnswerFates:
    """Answers are marked in groups, so that a tap costs no transaction beyond its own."""

    def __init__(
        self,
        database: Database,
        channel: str,
        clock: Callable[[], datetime],
        left_over: LeftOver,
        *,
        after: timedelta = timedelta(),
    ) -> None:
        """`left_over` is told of what was received longer than `after` ago; what came after our start has time."""
        self._database = database
        self._channel = channel
        self._clock = clock
        self._left_over = left_over
        self._after = after
        self._states: dict[str, str] = {}
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for work in (self._keep_writing(), self._keep_looking()):
            self._tasks.append(asyncio.create_task(work, name=f"{self._channel}-fates"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._write()

    async def begins(self, update_key: str) -> bool:
        """Say whether to send this answer now; from then on it may have arrived. Without the database it waits."""
        try:
            beginning = partial(conversations.begin_answer, channel=self._channel, update_key=update_key)
            return await self._database.write(beginning)
        except DatabaseUnavailable as error:
            log.warning("answers.database_unavailable", error=str(error))
            return False

    def became(self, update_key: str, outcome: Outcome) -> None:
        """Note what became of the answer to this update."""
        state = "sent" if isinstance(outcome, Sent) else "unknown" if isinstance(outcome, Unknown) else "failed"
        self._states[update_key] = state
        self._news.set()

    async def _keep_writing(self) -> None:
        while True:
            await self._news.wait()
            if len(self._states) < GROUP:
                await asyncio.sleep(GROUP_SECONDS)
            self._news.clear()
            await self._write()

    async def _keep_looking(self) -> None:
        """Look for what a vanished process left behind: at once for what was there before us, then now and again."""
        patience = timedelta()
        while True:
            try:
                await self._look(patience)
            except DatabaseUnavailable as error:
                log.warning("answers.database_unavailable", error=str(error))
            except Exception:
                log.exception("answers.not_looked_after", channel=self._channel)
            await asyncio.sleep(LOOK_SECONDS)
            patience = timedelta(seconds=LOOK_SECONDS)

    async def _look(self, patience: timedelta) -> None:
        now = self._clock()
        giving_up = partial(conversations.give_up_answers, channel=self._channel, before=now - UNFINISHED)
        if unknown := await self._database.write(giving_up):
            log.warning("answers.unknown", channel=self._channel, count=unknown)
        waiting = partial(conversations.waiting_answers, channel=self._channel, before=now - max(patience, self._after))
        for left in await self._database.read(waiting):
            if left.update_key not in self._states:
                await self._see_to(left)

    async def _see_to(self, left: WaitingAnswer) -> None:
        """One that cannot be shown, for example since its text is gone, keeps none of the others waiting."""
        try:
            await self._left_over(left)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("answers.cannot_be_shown", channel=self._channel, update_key=left.update_key)
            self.became(left.update_key, Unknown("it cannot be shown"))

    async def _write(self) -> None:
        """Write down what there is; what cannot be written now is written with the next group."""
        states, self._states = self._states, {}
        if not states:
            return
        try:
            await self._database.write(partial(conversations.mark_answers, channel=self._channel, states=states))
        except DatabaseUnavailable as error:
            log.warning("answers.database_unavailable", error=str(error))
            self._states = states | self._states
        except Exception:
            log.exception("answers.not_marked", count=len(states))
