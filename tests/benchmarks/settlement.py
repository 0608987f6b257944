"""Settlement of a million commissions of 20,000 members, against a plain UPDATE of the same rows in one statement."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from bot.database import Database
from domain.money.settlement import settle
from domain.schema import Base, Commission
from tests import postgresql
from tests.benchmarks.due import AMOUNT, THEN, fill
from tests.benchmarks.figures import Figure

T = TypeVar("T")

COMMISSIONS, MEMBERS = 1_000_000, 20_000
ROUNDS = 3
WANTED_SQLITE, WANTED_POSTGRESQL = 0.25, 0.4
LONGEST_LOCK_MS = 300.0


class _Run(NamedTuple):
    seconds: float
    median_ms: float  # of the transactions


def run() -> list[Figure]:
    return [*_on_sqlite(), *_on_postgresql()]


def _on_sqlite() -> list[Figure]:
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _make(f"sqlite:///{home / 'template.db'}")
        for _ in range(ROUNDS):
            for name in ("floor", "ours"):
                shutil.copy(home / "template.db", home / f"{name}.db")
            os.sync()
            floor = _plain_update(f"sqlite:///{home / 'floor.db'}")
            pairs.append((floor, _settlement(f"sqlite:///{home / 'ours.db'}")))
            for left in home.glob("ours.db*"):
                left.unlink()
    return _figures("SQLite", pairs, WANTED_SQLITE)


def _on_postgresql() -> list[Figure]:
    pairs = []
    try:
        with postgresql.server(durable=True) as server:
            _make(postgresql.create(server, "template_settlement"))
            for _ in range(ROUNDS):
                floor = _plain_update(postgresql.create(server, "floor", template="template_settlement"))
                pairs.append((floor, _settlement(postgresql.create(server, "ours", template="template_settlement"))))
                for name in ("floor", "ours"):
                    postgresql.drop(server, name)
            postgresql.drop(server, "template_settlement")
    except postgresql.NoServer:
        return []
    return _figures("PostgreSQL", pairs, WANTED_POSTGRESQL)


def _figures(database: str, pairs: list[tuple[float, _Run]], wanted: float) -> list[Figure]:
    """The middle of several rounds, each with its floor just before it."""
    ratio = statistics.median(floor / ours.seconds for floor, ours in pairs)
    rate = statistics.median(COMMISSIONS / ours.seconds for _, ours in pairs)
    lock = statistics.median(ours.median_ms for _, ours in pairs)
    found = [Figure(f"settlement, {database}", rate, "rows/s", "a plain UPDATE", ratio, wanted, ratio >= wanted)]
    if database == "SQLite":  # the only one where everybody waits for the writer
        within = LONGEST_LOCK_MS / lock
        found.append(Figure("settlement, one write lock", lock, "ms", "300 ms", within, 1.0, lock <= LONGEST_LOCK_MS))
    return found


def _make(url: str) -> None:
    database = Database(url)
    Base.metadata.create_all(database.writing)
    fill(database, COMMISSIONS, MEMBERS)
    if not database.sqlite:
        with database.writing.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
    database.close()


def _plain_update(url: str) -> float:
    """Return the seconds that the database itself needs to mark the same rows, in one transaction."""
    database = Database(url)
    every = update(Commission).where(Commission.settle_at <= THEN).values(settled_as_of=THEN, settle_at=None)
    started = time.perf_counter()
    database.write_now(lambda db: db.execute(every.execution_options(synchronize_session=False)))
    seconds = time.perf_counter() - started
    database.close()
    return seconds


def _settlement(url: str) -> _Run:
    database = Database(url)
    locks = []

    def write(work: Callable[[Session], T]) -> T:
        began = time.perf_counter()
        try:
            return database.write_now(work)
        finally:
            locks.append((time.perf_counter() - began) * 1e3)

    started = time.perf_counter()
    settled = settle(write, database.read_now, as_of=THEN, now=THEN)
    seconds = time.perf_counter() - started
    assert settled.made_payable == COMMISSIONS, settled
    assert settled.amounts == {"CNY": COMMISSIONS * AMOUNT}, settled
    database.close()
    return _Run(seconds, statistics.median(locks))
