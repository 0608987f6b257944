"""Migrations: what they make is the schema that the program expects, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import inspect, text

from bot import migrate
from bot.database import Database
from domain.schema import Base
from migrations import first

HOW = "the schema has changed: write a migration, or before the first release run `python -m migrations.first`"


@pytest.fixture
def bare(bare_database_url: str) -> Iterator[Database]:
    database = Database(bare_database_url)
    yield database
    database.close()


def made(database: Database) -> dict[str, object]:
    """Everything that a schema consists of, by name."""
    if database.sqlite:
        query = "SELECT type || ' ' || name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL"
        found = database.read_now(lambda db: db.execute(text(query)).all())
        return {name: " ".join(sql.replace("( ", "(").split()) for name, sql in found}
    tables: dict[str, object] = {}
    with database.reading.connect() as connection:
        look = inspect(connection)
        for name in look.get_table_names():
            if name.startswith(("alembic", "procrastinate")):
                continue
            tables[name] = [
                [(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(name)],
                look.get_pk_constraint(name),
                sorted(look.get_indexes(name), key=str),
                sorted(look.get_unique_constraints(name), key=str),
                sorted(look.get_foreign_keys(name), key=str),
                sorted(look.get_check_constraints(name), key=str),
            ]
        triggers = text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgname NOT LIKE 'procrastinate%'")
        tables["triggers"] = sorted(connection.scalars(triggers))
    return tables


def test_migrating_an_empty_database_makes_the_very_schema(bare: Database, request: pytest.FixtureRequest) -> None:
    expected = Database(request.getfixturevalue("sqlite_url" if bare.sqlite else "postgresql_url"))
    assert bare.read_now(migrate.is_empty)
    assert migrate.migrate(bare)
    assert bare.read_now(migrate.is_current)
    assert not migrate.migrate(bare)
    assert made(bare) == made(expected), HOW
    expected.close()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_first_migration_is_what_the_schema_says(dialect: str) -> None:
    written = (first.FOLDER / f"0001_{dialect}.sql").read_text(encoding="utf-8")
    assert written == first.script(dialect), HOW


def test_a_database_of_another_version_is_not_current(bare: Database) -> None:
    migrate.migrate(bare)
    with bare.transaction() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert not bare.read_now(migrate.is_current)


def test_every_table_is_strict_on_sqlite() -> None:
    assert first.script("sqlite").count(" STRICT") == len(Base.metadata.tables)
