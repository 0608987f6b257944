"""Requests that arrive together are written together."""

import asyncio

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bot.database import Database
from bot.together import Together
from domain.schema import Brand


def _add(db: Session, names: list[str]) -> list[str]:
    db.execute(insert(Brand), [{"name": name} for name in names])
    return [name.lower() for name in names]


async def test_who_comes_while_a_group_is_written_makes_the_next_one(database: Database) -> None:
    sizes: list[int] = []

    def work(db: Session, names: list[str]) -> list[str]:
        sizes.append(len(names))
        return _add(db, names)

    together = Together(database, work, most=16)
    answers = await asyncio.gather(*(together.do(f"B{n}") for n in range(40)))
    assert answers == [f"b{n}" for n in range(40)]
    assert sizes == [16, 16, 8]


async def test_one_that_fails_harms_nobody_else(database: Database) -> None:
    together = Together(database, _add)
    answers = await asyncio.gather(*(together.do(name) for name in ("A", "B", "A")), return_exceptions=True)
    assert answers[:2] == ["a", "b"]
    assert isinstance(answers[2], Exception)
    with database.transaction() as db:
        assert sorted(db.scalars(select(Brand.name))) == ["A", "B"]


async def test_somebody_who_left_does_not_stop_the_others(database: Database) -> None:
    together = Together(database, _add)
    leaving = asyncio.create_task(together.do("A"))
    staying = asyncio.create_task(together.do("B"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == "b"
    with pytest.raises(asyncio.CancelledError):
        await leaving
