"""What comes in at the same time is written together: while one group is being committed, the next one gathers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from bot.database import Database, DatabaseUnavailable

T = TypeVar("T")
R = TypeVar("R")

MOST_TOGETHER = 64
MOST_WAITING = 10_000
GATHER_SECONDS = 0.002
"""So long at most a group waits for as many as came with the last one and while that was written.

Begun at once it would be half as big, at the same cost. Whoever comes alone after somebody who came alone never waits.
"""


class _Group(Generic[T, R]):
    __slots__ = ("answers", "items")

    def __init__(self) -> None:
        self.items: list[T] = []
        self.answers: list[asyncio.Future[R]] = []


class Batcher(Generic[T, R]):
    """Hands items that arrive together to `work` in one transaction; each caller gets the answer to its own item.

    `work` returns one answer per item, in their order. If a group fails each of its items is tried by itself, so that
    only the guilty one hears of it. If the database is unavailable all of them hear that, and so does `not_written`.
    `on_group` is told the size of every group.
    """

    def __init__(
        self,
        database: Database,
        work: Callable[[Session, list[T]], Sequence[R]],
        *,
        most: int = MOST_TOGETHER,
        waiting: int = MOST_WAITING,
        on_group: Callable[[int], None] = lambda size: None,
        not_written: Callable[[Sequence[T]], None] = lambda items: None,
    ) -> None:
        self._database = database
        self._work = work
        self._most = most
        self._waiting = waiting
        self._on_group = on_group
        self._not_written = not_written
        self._groups: deque[_Group[T, R]] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._expected = 1  # how many the next group waits for
        self._gathered: asyncio.Future[None] | None = None

    async def do(self, item: T) -> R:
        """Return the answer to `item` once it is written durably; raises what `work` raises for it alone."""
        return await self.put(item)

    def put(self, item: T) -> asyncio.Future[R]:
        """Add an item to the next group and return its answer to be; DatabaseUnavailable if too many wait already."""
        groups = self._groups
        if not groups or len(groups[-1].items) >= self._most:
            if len(groups) * self._most >= self._waiting:
                raise DatabaseUnavailable("too much is waiting to be written")
            groups.append(_Group())
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        group = groups[-1]
        group.items.append(item)
        group.answers.append(answer)
        if self._gathered is not None and len(group.items) >= self._expected and not self._gathered.done():
            self._gathered.set_result(None)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return answer

    async def finish(self) -> None:
        """Wait until everything that was put has been written, or has failed."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    async def _write_all(self) -> None:
        try:
            await asyncio.sleep(0)  # let those in who arrive in the same moment
            while self._groups:
                if len(self._groups[0].items) < self._expected:
                    await self._gather()
                group = self._groups.popleft()
                await self._write(group)
                meanwhile = len(self._groups[0].items) if self._groups else 0
                self._expected = min(len(group.items) + meanwhile, self._most)
        finally:
            self._writing = None

    async def _gather(self) -> None:
        loop = asyncio.get_running_loop()
        self._gathered = loop.create_future()
        late = loop.call_later(GATHER_SECONDS, _end, self._gathered)
        await self._gathered
        late.cancel()
        self._gathered = None

    async def _write(self, group: _Group[T, R]) -> None:
        self._on_group(len(group.items))
        try:
            results = await self._database.write(lambda db: self._work(db, group.items))
        except DatabaseUnavailable as unavailable:
            self._not_written(group.items)
            for answer in group.answers:
                _fail(answer, unavailable)
        except Exception as error:  # noqa: BLE001 - below each is tried again alone and answers for itself
            if len(group.items) == 1:
                _fail(group.answers[0], error)
            else:
                await self._write_singly(group)
        else:
            for answer, result in zip(group.answers, results, strict=True):
                if not answer.done():
                    answer.set_result(result)

    async def _write_singly(self, group: _Group[T, R]) -> None:
        for item, answer in zip(group.items, group.answers, strict=True):
            alone: _Group[T, R] = _Group()
            alone.items.append(item)
            alone.answers.append(answer)
            await self._write(alone)


def _end(gathered: asyncio.Future[None]) -> None:
    if not gathered.done():
        gathered.set_result(None)


def _fail(answer: asyncio.Future[R], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
