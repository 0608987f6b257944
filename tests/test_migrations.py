"""Migrations: what they make is the schema that the program expects, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import inspect, text

from bot import migrate
from bot.database import Database
from domain.schema import Base
from migrations import scripts

HOW = "the schema has changed: write a migration (see migrations/scripts.py)"
TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgname NOT LIKE 'procrastinate%'",
}
RELEASED = {"0001": "1f110c1719ec686b1650fecc38a1bc86970c98949215b27f4cb7478cc347a860"}


@pytest.fixture
def bare(bare_database_url: str) -> Iterator[Database]:
    database = Database(bare_database_url)
    yield database
    database.close()


def _index(index: Any) -> str:
    condition = {key: " ".join(str(value).split()) for key, value in index.pop("dialect_options", {}).items()}
    return f"{sorted(index.items(), key=str)} {condition}"


def made(database: Database) -> dict[str, object]:
    """Everything that a schema consists of, by name; the order of columns is a matter of taste."""
    tables: dict[str, object] = {}
    with database.reading.connect() as connection:
        look = inspect(connection)
        for name in look.get_table_names():
            if name.startswith(("alembic", "procrastinate")):
                continue
            tables[name] = [
                sorted(
                    (c["name"], str(c["type"]), c["nullable"], c["default"] and "nextval" not in c["default"])
                    for c in look.get_columns(name)
                ),
                look.get_pk_constraint(name)["constrained_columns"],
                sorted(_index(index) for index in look.get_indexes(name)),
                sorted(look.get_unique_constraints(name), key=str),
                sorted(look.get_foreign_keys(name), key=str),
                sorted((c["name"], "".join(c["sqltext"].split())) for c in look.get_check_constraints(name)),
            ]
        tables["triggers"] = sorted(connection.scalars(text(TRIGGERS[connection.dialect.name])))
        if database.sqlite:
            tables["strict"] = sorted(connection.execute(text("SELECT name, strict, wr FROM pragma_table_list")).all())
    return tables


def test_migrating_an_empty_database_makes_the_very_schema(bare: Database, request: pytest.FixtureRequest) -> None:
    expected = Database(request.getfixturevalue("sqlite_url" if bare.sqlite else "postgresql_url"))
    assert bare.read_now(migrate.is_empty)
    assert migrate.migrate(bare)
    assert bare.read_now(migrate.is_current)
    assert not migrate.migrate(bare)
    assert made(bare) == made(expected), HOW
    expected.close()


def test_released_migrations_stay_as_they_are() -> None:
    for number, known in RELEASED.items():
        files = sorted(scripts.FOLDER.glob(f"{number}_*.*"))
        assert sha256(b"".join(file.read_bytes() for file in files)).hexdigest() == known, files


def test_a_database_of_another_version_is_not_current(bare: Database) -> None:
    migrate.migrate(bare)
    with bare.transaction() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert not bare.read_now(migrate.is_current)


def test_every_table_is_strict_on_sqlite() -> None:
    assert scripts.script("sqlite").count(" STRICT") == len(Base.metadata.tables)
