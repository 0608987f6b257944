"""Migrations: what they make is the schema that the program expects, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import inspect, text

from bot import migrate
from bot.database import Database
from domain.messages import announcements
from domain.schema import Base
from migrations import scripts

HOW = "the schema has changed: write a migration (see migrations/scripts.py)"
TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgname NOT LIKE 'procrastinate%'",
}
RELEASED = {
    "0001": "1f110c1719ec686b1650fecc38a1bc86970c98949215b27f4cb7478cc347a860",
    "0002": "5f2540c974d38390c13331845272d326048137f33c77c4ea96697e7813802828",
    "0003": "6767a85f866b22941aff20a389cffcd15ecf6ee7cc51074dac964fa211fba78b",
    "0004": "7bd5907ac491e4daab8b3ffd41a7cb9f4fc964d495955c38c8a5c335cb23a06e",
    "0005": "1eb95d642c47af92c52d339d84d77238a97aab40423ce16238836ad3e41dc316",
    "0006": "0c5968e33936b8214de395ca469755fc705b3b57f39b41c2f0935741b7e58456",
    "0007": "cd061562b633ddc5eb612b707c1680139b91bfdcd04291e7494ad6481992d535",
}


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


def test_an_announcement_of_the_first_release_is_for_everybody_after_the_second(bare: Database) -> None:
    """Migrating keeps what was written: here a database as the first release left it."""
    first = (scripts.FOLDER / f"0001_{'sqlite' if bare.sqlite else 'postgresql'}.sql").read_text(encoding="utf-8")
    at = "0" if bare.sqlite else "now()"
    with bare.transaction() as db:
        for statement in first.strip().split("\n\n"):
            db.connection().exec_driver_sql(statement, execution_options={"no_parameters": True})
        db.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
        db.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
        columns = "id, text, audience, at, state, reached_id, left_out, created_by, created_at"
        values = f"7, '您好', 'all', {at}, 'scheduled', 0, 0, 'cli', {at}"
        db.execute(text(f"INSERT INTO announcement ({columns}) VALUES ({values})"))
    assert not bare.read_now(migrate.is_current)
    assert migrate.migrate(bare)
    found = bare.read_now(lambda db: announcements.find(db, 7))
    assert (found.text, found.text_en) == ("您好", None)


def test_a_database_of_another_version_is_not_current(bare: Database) -> None:
    migrate.migrate(bare)
    with bare.transaction() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert not bare.read_now(migrate.is_current)


def test_every_table_is_strict_on_sqlite() -> None:
    assert scripts.script("sqlite").count(" STRICT") == len(Base.metadata.tables)
