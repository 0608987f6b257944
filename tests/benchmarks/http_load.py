"""The same caller for every HTTP benchmark: so many connections kept open, each asks again once it was answered."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Load:
    """What a run came to: server CPU per request in microseconds, and how long callers waited, in milliseconds."""

    cpu_us: float
    p50_ms: float
    p99_ms: float
    per_second: float


class Server:
    """A server in a process of its own: `python -m MODULE ARGUMENTS` prints its port, and its CPU time when asked."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self.port = int(self._line())

    def cpu_seconds(self) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write("cpu\n")
        self._process.stdin.flush()
        return float(self._line())

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the server of the benchmark did not start")
        return line


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[Server]:
    server = Server(module, *arguments)
    try:
        yield server
    finally:
        server.stop()


async def answer_for_cpu(port: int) -> None:
    """What a server's main does once it listens: say where, tell its CPU time when asked, end with its caller."""
    print(port, flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(time.process_time(), flush=True)


def load(server: Server, requests: Sequence[bytes], count: int, *, in_flight: int = 32) -> Load:
    """Send `requests` in turn, `count` altogether, over `in_flight` connections."""
    return uvloop.run(_load(server, requests, count, in_flight))


async def _load(server: Server, requests: Sequence[bytes], count: int, in_flight: int) -> Load:
    loop = asyncio.get_running_loop()
    work = iter(requests[number % len(requests)] for number in range(count))
    waits: list[float] = []
    before = server.cpu_seconds()
    started = time.perf_counter()
    callers = [
        (await loop.create_connection(lambda: _Caller(work, waits), "127.0.0.1", server.port))[1]
        for _ in range(in_flight)
    ]
    await asyncio.gather(*(caller.done for caller in callers))
    seconds = time.perf_counter() - started
    cpu = server.cpu_seconds() - before
    waits.sort()
    return Load(cpu / count * 1e6, waits[len(waits) // 2] * 1e3, waits[len(waits) * 99 // 100] * 1e3, count / seconds)


class _Caller(asyncio.Protocol):
    """Knows only as much HTTP as it needs: answers end with their headers, or have a Content-Length."""

    def __init__(self, work: Iterator[bytes], waits: list[float]) -> None:
        self._work = work
        self._waits = waits
        self._transport: Any = None
        self._heard = b""
        self._asked_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        request = next(self._work, None)
        if request is None:
            self._transport.close()
            self.done.set_result(None)
            return
        self._asked_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, found, rest = self._heard.partition(b"\r\n\r\n")
        if not found or len(rest) < _length(head):
            return
        if head[9:10] not in b"23":
            self.done.set_exception(RuntimeError(head.decode()))
            self._transport.close()
            return
        self._waits.append(time.perf_counter() - self._asked_at)
        self._heard = b""
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionResetError("the server closed the connection"))


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
