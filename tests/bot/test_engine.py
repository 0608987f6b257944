"""Work handed out through PostgreSQL, and the locks that let one process at a time lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from bot import migrate
from bot.database import Database
from bot.engine import Queue
from bot.job_runner import JobRunner
from bot.locks import AdvisoryLocks
from domain.work import job_runs
from jobs import Cron, Job, JobContext

pytestmark = pytest.mark.postgresql

ZONE = ZoneInfo("Asia/Shanghai")


async def until(holds: Callable[[], object], seconds: float = 10) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


@asynccontextmanager
async def locking(url: str, name: str) -> AsyncIterator[AdvisoryLocks]:
    locks = AdvisoryLocks(url)
    locks.want(name)
    await locks.start()
    try:
        yield locks
    finally:
        await locks.stop()


async def test_a_scheduler_process_hands_a_job_to_a_worker_process(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    database.write_now(migrate.make_job_queue)
    ran: list[str] = []

    def run(context: JobContext) -> Mapping[str, Any]:
        ran.append(context.period)
        return {}

    jobs = {name: Job(name, Cron(), run, timedelta(hours=1)) for name in ("test", "other")}
    runner = JobRunner(database.write_now, database.read_now, lambda: datetime.now(UTC), ZONE)
    scheduler = Queue(postgresql_url, runner, jobs, works=False)
    workers = [Queue(postgresql_url, runner, jobs, works=True) for _ in range(2)]
    for engine in (scheduler, *workers):
        await engine.start()
    for _ in range(3):
        await scheduler.submit("test", "2026-11-23")
    await scheduler.submit("other", "2026-11-24")
    await until(lambda: len(database.read_now(job_runs.last_done)) == 2 and len(ran) == 2)
    await asyncio.sleep(0.3)
    for engine in (scheduler, *workers):
        await engine.stop()
    assert sorted(ran) == ["2026-11-23", "2026-11-24"]
    database.close()


async def test_one_process_leads_and_another_follows_when_it_stops(postgresql_url: str) -> None:
    async with locking(postgresql_url, "scheduler") as second_to_be:
        assert second_to_be.holds("scheduler")
        async with locking(postgresql_url, "scheduler") as other, locking(postgresql_url, "poll") as elsewhere:
            assert not other.holds("scheduler")
            assert elsewhere.holds("poll")
            await second_to_be.stop()
            assert not second_to_be.holds("scheduler")
            await until(lambda: other.holds("scheduler"))


async def test_a_broken_connection_loses_the_lock_and_everybody_knows_it(postgresql_url: str) -> None:
    async with locking(postgresql_url, "scheduler") as locks:
        assert locks.holds("scheduler")
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            await until(lambda: not locks.holds("scheduler"))
        await until(lambda: locks.holds("scheduler"))
