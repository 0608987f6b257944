"""The house that every conversation happens in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from bot.database import Database
from tests.handlers.house import House, open_house


@pytest.fixture
def house(database: Database, now: datetime) -> House:
    """On SQLite and on PostgreSQL."""
    return open_house(database, now)


@pytest.fixture
def one_house(sqlite_url: str, now: datetime) -> Iterator[House]:
    """On SQLite alone, for what does not depend on the database."""
    database = Database(sqlite_url)
    yield open_house(database, now)
    database.close()
