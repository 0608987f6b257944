"""Which answers arrived: noted as they become known, written down together a moment later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from bot.channels.outcomes import Outcome, Sent, Unknown
from bot.database import Database, DatabaseUnavailable
from domain.messages import conversations

log = structlog.get_logger()

GROUP: Final = 200
GROUP_SECONDS: Final = 1.0
UNFINISHED: Final = timedelta(minutes=2)  # no answer is under way for so long


class AnswerFates:
    """Answers are marked in groups, so that a tap costs no transaction beyond its own."""

    def __init__(self, database: Database, channel: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._channel = channel
        self._clock = clock
        self._states: dict[str, str] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_writing(), name=f"{self._channel}-fates")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._write()

    def became(self, update_key: str, outcome: Outcome) -> None:
        """Note what became of the answer to this update."""
        state = "sent" if isinstance(outcome, Sent) else "unknown" if isinstance(outcome, Unknown) else "failed"
        self._states[update_key] = state
        self._news.set()

    async def _keep_writing(self) -> None:
        await self._find_unfinished()
        while True:
            await self._news.wait()
            if len(self._states) < GROUP:
                await asyncio.sleep(GROUP_SECONDS)
            self._news.clear()
            await self._write()

    async def _find_unfinished(self) -> None:
        """Nobody knows whether an answer arrived that was being sent when a process vanished: it is not sent again."""
        before = self._clock() - UNFINISHED
        try:
            left = await self._database.read(
                partial(conversations.unfinished_answers, channel=self._channel, before=before)
            )
        except DatabaseUnavailable as error:
            log.warning("answers.database_unavailable", error=str(error))
            return
        if left:
            log.warning("answers.unknown", channel=self._channel, count=len(left))
            self._states = dict.fromkeys(left, "unknown") | self._states
            self._news.set()

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
