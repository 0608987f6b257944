"""Settlement of a million commissions of 20,000 members, against a plain UPDATE of the same rows in one statement."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from bot.database import Database
from domain.schema import Base, Commission
from domain.settlement import settle
from tests import postgresql
from tests.benchmarks.figures import Figure

T = TypeVar("T")

COMMISSIONS, MEMBERS, AMOUNT = 1_000_000, 20_000, 10
ROUNDS = 3
WANTED_SQLITE, WANTED_POSTGRESQL = 0.25, 0.4
LONGEST_LOCK_MS = 300.0
THEN = datetime(2026, 11, 1, tzinfo=UTC)


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
    fill(database)
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


def fill(database: Database, commissions: int = COMMISSIONS, members: int = MEMBERS) -> None:
    """Make orders of three levels each, all of them due: a few members earn much, most of them little."""
    numbers = (
        "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < :count) SELECT n FROM g)"
        if database.sqlite
        else "(SELECT n FROM generate_series(1, CAST(:count AS bigint)) AS n)"
    )
    # Spread as if by chance, the same on both databases: the square leans towards the first members.
    earner = "1 + (n * 7919 % 99991) * (n * 7919 % 99991) / 99991 * :members / 99991"
    then = str(int(THEN.timestamp()) * 1_000_000) if database.sqlite else "TIMESTAMPTZ '2026-11-01 00:00:00Z'"
    statements = (
        (f"INSERT INTO member (id, member_id, name, role, status, operator, mode, class, joined_at) "
         f"SELECT n, 'm' || n, '', 'distributor', 'active', {'0' if database.sqlite else 'false'}, 'network', "
         f"'self_picked_products', {then} FROM {numbers} g", members),
        (f"INSERT INTO orders (id, order_id, currency, rate, amount, shipping, paid_at, credit_reason, freeze_days, "
         f"decision, decisions, due_at, recorded_at) SELECT n, 'A-' || n, 'CNY', '1', 100, 0, {then}, 'credit_ref', 0, "
         f"'none', 0, {then}, {then} FROM {numbers} g", -(-commissions // 3)),
        (f"INSERT INTO commission (order_id, line, level, member_id, base, rate_bp, amount, reversed, earned_at, "
         f"settle_at) SELECT (n + 2) / 3, 1, (n + 2) % 3 + 1, {earner}, 100, 1000, :amount, 0, {then}, {then} "
         f"FROM {numbers} g", commissions),
        ("INSERT INTO account (kind, member_id, currency, balance) SELECT 'pending', member_id, 'CNY', "
         "-sum(amount) FROM commission WHERE :count > 0 GROUP BY member_id", commissions),
    )  # fmt: skip
    with database.transaction() as db:
        for statement, count in statements:
            wanted = {"count": count, "members": members, "amount": AMOUNT}
            db.execute(text(statement), {name: value for name, value in wanted.items() if f":{name}" in statement})
