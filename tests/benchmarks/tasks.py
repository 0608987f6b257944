"""Tasks for many members chosen from their own days, against plain INSERT … SELECT of the very rows they become."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import text

from bot.database import Database
from domain.schema import Base
from domain.work import task_giving, task_templates
from tests import postgresql
from tests.benchmarks.figures import Figure

MEMBERS = 20_000
WANTED_SQLITE, WANTED_POSTGRESQL = 0.02, 0.05
LONGEST_WRITE_MS = 300.0
Clock = Callable[[], float]
"""Of the processor on SQLite, where all work is ours; on the wall for PostgreSQL, whose work is another process's."""

DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")

_SERIES = {
    "sqlite": "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < :count) SELECT n FROM g)",
    "postgresql": "(SELECT n FROM generate_series(1, CAST(:count AS bigint)) AS n)",
}
_THEN = {
    "sqlite": str(int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) * 1_000_000),
    "postgresql": "CAST('2026-09-01 00:00:00Z' AS timestamptz)",
}
_DAY_BACK = {"sqlite": "date('2026-11-23', '-' || d.n || ' day')", "postgresql": "DATE '2026-11-23' - CAST(d.n AS int)"}


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        figures = _measured("SQLite", f"sqlite:///{Path(folder) / 'ours.db'}")
        os.sync()
    try:
        with postgresql.server(durable=True) as server:
            figures += _measured("PostgreSQL", postgresql.create(server, "tasks"))
    except postgresql.NoServer as reason:
        print(f"PostgreSQL is left out: {reason}")
    return figures


def _measured(name: str, url: str) -> list[Figure]:
    database = Database(url)
    Base.metadata.create_all(database.writing)
    _fill(database)
    clock = time.process_time if database.sqlite else time.perf_counter
    ours, writes = _give(database, clock)
    floor, rows = _plain(database, clock)
    sqlite = database.sqlite
    database.close()
    wanted, ratio = WANTED_SQLITE if sqlite else WANTED_POSTGRESQL, floor / ours
    figures = [Figure(f"tasks given, {name}", rows / ours, "rows/s", "INSERT … SELECT", ratio, wanted, ratio >= wanted)]
    if sqlite:  # where one writer serves all
        longest = max(writes) * 1_000
        share = longest / LONGEST_WRITE_MS
        figures.append(Figure("tasks given, SQLite: longest write", longest, "ms CPU", "limit", share, 1.0, share <= 1))
    return figures


def _fill(database: Database) -> None:
    """Members with a fortnight of visitors each, as they were rolled up."""
    kind = "sqlite" if database.sqlite else "postgresql"
    no = "0" if database.sqlite else "false"
    people = (
        "INSERT INTO member (id, member_id, name, role, status, operator, mode, class, joined_at) "
        f"SELECT n, 'm-' || n, '', 'merchant', 'active', {no}, 'network', 'self_picked_products', {_THEN[kind]} "
        f"FROM {_SERIES[kind]} g"
    )
    came = (
        "INSERT INTO visit_day (member_id, day, link_id, visits, visitors, ips) "
        f"SELECT m.id, {_DAY_BACK[kind]}, 0, 9, (m.id * 7 + d.n * 13) % 11, 9 "
        f"FROM member m CROSS JOIN {_SERIES[kind].replace(':count', '14')} d"
    )
    with database.transaction() as db:
        db.execute(text(people), {"count": MEMBERS})
        db.execute(text(came))
        task_templates.seed(db)
    if not database.sqlite:
        with database.writing.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))


def _give(database: Database, clock: Clock) -> tuple[float, list[float]]:
    """As the morning's job does it; returns all seconds, and those of each writing transaction."""
    started, after, more, writes = clock(), 0, True, []
    while more:
        portion = database.read_now(partial(task_giving.choose, day=DAY, zone=ZONE, after=after))
        if portion is None:
            break
        begun = clock()
        database.write_now(partial(task_giving.give, portion=portion, day=DAY, now=NOW))
        writes.append(clock() - begun)
        after, more = portion.last, portion.more
    return clock() - started, writes


def _plain(database: Database, clock: Clock) -> tuple[float, int]:
    """The same rows of both tables once more, copied by the database itself into empty tables of the same kind."""
    rows, seconds = 0, 0.0
    with database.transaction() as db:
        for table in ("task", "outbox"):
            db.execute(text(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}"))
            db.execute(text(f"DELETE FROM {table}"))
    for table in ("task", "outbox"):
        begun = clock()
        with database.transaction() as db:
            done = db.execute(text(f"INSERT INTO {table} SELECT * FROM kept_{table} WHERE true"))
            rows += done.rowcount  # type: ignore[attr-defined]
        seconds += clock() - begun
    return seconds, rows
