"""The front door: callers who never finish what they say are shown out, so that everybody else is served.

aiohttp waits an hour for a request's headers. Here whoever has begun a request has HEADER_SECONDS to finish its headers
and is then answered 408; a connection on which nothing was ever said, or nothing since the last answer, is closed after
IDLE_SECONDS. A reverse proxy in front should let go of idle connections sooner than that. Once MOST_CONNECTIONS are
open, those that have said nothing for longest make room.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Sequence
from typing import Any, Final, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.web import problems
from bot.web.security import HEADERS

HEADER_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 75.0
LINGER_SECONDS: Final = 2.0
"""How long the rest of a body that nobody wants is still read, so that the caller hears the answer."""

MOST_CONNECTIONS: Final = 10_000
SPARE_FILES: Final = 128

log = structlog.get_logger(__name__)


class _Caller(web.RequestHandler):
    """One connection. Watches the time between the first byte of a request and the last of its headers."""

    __slots__ = ("_deadline", "header_seconds")

    def __init__(self, manager: web.Server, *, header_seconds: float, **options: Any) -> None:
        super().__init__(manager, **options)
        self.header_seconds = header_seconds
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Waiting for a request, or for the rest of one's headers."""
        return self._request_count == 0 if self._waiter is None else not self._waiter.done()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.idle:
            if self._deadline is None:
                self._deadline = self._loop.call_later(self.header_seconds, self._too_slow)
        elif self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        super().connection_lost(exc)

    def _too_slow(self) -> None:
        self._deadline = None
        if self.idle and self.transport is not None:
            self.transport.write(_raw(problems.too_slow()))
            self.force_close()

    def log_exception(self, *arguments: Any, **more: Any) -> None:
        """A body that breaks off while nobody reads it any more is no error of ours."""
        if not isinstance(more.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*arguments, **more)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What cannot even be read as HTTP is the caller's affair: answered as a problem, not logged as ours."""
        if request.writer.output_size > 0:
            raise ConnectionError("part of the answer is out already")
        if isinstance(exc, HttpProcessingError):
            problem = problems.Problem(400, "malformed", "This is not HTTP", headers={"Connection": "close"})
        else:
            log.error("web.failed", exc_info=exc)
            problem = problems.unexpected()
        answer = problems.response(problem)
        answer.headers.update(HEADERS)
        answer.force_close()
        return answer


class _Door(web.Server):
    """Makes a `_Caller` of every connection, and room for it."""

    def __init__(self, *arguments: Any, header_seconds: float, most: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.header_seconds = header_seconds
        self.most = most

    def __call__(self) -> web.RequestHandler:
        return _Caller(self, loop=self._loop, header_seconds=self.header_seconds, **self._kwargs)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._connections) > self.most:
            self._make_room(handler)

    def _make_room(self, newcomer: web.RequestHandler) -> None:
        for caller in self._connections:  # the oldest first
            if caller is not newcomer and cast(_Caller, caller).idle:
                caller.force_close()
                return
        transport = self._connections[newcomer]
        transport.write(_raw(problems.unavailable("Too many are being served at the moment")))
        newcomer.force_close()


class Runner(web.AppRunner):
    """Serves a web application behind the front door."""

    def __init__(
        self,
        app: web.Application,
        *,
        header_seconds: float = HEADER_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
        most: int | None = None,
        shutdown_seconds: float = 8.0,
    ) -> None:
        options: dict[str, Any] = {
            "keepalive_timeout": idle_seconds,
            "lingering_time": linger_seconds,
            "access_log": None,
        }
        super().__init__(app, handle_signals=False, shutdown_timeout=shutdown_seconds, **options)
        self._options = options
        self._header_seconds = header_seconds
        self._most = most or _room()

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return _Door(
            plain.request_handler,
            request_factory=plain.request_factory,
            header_seconds=self._header_seconds,
            most=self._most,
            **self._options,
        )

    async def listen(self, host: str, port: int) -> Sequence[tuple[str, int]]:
        """Start to serve and return where: with port 0 the system has chosen one."""
        await self.setup()
        await web.TCPSite(self, host, port, backlog=1024).start()
        return [(address[0], address[1]) for address in self.addresses]


def _room() -> int:
    """How many connections this process has files for; the system is asked for as many as it gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(16, min(MOST_CONNECTIONS, soft - SPARE_FILES))


def _raw(problem: problems.Problem) -> bytes:
    """A problem as the bytes of a whole HTTP answer, for where there is no request to answer to."""
    body = problems.body_of(problem)
    lines = [
        f"HTTP/1.1 {problem.status} {problem.title}",
        f"Content-Type: {problems.CONTENT_TYPE}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in problem.headers.items() if name != "Connection"),
        "Connection: close",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body
