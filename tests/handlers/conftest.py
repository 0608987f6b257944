"""The house that every conversation happens in, furnished once and copied for each test."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from bot.database import Database
from domain.schema import Base
from tests import postgresql
from tests.handlers.house import House, furnish

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai, a Monday
_numbers = itertools.count(1)


def _careless(url: str) -> Database:
    """A database that does not wait for the disk: here nobody pulls the plug."""
    database = Database(url)
    if database.sqlite:
        event.listen(database.writing, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    return database


def _furnished(url: str) -> None:
    database = _careless(url)
    Base.metadata.create_all(database.writing)
    furnish(House(database, NOW))
    database.close()


@pytest.fixture(scope="session")
def _sqlite_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("house") / "house.db"
    _furnished(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _postgresql_house(postgresql_server: str) -> Iterator[str]:
    name = f"house_{os.getpid()}"
    _furnished(postgresql.create(postgresql_server, name))
    yield name
    postgresql.drop(postgresql_server, name)


@pytest.fixture
def one_house(_sqlite_house: Path, tmp_path: Path) -> Iterator[House]:
    """On SQLite alone, for what does not depend on the database."""
    path = tmp_path / "house.db"
    shutil.copy(_sqlite_house, path)
    database = _careless(f"sqlite:///{path}")
    yield House(database, NOW)
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """On SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("one_house")
        return
    server, template = request.getfixturevalue("postgresql_server"), request.getfixturevalue("_postgresql_house")
    name = f"{template}_{next(_numbers)}"
    database = Database(postgresql.create(server, name, template=template))
    yield House(database, NOW)
    database.close()
    postgresql.drop(server, name)
