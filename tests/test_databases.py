"""The databases that tests stand on."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert, make_url, select, text
from sqlalchemy.exc import DBAPIError

from bot.database import Database
from domain.schema import Brand


def test_each_test_finds_an_empty_database(database: Database) -> None:
    with database.transaction() as db:
        assert db.execute(select(Brand)).all() == []
        db.execute(insert(Brand).values(name="HADA"))
    assert database.read_now(lambda db: db.scalars(select(Brand.name)).all()) == ["HADA"]


def test_another_test_of_the_same_run_leaves_nothing_behind(database: Database) -> None:
    test_each_test_finds_an_empty_database(database)


def test_a_bare_database_has_no_tables(bare_database_url: str) -> None:
    database = Database(bare_database_url)
    with pytest.raises(DBAPIError), database.transaction() as db:
        db.execute(text("SELECT count(*) FROM member"))
    database.close()


async def test_the_write_ahead_log_is_moved_beside_the_writer(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's commit pays for the others: a thread does it, and what was committed is in the file."""
    monkeypatch.setattr("bot.database.CHECKPOINT_SECONDS", 0.01)
    database = Database(sqlite_url)
    file = Path(str(make_url(sqlite_url).database))
    await database.write(lambda db: db.execute(insert(Brand).values(name="HADA-LABO")))
    async with asyncio.timeout(10):
        while b"HADA-LABO" not in file.read_bytes():  # noqa: ASYNC110, ASYNC240 - it is time we wait for
            await asyncio.sleep(0.01)
    database.close()
