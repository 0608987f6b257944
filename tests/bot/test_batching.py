"""Requests that arrive together are written together."""

import asyncio

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bot.batching import Batcher
from bot.database import Database, DatabaseUnavailable
from domain.schema import Brand


def _add(db: Session, names: list[str]) -> list[str]:
    db.execute(insert(Brand), [{"name": name} for name in names])
    return [name.lower() for name in names]


async def test_who_comes_while_a_group_is_written_makes_the_next_one(database: Database) -> None:
    sizes: list[int] = []

    def work(db: Session, names: list[str]) -> list[str]:
        sizes.append(len(names))
        return _add(db, names)

    batcher = Batcher(database, work, most=16)
    answers = await asyncio.gather(*(batcher.do(f"B{n}") for n in range(40)))
    assert answers == [f"b{n}" for n in range(40)]
    assert sizes == [16, 16, 8]


async def test_under_load_those_who_were_just_answered_come_along_again(database: Database) -> None:
    sizes: list[int] = []

    def work(db: Session, names: list[str]) -> list[str]:
        sizes.append(len(names))
        return _add(db, names)

    batcher = Batcher(database, work)

    async def caller(name: str) -> None:
        for turn in range(10):
            await batcher.do(f"{name}{turn}")
            await asyncio.sleep(0)  # the way to the caller and back

    await asyncio.gather(*(caller(f"B{n}-") for n in range(8)))
    assert sum(sizes) == 80
    assert len(sizes) < 14


async def test_one_that_fails_harms_nobody_else(database: Database) -> None:
    batcher = Batcher(database, _add)
    answers = await asyncio.gather(*(batcher.do(name) for name in ("A", "B", "A")), return_exceptions=True)
    assert answers[:2] == ["a", "b"]
    assert isinstance(answers[2], Exception)
    with database.transaction() as db:
        assert sorted(db.scalars(select(Brand.name))) == ["A", "B"]


async def test_somebody_who_left_does_not_stop_the_others(database: Database) -> None:
    batcher = Batcher(database, _add)
    leaving = asyncio.create_task(batcher.do("A"))
    staying = asyncio.create_task(batcher.do("B"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == "b"
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_when_the_database_is_gone_everybody_hears_so_and_nothing_is_forgotten(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    not_written: list[str] = []

    def work(db: Session, names: list[str]) -> list[str]:
        raise DatabaseUnavailable("disk is full")

    batcher: Batcher[str, str] = Batcher(database, work, not_written=not_written.extend)
    answers = await asyncio.gather(*(batcher.do(name) for name in ("A", "B")), return_exceptions=True)
    assert all(isinstance(answer, DatabaseUnavailable) for answer in answers)
    assert not_written == ["A", "B"]
    database.close()


async def test_more_than_can_wait_is_refused_at_once(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    batcher = Batcher(database, _add, most=2, waiting=4)
    waiting = [batcher.put(f"B{number}") for number in range(4)]
    with pytest.raises(DatabaseUnavailable):
        batcher.put("one too many")
    assert await asyncio.gather(*waiting) == ["b0", "b1", "b2", "b3"]
    database.close()
