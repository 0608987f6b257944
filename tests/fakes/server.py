"""What the fake platforms have in common: a real HTTP server on this machine that can be told to misbehave."""

import asyncio
import json
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from aiohttp import web

KINDS = {
    "429": "too many requests, with retry_after=1 (Telegram)",
    "500": "the platform's own error answer with `status` (500)",
    "html": "a web page instead of an answer, with `status` (502)",
    "hang": "takes the request and never answers; nothing is carried out",
    "drop": "takes the request and cuts the connection; nothing is carried out",
    "accepted_then_no_answer": "carries it out, then cuts the connection",
    "accepted_then_hang": "carries it out, then never answers",
    "half_json": "carries it out, then sends the first half of the answer as if it were whole",
    "cut": "carries it out, then cuts the connection in the middle of the answer",
    "ok_false": "status 200 with ok=false inside, `code` (400) and `description` (Telegram)",
    "errcode": "status 200 with the error code `code` inside (WeChat)",
}
WEB_PAGE = "<html><head><title>Bad Gateway</title></head><body><h1>nginx</h1>{path}</body></html>"


@dataclass
class Fault:
    """One scripted misbehaviour. `hits` counts how often it has struck."""

    method: str
    kind: str
    times: int | None
    share: float | None
    recipient: str | None
    options: dict[str, Any]
    hits: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def strikes(self, method: str, recipient: str) -> bool:
        if self.method not in ("*", method) or self.recipient not in (None, recipient):
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.share is not None and self.chance.random() >= self.share:
            return False
        self.hits += 1
        return True


class FakeServer:
    """A platform on 127.0.0.1; `async with` starts and stops it.

    `syncs_in_groups`: the log is on disk after `on_disk`, not after each `accept`.
    """

    syncs_in_groups = False

    def __init__(self, *, now: Callable[[], datetime] | None = None, log_file: str | Path | None = None) -> None:
        self.now = now or _wall_clock
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Every call that arrived, with its parameters, whatever became of it."""
        self.accepted: list[dict[str, Any]] = []
        """Every message that the platform took over, in order: what people really got."""
        self.base_url = ""
        self._log_file = open(log_file, "a", encoding="utf-8") if log_file else None  # noqa: SIM115
        self._syncing = asyncio.Lock()
        self._synced = 0
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def routes(self, app: web.Application) -> None:
        raise AssertionError("a fake platform adds its routes here")

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> Self:
        app = web.Application(client_max_size=60 * 1024 * 1024)
        self.routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.base_url = f"http://{host}:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        self._closing.set()
        self.changed()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._log_file is not None:
            self._log_file.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # Misbehaviour

    def fault(
        self,
        method: str,
        kind: str,
        *,
        times: int | None = None,
        share: float | None = None,
        recipient: object = None,
        **options: Any,
    ) -> Fault:
        """Make calls of `method` ("*": of every method) fail as `kind` says, see KINDS.

        `times`: how often, for ever if left out; `share`: which part of the calls, 0.05 for one in twenty, the same
        ones in every run; `recipient`: only for this chat or openid.
        """
        assert kind in KINDS, f"there is no fault {kind!r}; there are:\n" + "\n".join(
            f"  {k}: {v}" for k, v in KINDS.items()
        )
        fault = Fault(method, kind, times, share, None if recipient is None else str(recipient), options)
        self.faults.append(fault)
        return fault

    def behave(self) -> None:
        """End all misbehaviour."""
        self.faults.clear()

    async def misbehave(
        self,
        request: web.Request,
        fault: Fault,
        carry_out: Callable[[], Awaitable[web.Response]],
        own_error: Callable[[Fault], web.Response],
    ) -> web.StreamResponse:
        if fault.kind in ("hang", "drop"):
            return await self._silence(request, hang=fault.kind == "hang")
        if fault.kind in ("accepted_then_no_answer", "accepted_then_hang"):
            await carry_out()
            return await self._silence(request, hang=fault.kind == "accepted_then_hang")
        if fault.kind == "html":
            page = WEB_PAGE.format(path=request.path)
            return web.Response(status=fault.options.get("status", 502), text=page, content_type="text/html")
        if fault.kind == "half_json":
            whole = _bytes_of(await carry_out())
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
        if fault.kind == "cut":
            return await self._cut(request, _bytes_of(await carry_out()))
        return own_error(fault)

    async def _silence(self, request: web.Request, *, hang: bool) -> web.Response:
        if hang:
            await self._closing.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _cut(self, request: web.Request, whole: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(whole)), "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(whole[: len(whole) // 2])
        if request.transport is not None:
            request.transport.close()
        return response

    # What happened

    def accept(self, entry: dict[str, Any]) -> None:
        """Record a message that the platform took over; on disk before it is answered if there is a log file."""
        self.accepted.append(entry)
        if self._log_file is not None:
            self._log_file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._log_file.flush()
            if not self.syncs_in_groups:
                os.fsync(self._log_file.fileno())

    async def on_disk(self) -> None:
        """Wait until all that was accepted so far is on disk; whoever waits at the same time shares one fsync."""
        if self._log_file is None or not self.syncs_in_groups:
            return
        mine = len(self.accepted)
        async with self._syncing:
            if self._synced < mine:
                written = len(self.accepted)
                await asyncio.to_thread(os.fsync, self._log_file.fileno())
                self._synced = written

    def changed(self) -> None:
        """Wake everybody who waits for something to happen."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, found: Callable[[], Any], *, within: float, complaint: Callable[[], str]) -> Any:
        """Return what `found` returns as soon as it is true; after `within` seconds fail with the complaint."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while not (result := found()):
            left = deadline - loop.time()
            if left <= 0:
                raise AssertionError(complaint())
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                continue
        return result


def _bytes_of(response: web.Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


def _wall_clock() -> datetime:
    return datetime.now(UTC)
