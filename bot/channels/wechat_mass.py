"""Sends the mass messages that operators have ordered, one call after another, each under its own key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from bot.channels.outcomes import Closed, Outcome, Retry, Sent, Stop, Unknown
from bot.channels.parts import Parts
from bot.channels.wechat_client import WeChatClient
from bot.channels.wechat_pages import TEXT_LIMIT_BYTES, harmless
from bot.channels.wechat_push import Capabilities, shortened
from bot.channels.wechat_routes import MASS
from bot.database import DatabaseUnavailable
from domain.messages import mass
from domain.messages.mass import Batch
from domain.messages.outbox import ANNOUNCEMENT
from domain.wording import words

log = structlog.get_logger()

LOOK_SECONDS: Final = 5.0
AFTER_UNKNOWN_SECONDS: Final = 60.0
STOPPED_SECONDS: Final = 600.0


class MassSender:
    """One per account and house: whoever may, looks every few seconds whether something was ordered."""

    def __init__(self, parts: Parts, client: WeChatClient, able: Capabilities) -> None:
        self._parts = parts
        self._client = client
        self._able = able
        self._task: asyncio.Task[None] | None = None

    def start(self, may_send: Callable[[], bool]) -> None:
        self._task = asyncio.create_task(self._keep_sending(may_send), name="wechat-mass")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_sending(self, may_send: Callable[[], bool]) -> None:
        while True:
            pause = LOOK_SECONDS
            if may_send():
                try:
                    pause = await self.round() or LOOK_SECONDS
                except DatabaseUnavailable as error:
                    log.warning("wechat.database_unavailable", error=str(error))
                except Exception:
                    log.exception("wechat.mass_failed")
            await asyncio.sleep(pause)

    async def round(self) -> float | None:
        """Send everything that was ordered; returns how many seconds to wait where WeChat says so."""
        while MASS in self._able.now and await self._parts.database.read(mass.anything_open):
            now = self._parts.clock()
            quota = mass.quota(self._parts.settings.wechat.kind, self._parts.shop.timezone, now=now)
            batch = await self._parts.database.write(partial(mass.next_batch, limit_to=quota, now=now))
            if batch is None:
                return None
            pause = await self._became(batch, await self._send(batch))
            if pause is not None:
                return pause
        return None

    async def _send(self, batch: Batch) -> Outcome:
        say = self._parts.texts.say
        text = harmless(say(words(ANNOUNCEMENT, text=batch.text), batch.locale))
        if len(text.encode()) > TEXT_LIMIT_BYTES:
            text = shortened(text, say(words("wechat.read_on"), batch.locale))
        return await self._client.send_mass_text(batch.accounts, text, client_msg_id=batch.key)

    async def _became(self, batch: Batch, outcome: Outcome) -> float | None:
        """Write down what became of it; what may have been sent is sent again, since WeChat knows its key."""
        log.info("wechat.mass", batch=batch.id, recipients=len(batch.accounts), outcome=type(outcome).__name__)
        now = self._parts.clock()
        match outcome:
            case Sent(message_id):
                await self._parts.database.write(partial(mass.sent, batch=batch.id, platform_id=message_id, now=now))
                await self._able.proved(MASS)
                return None
            case Unknown():
                return AFTER_UNKNOWN_SECONDS
            case Retry(after_seconds):
                return after_seconds
            case Stop():
                return STOPPED_SECONDS
            case Closed(reason, alert=True):
                await self._able.refused(MASS, reason)
        used_up = isinstance(outcome, Closed) and not outcome.alert
        await self._parts.database.write(
            partial(mass.not_sent, batch=batch.id, reason=outcome.reason, used_up=used_up, now=now)
        )
        return None
