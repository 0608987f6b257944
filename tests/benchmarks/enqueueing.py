"""An announcement put out to a million members, against one plain INSERT … SELECT of the same rows; and who waits.

The same for its resend to all of them, half of whom had it kept for their next contact, which the new one replaces.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from bot.database import Database
from domain import facts
from domain.messages import announcements
from domain.schema import Base, Outbox
from tests import postgresql
from tests.benchmarks.figures import Figure

MEMBERS = 1_000_000
FIRST, RESEND = 1, 2  # by their ids
ROUNDS = 3
WANTED = 1 / 3
LONGEST_WAIT_MS = 300.0
THEN = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # eleven at night: everybody's quiet hours are looked at
ZONE = ZoneInfo("Asia/Shanghai")
BETWEEN_SECONDS = 0.02  # one chat answer and the next

_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) ",
    "postgresql": "WITH numbers AS (SELECT generate_series(1, {count}) AS n) ",
}
_PEOPLE = (
    "INSERT INTO member (member_id, name, role, status, operator, mode, class, joined_at, quiet_from, quiet_to) "
    "{numbers}SELECT 'm-' || n, 'name', 'distributor', 'active', {no}, 'network', 'self_picked_products', {then}, "
    "CASE WHEN n % 5 = 0 THEN 1200 END, CASE WHEN n % 5 = 0 THEN 540 END FROM numbers"
)
_FLOOR = (
    "INSERT INTO outbox (key, member_id, text_key, params, category, priority, announcement_id, state, not_before, "
    "attempts, created_at) SELECT 'announcement:{which}:' || id, id, 'announcement', '{{}}', 'promotion', 60, {which}, "
    "'queued', {then}, 0, {then} FROM member WHERE status = 'active' ORDER BY id"
)
_MISSED = (
    "UPDATE outbox SET channel = NULL, state = CASE WHEN member_id % 2 = 0 THEN 'deferred' ELSE 'failed' END, "
    "finished_at = CASE WHEN member_id % 2 = 1 THEN {then} END"
)


_NAMED = {FIRST: "announcement", RESEND: "resend"}


class _Run(NamedTuple):
    seconds: float
    waits_ms: list[float]  # of the chat answers beside it


def run() -> list[Figure]:
    return [*_on_sqlite(), *_on_postgresql()]


def _on_sqlite(members: int = MEMBERS, rounds: int = ROUNDS) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        make(f"sqlite:///{template}", members)
        figures = _rounds_on_sqlite(template, FIRST, members, rounds)
        miss(f"sqlite:///{template}", members)
        return figures + _rounds_on_sqlite(template, RESEND, members, rounds)


def _rounds_on_sqlite(template: Path, which: int, members: int, rounds: int) -> list[Figure]:
    pairs, home = [], template.parent
    for _ in range(rounds):
        for name in ("floor", "ours", "beside"):
            shutil.copy(template, home / f"{name}.db")
        os.sync()
        floor = _plain(f"sqlite:///{home / 'floor.db'}", which, members)
        ours = _put_out(f"sqlite:///{home / 'ours.db'}", which, members)
        waits = asyncio.run(_with_chats(f"sqlite:///{home / 'beside.db'}", which, members))
        pairs.append((floor, _Run(ours, waits)))
        for left in [one for name in ("floor", "ours", "beside") for one in home.glob(f"{name}.db*")]:
            left.unlink()
    longest = statistics.median(max(run_.waits_ms) for _, run_ in pairs)
    within = LONGEST_WAIT_MS / longest
    name = f"{_NAMED[which]}, longest wait of a chat"
    beside = Figure(name, longest, "ms", "300 ms", within, 1.0, longest <= LONGEST_WAIT_MS)
    return [_figure("SQLite", which, members, [(floor, run_.seconds) for floor, run_ in pairs]), beside]


def _on_postgresql(members: int = MEMBERS, rounds: int = ROUNDS) -> list[Figure]:
    try:
        with postgresql.server(durable=True) as server:
            url = postgresql.create(server, "template_announcement")
            make(url, members)
            figures = [_rounds_on_postgresql(server, FIRST, members, rounds)]
            miss(url, members)
            figures.append(_rounds_on_postgresql(server, RESEND, members, rounds))
            postgresql.drop(server, "template_announcement")
            return figures
    except postgresql.NoServer:
        return []


def _rounds_on_postgresql(server: str, which: int, members: int, rounds: int) -> Figure:
    pairs = []
    for _ in range(rounds):
        floor = _plain(postgresql.create(server, "floor", template="template_announcement"), which, members)
        ours = _put_out(postgresql.create(server, "ours", template="template_announcement"), which, members)
        pairs.append((floor, ours))
        for name in ("floor", "ours"):
            postgresql.drop(server, name)
    return _figure("PostgreSQL", which, members, pairs)


def _figure(database: str, which: int, members: int, pairs: list[tuple[float, float]]) -> Figure:
    """The middle of several rounds, each with its floor just before it."""
    ratio = statistics.median(floor / ours for floor, ours in pairs)
    rate = statistics.median(members / ours for _, ours in pairs)
    name = f"{_NAMED[which]} put out, {database}"
    return Figure(name, rate, "rows/s", "a plain INSERT … SELECT", ratio, WANTED, ratio >= WANTED)


def make(url: str, members: int) -> None:
    database = Database(url)
    Base.metadata.create_all(database.writing)
    kind = "sqlite" if database.sqlite else "postgresql"
    values = {
        "numbers": _NUMBERS[kind].format(count=members),
        "no": "0" if database.sqlite else "false",
        "then": _then(database),
    }
    with database.transaction() as db:
        db.execute(text(_PEOPLE.format(**values)))
        announcements.schedule(db, "您好", "all", THEN, by="cli", now=THEN)
    _settle(database)


def miss(url: str, members: int) -> None:
    """Put the announcement out, reach nobody with it, and write its resend down."""
    _put_out(url, FIRST, members)
    database = Database(url)
    with database.transaction() as db:
        db.execute(text(_MISSED.format(then=_then(database))))
        made = announcements.resend(db, FIRST, ["failed", "deferred"], by="cli", now=THEN)
        assert made == RESEND, made
    _settle(database)


def _settle(database: Database) -> None:
    if not database.sqlite:
        with database.writing.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
    database.close()


def _then(database: Database) -> str:
    return str(int(THEN.timestamp()) * 1_000_000) if database.sqlite else f"'{THEN.isoformat()}'::timestamptz"


def _plain(url: str, which: int, members: int) -> float:
    """Return the seconds that the database itself needs for the same rows, in one transaction."""
    database = Database(url)
    plain = text(_FLOOR.format(which=which, then=_then(database)))
    started = time.perf_counter()
    database.write_now(lambda db: db.execute(plain))
    seconds = time.perf_counter() - started
    _check(database, which, members)
    database.close()
    return seconds


def _put_out(url: str, which: int, members: int) -> float:
    database = Database(url)
    started = time.perf_counter()
    while database.write_now(partial(_portion, which=which)):
        pass
    seconds = time.perf_counter() - started
    _check(database, which, members)
    database.close()
    return seconds


def _portion(db: Session, which: int) -> bool:
    return announcements.enqueue_chunk(db, which, now=THEN, zone=ZONE)


async def _with_chats(url: str, which: int, members: int) -> list[float]:
    """Put it out as the job does, taking turns with the writes of chats, and return how long each of these waited."""
    database = Database(url)
    loop, waits = asyncio.get_running_loop(), []
    over = asyncio.Event()

    async def answer_chats() -> None:
        number = 0
        while not over.is_set():
            number += 1
            began = time.perf_counter()
            await database.write(partial(facts.put, name="chat", value=str(number)))
            waits.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(BETWEEN_SECONDS)

    def in_turn(work: Callable[[Session], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(database.write(work), loop).result()

    def put_out() -> None:
        while in_turn(partial(_portion, which=which)):
            pass

    chats = asyncio.create_task(answer_chats())
    await asyncio.to_thread(put_out)
    over.set()
    await chats
    _check(database, which, members)
    await asyncio.to_thread(database.close)
    return waits


def _check(database: Database, which: int, members: int) -> None:
    its = select(func.count()).where(Outbox.announcement_id == which)
    written = database.read_now(lambda db: db.scalar(its))
    assert written == members, written
