"""One channel at work: the shop of the conversation tests behind a real web server, a fake platform before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.channels.painting import Painter
from bot.channels.sending import Channel
from bot.database import Database
from bot.gateway import Gateway
from bot.rendering import Texts
from config.settings import Settings, load_settings
from handlers.routing import Routes, Shop, discover
from tests.handlers.house import House

PUBLIC_URL = "https://go.example.com"


class Office:
    """What a channel is given, as the composition root would."""

    def __init__(self, house: House, **environ: str) -> None:
        self.house = house
        self.settings: Settings = load_settings({"FENXIAO_PUBLIC_URL": PUBLIC_URL} | environ)
        self.database: Database = house.database
        self.texts: Texts = house.texts
        self.shop: Shop = house.shop
        self.routes: Routes = discover()
        self.clock: Callable[[], datetime] = lambda: self.house.now
        self.gateway = Gateway(self.database, self.routes, self.texts, self.shop, self.clock)
        self.painter = Painter(self.database, self.texts, self.shop, self.clock)
        self.woken = 0
        self.username = ""

    @property
    def wake_delivery(self) -> Callable[[], None]:
        return self._wake

    def _wake(self) -> None:
        self.woken += 1

    def set_telegram_username(self, name: str) -> None:
        self.username = name

    @asynccontextmanager
    async def serving(self, channel: Any, *, may_poll: bool = True) -> AsyncIterator[str]:
        """Let the channel work on a port of its own; yields the address of its server."""
        assert _fits(channel)
        app = web.Application()
        app.add_routes(channel.routes())
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
            await channel.stop()
            await self.painter.close()


def _fits(channel: Channel) -> bool:
    return bool(channel.name)
