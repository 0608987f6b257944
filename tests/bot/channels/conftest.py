"""The shop of the conversation tests, furnished once and copied for each test of the channels that lead into it."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.database import Database
from domain.schema import Base
from tests import postgresql
from tests.handlers.house import House, furnish

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai, a Monday
_numbers = itertools.count(1)


def _furnished(url: str) -> None:
    database = Database(url)
    Base.metadata.create_all(database.writing)
    furnish(House(database, NOW))
    database.close()


@pytest.fixture(scope="session")
def _sqlite_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    _furnished(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _postgresql_shop(postgresql_server: str) -> Iterator[str]:
    name = f"shop_{os.getpid()}"
    _furnished(postgresql.create(postgresql_server, name))
    yield name
    postgresql.drop(postgresql_server, name)


@pytest.fixture
def one_house(_sqlite_shop: Path, tmp_path: Path) -> Iterator[House]:
    """On SQLite alone, for what does not depend on the database."""
    path = tmp_path / "shop.db"
    shutil.copy(_sqlite_shop, path)
    database = Database(f"sqlite:///{path}")
    yield House(database, NOW)
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """On SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("one_house")
        return
    server, template = request.getfixturevalue("postgresql_server"), request.getfixturevalue("_postgresql_shop")
    name = f"{template}_{next(_numbers)}"
    database = Database(postgresql.create(server, name, template=template))
    yield House(database, NOW)
    database.close()
    postgresql.drop(server, name)
