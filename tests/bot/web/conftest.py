"""A running web side for each test: on SQLite, and on both databases where that is what the test is about."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.web import redirect
from tests.bot.web.house import House, furnish, running


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is that runs the tests: a visit is written before it is answered."""
    monkeypatch.setattr(redirect, "PATIENCE_SECONDS", 60.0)


@pytest.fixture
async def house(sqlite_url: str) -> AsyncIterator[House]:
    """The shop of `furnish`, open to callers."""
    async with running(sqlite_url) as house:
        house.write(furnish)
        yield house


@pytest.fixture
async def any_house(database_url: str) -> AsyncIterator[House]:
    """The same on SQLite and on PostgreSQL."""
    async with running(database_url) as house:
        house.write(furnish)
        yield house
