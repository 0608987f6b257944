"""The databases that tests stand on."""

import pytest
from sqlalchemy import insert, select, text
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
