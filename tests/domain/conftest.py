"""A shop with three people in line, one product and a plan: what most stories about money begin with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from bot.database import Database
from tests.domain.shop import Shop


@pytest.fixture
def shop(db: Session, now: datetime) -> Shop:
    """The shop on SQLite and on PostgreSQL, in one transaction."""
    return Shop(db, now)


@pytest.fixture
def small_shop(sqlite_url: str, now: datetime) -> Iterator[Shop]:
    """The same on SQLite alone, where the database is not what the story is about."""
    database = Database(sqlite_url)
    with database.transaction() as db:
        yield Shop(db, now)
    database.close()
