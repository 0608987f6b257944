"""Alive, ready, and the figures: what watches the house asks here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.database import DatabaseUnavailable
from bot.web import problems
from bot.web.api.serving import Keys
from bot.web.metrics import CONTENT_TYPE, Metrics, snapshot
from bot.web.parts import Parts
from bot.web.security import Callers

ANSWER_SECONDS: Final = 3.0


class Health:
    def __init__(self, parts: Parts, metrics: Metrics, callers: Callers, keys: Keys) -> None:
        self._parts = parts
        self._metrics = metrics
        self._callers = callers
        self._keys = keys

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.figures),
        ]

    async def alive(self, request: web.Request) -> web.Response:
        return web.Response(text="alive\n", headers={"Cache-Control": "no-store"})

    async def ready(self, request: web.Request) -> web.Response:
        """Ready is whose database answers and has the schema that this program was written for."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                current = await self._parts.database.read(self._is_current)
        except (DatabaseUnavailable, TimeoutError):
            raise problems.unavailable() from None
        if not current:
            raise problems.unavailable("The database's schema is not the current one; run `fenxiao migrate`")
        return web.Response(text="ready\n", headers={"Cache-Control": "no-store"})

    def _is_current(self, db: Session) -> bool:
        db.execute(select(1))
        return self._parts.schema_is_current(db)

    async def figures(self, request: web.Request) -> web.Response:
        """For callers on this machine, and for those with an API key."""
        if not self._callers.is_local(request):
            await self._keys.required(request, "read")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                seen = await self._parts.database.read(snapshot)
        except (DatabaseUnavailable, TimeoutError):
            seen = None
        return web.Response(body=self._metrics.text(seen), headers={"Content-Type": CONTENT_TYPE + "; charset=utf-8"})
