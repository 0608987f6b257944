"""Requests that arrive at the same time are written together: one transaction for all, an answer for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from bot.database import Database

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Collects what comes while a group is being written, and then writes that as the next group.

    `work` gets a list and returns one result for each, in order. If it fails for a group, each of the group is tried
    alone, so that nobody pays for another's mistake.
    """

    def __init__(self, database: Database, work: Callable[[Session, list[T]], Sequence[R]], *, most: int = 64) -> None:
        self._database, self._work, self._most = database, work, most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def do(self, item: T) -> R:
        """Return the result for `item` once it is written durably; raises what `work` raises for it alone."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        try:
            await asyncio.sleep(0)  # let those in who arrive in the same moment
            while self._waiting:
                group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                if not await self._group(group, alone=len(group) == 1):
                    for one in group:
                        await self._group([one], alone=True)
        finally:
            self._writing = None

    async def _group(self, group: list[tuple[T, asyncio.Future[R]]], *, alone: bool) -> bool:
        """Write the group and answer everybody in it; False if it failed and nobody was answered."""
        items = [item for item, _ in group]
        try:
            results = await self._database.write(lambda db: self._work(db, items))
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer gets it
            if not alone:
                return False
            if not group[0][1].done():
                group[0][1].set_exception(error)
            return True
        for (_, done), result in zip(group, results, strict=True):
            if not done.done():
                done.set_result(result)
        return True
