"""Who may do what only one process at a time may do: scheduling, sending for an account, asking for updates."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Protocol

import structlog

if TYPE_CHECKING:
    import psycopg

log = structlog.get_logger()

_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 3.0


class Locks(Protocol):
    def want(self, name: str) -> None:
        """Try to get the lock `name` from now on, and again whenever it was lost."""

    def holds(self, name: str) -> bool:
        """Say whether this process may go on; ask before each step, for a lock can be lost."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Alone:
    """On SQLite there is one process, and it may do everything."""

    def want(self, name: str) -> None:
        pass

    def holds(self, name: str) -> bool:
        return True

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


class AdvisoryLocks:
    """PostgreSQL's advisory locks on a connection of their own: if it breaks, all of them are lost and known to be."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._wanted: list[str] = []
        self._held: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def want(self, name: str) -> None:
        if name not in self._wanted:
            self._wanted.append(name)

    def holds(self, name: str) -> bool:
        return name in self._held

    async def start(self) -> None:
        """Returns after the first try for every lock, so that what is free is held."""
        tried = asyncio.Event()
        self._task = asyncio.create_task(self._keep(tried), name="locks")
        await tried.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self, tried: asyncio.Event) -> None:
        import psycopg

        while True:
            try:
                await self._keep_connection(tried)
            except (psycopg.Error, OSError, TimeoutError) as error:
                if self._held:
                    log.warning("locks.lost", held=sorted(self._held), error=type(error).__name__)
            finally:
                self._held.clear()
            tried.set()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _keep_connection(self, tried: asyncio.Event) -> None:
        import psycopg

        async with asyncio.timeout(_ANSWER_SECONDS * 2):
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        try:
            # The server is to notice within seconds that this machine has vanished: others wait for its locks.
            for setting, value in (("idle", 5), ("interval", 2), ("count", 3)):
                await connection.execute(f"SET tcp_keepalives_{setting} = {value}")
            while True:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await self._look(connection)
                tried.set()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._held.clear()
            await connection.close()

    async def _look(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute("SELECT 1")
        for name in self._wanted:
            if name not in self._held:
                cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [_number(name)])
                row = await cursor.fetchone()
                if row is not None and row[0]:
                    self._held.add(name)
                    log.info("locks.held", name=name)


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"fenxiao:{name}".encode(), digest_size=8).digest(), signed=True)
