"""Where everything is joined: database, conversation, channels, web pages, delivery and clock, started and stopped."""

from __future__ import annotations

import asyncio
import errno
import importlib
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

import structlog
from sqlalchemy.orm import Session

from bot import migrate
from bot.channels.painting import Painter
from bot.channels.webchat import WebChat
from bot.delivery import Delivery
from bot.engine import Engine, InProcess, Queue
from bot.gateway import Gateway
from bot.job_runner import JobRunner
from bot.locks import AdvisoryLocks, Alone, Locks
from bot.pictures import demo_shelf
from bot.preparing import CannotStart, Prepared
from bot.rendering import Texts
from bot.scheduler import Scheduler
from config.settings import Settings
from handlers.routing import Shop, discover
from jobs import discover as discover_jobs

if TYPE_CHECKING:
    from aiohttp import web

    from bot.channels.sending import Channel

T = TypeVar("T")
Role = Literal["all", "web", "worker", "scheduler"]

log = structlog.get_logger()

STOP_SECONDS = 10.0


def clock() -> datetime:
    """The time, in UTC. The only place where it is read; everything else is told."""
    return datetime.now(UTC)


class App:
    """Everything that runs, and what its parts may ask of each other. To be made on the event loop."""

    def __init__(
        self, settings: Settings, prepared: Prepared, *, role: Role = "all", clock: Callable[[], datetime] = clock
    ) -> None:
        self.settings = settings
        self.role = role
        self.clock = clock
        self.database = prepared.database
        self.demo = prepared.demo
        self.demo_hook_secret = prepared.demo_hook_secret
        if self.database.sqlite and role != "all":
            raise CannotStart("Several processes need PostgreSQL: with the embedded database only --role all works.")
        self.texts = Texts(settings.timezone)
        self.shop = _shop(settings, demo=prepared.demo)
        self.routes = discover()
        self.painter = Painter(self.database, self.texts, self.shop, clock, own_picture=demo_shelf.own_picture)
        self.gateway = Gateway(
            self.database, self.routes, self.texts, self.shop, clock, prepare_picture=self.painter.prepare
        )
        self.locks = _locks(settings, self.database.sqlite)
        self.channels: dict[str, Channel] = {name: self._channel(name) for name in self.shop.channels}
        self.delivery = self._delivery()
        self.jobs = discover_jobs()
        self.engine = self._engine()
        self.scheduler = Scheduler(self.jobs, self.engine, self.database, self.locks, clock, settings.timezone)
        self._started = AsyncExitStack()

    # What the web side asks for: bot/web/parts.py.

    @property
    def hook_secrets(self) -> Sequence[str]:
        given = [secret.get_secret_value() for secret in self.settings.hook_secrets]
        return [*given, self.demo_hook_secret] if self.demo else given

    @property
    def extra_routes(self) -> Sequence[Iterable[web.AbstractRouteDef]]:
        from bot.web import shop

        return [*(channel.routes() for channel in self.channels.values()), shop.routes(self)]

    @property
    def schema_is_current(self) -> Callable[[Session], bool]:
        return migrate.is_current

    @property
    def wake_delivery(self) -> Callable[[], None]:
        return self.delivery.wake

    def set_telegram_username(self, name: str) -> None:
        """Telegram told us what our bot is called: invitations can lead there."""
        self.shop = self.gateway.shop = replace(self.shop, telegram_username=name)

    def _channel(self, name: str) -> Channel:
        channel: Channel = importlib.import_module(f"bot.channels.{name}").make_channel(self)
        return channel

    def _delivery(self) -> Delivery:
        senders = {name: channel.sender for name, channel in self.channels.items()}
        return Delivery(
            self.database,
            self.texts,
            senders,
            self.locks,
            self.clock,
            locale=self.settings.locale,
            sends=self.role in ("all", "worker"),
        )

    def _engine(self) -> Engine:
        loop = asyncio.get_running_loop()

        def in_turn(work: Callable[[Session], T]) -> T:
            """On SQLite jobs take their turn among all other writers instead of racing them for the connection."""
            return asyncio.run_coroutine_threadsafe(self.database.write(work), loop).result()

        write = in_turn if self.database.sqlite else self.database.write_now
        runner = JobRunner(write, self.database.read_now, self.clock, self.settings.timezone)
        if self.database.sqlite:
            return InProcess(runner, self.jobs)
        url = self.settings.database_url.get_secret_value()
        return Queue(url, runner, self.jobs, works=self.role in ("all", "worker"))

    async def start(self) -> None:
        """Start what this process's role includes; whatever was started is stopped in reverse. Raises CannotStart."""
        self._on_stop(asyncio.to_thread, self.database.close)
        self._on_stop(self.painter.close)
        await self.locks.start()
        self._on_stop(self.locks.stop)
        if self.role != "scheduler":
            await self._start_channels()
        if self.role in ("all", "web"):
            await self._start_web()
        await self.engine.start()
        self._on_stop(self.engine.stop)
        if self.role != "scheduler":
            await self.delivery.start()
            self._on_stop(self.delivery.stop)
        if self.role in ("all", "scheduler"):
            await self.scheduler.start()
            self._on_stop(self.scheduler.stop)
        log.info("started", role=self.role, channels=list(self.channels), demo=self.demo)

    def _on_stop(self, stop: Callable[..., Awaitable[object]], *arguments: object) -> None:
        self._started.push_async_callback(stop, *arguments)

    async def _start_channels(self) -> None:
        for name, channel in self.channels.items():
            lock = f"poll:{name}"
            if self.role in ("all", "web"):
                self.locks.want(lock)
            await channel.start(may_poll=partial(self.locks.holds, lock))
            self._on_stop(channel.stop)

    async def _start_web(self) -> None:
        from bot.web.app import make_web_app
        from bot.web.server import Runner

        runner = Runner(make_web_app(self), shutdown_seconds=STOP_SECONDS / 3)
        self._on_stop(runner.cleanup)
        self._on_stop(self._hang_up)
        host, port = self.settings.host, self.settings.port
        try:
            await runner.listen(host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotStart(
                    f"Port {port} is in use: is Fenxiao running already? FENXIAO_PORT chooses another one."
                ) from None
            raise CannotStart(f"Cannot listen on {host}:{port}: {error.strerror}") from None

    async def _hang_up(self) -> None:
        """Chat pages that are open would hold up the stop: they come back by themselves."""
        webchat = self.channels.get("webchat")
        if isinstance(webchat, WebChat):
            webchat.hang_up()

    async def stop(self) -> None:
        """Let what is under way come to its end, write everything down, let go of the database; within ten seconds."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._started.aclose()
        except TimeoutError:
            log.warning("stopped.late", after_seconds=STOP_SECONDS)
        else:
            log.info("stopped")


async def run(settings: Settings, prepared: Prepared, role: Role, started: Callable[[App], None]) -> None:
    """Run until SIGTERM or SIGINT; `started` is called once everything answers."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = App(settings, prepared, role=role)
    try:
        await app.start()
        started(app)
        await stop.wait()
    finally:
        await app.stop()


def _shop(settings: Settings, *, demo: bool) -> Shop:
    channels = ["webchat"]
    channels += ["telegram"] if settings.telegram_on else []
    channels += ["wechat"] if settings.wechat_on else []
    return Shop(
        public_url=settings.public_url,
        shop_url=settings.shop_url or f"{settings.public_url}/shop/{{sku}}?code={{code}}",
        timezone=settings.timezone,
        locale=settings.locale,
        currency=settings.currency,
        demo=demo,
        channels=tuple(channels),
        wechat_mass=settings.wechat.kind if settings.wechat_on and settings.wechat.certified else None,
        contact=settings.contact,
    )


def _locks(settings: Settings, sqlite: bool) -> Locks:
    return Alone() if sqlite else AdvisoryLocks(settings.database_url.get_secret_value())
