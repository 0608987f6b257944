"""Three levels of downline counted among a million members, as the domain does it, on SQLite."""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bot.database import Database
from domain.people import network
from domain.schema import Base
from tests.benchmarks.figures import Figure

MEMBERS, ASKED = 1_000_000, 2_000
WANTED_MS = 1.0
_COLUMNS = "id, member_id, name, role, status, operator, sponsor_id, sponsor2_id, sponsor3_id, mode, class, joined_at"


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "downline.db"
        database = Database(f"sqlite:///{path}")
        Base.metadata.create_all(database.writing)
        _fill(path)
        found = _measure(database)
        database.close()
    name = "downline counted among 1,000,000, the middle one of 2,000 members"
    return [Figure(name, found, "ms", "1 ms", WANTED_MS / found, 1.0, found <= WANTED_MS)]


def _fill(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        places = ", ".join("?" for _ in _COLUMNS.split(", "))
        connection.executemany(f"INSERT INTO member ({_COLUMNS}) VALUES ({places})", _members())
        connection.commit()


def _members() -> Iterator[tuple[object, ...]]:
    """A tree as networks are: most bring nobody, some bring many."""
    chance = random.Random(7)
    above: list[int | None] = [None] * (MEMBERS + 1)
    for number in range(1, MEMBERS + 1):
        first = int(number * chance.random() ** 2) if number > 1 else 0
        above[number] = first or None
        second = above[first] if first else None
        third = above[second] if second else None
        yield number, f"m{number}", "", "distributor", "active", 0, first or None, second, third, "network", "", 0


def _measure(database: Database) -> float:
    """Return the median in milliseconds."""
    asked = random.Random(8).sample(range(1, MEMBERS + 1), ASKED)

    def work(db: object) -> list[float]:
        waits = []
        for member in asked:
            started = time.perf_counter()
            network.counts(db, member)  # type: ignore[arg-type]
            waits.append((time.perf_counter() - started) * 1e3)
        return waits

    database.read_now(work)
    return statistics.median(database.read_now(work))
