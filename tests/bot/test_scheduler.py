"""The scheduler: every period once, whatever is restarted, killed, missed or run twice at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.database import Database
from bot.engine import Engine, InProcess
from bot.job_runner import JobRunner
from bot.locks import Alone
from bot.scheduler import Scheduler, newest, recent
from domain.work import job_runs
from jobs import Cron, Job, JobContext

ZONE = ZoneInfo("Asia/Shanghai")
DAILY = Cron(hour="8", minute="30")


class Ran:
    """A job that only notes for which periods it ran."""

    def __init__(self, *, fails: int = 0) -> None:
        self.periods: list[str] = []
        self._fails = fails

    def __call__(self, context: JobContext) -> Mapping[str, Any]:
        self.periods.append(context.period)
        if len(self.periods) <= self._fails:
            raise OSError("disk full")
        return {"ran": len(self.periods)}

    def job(self, when: Cron = DAILY, late_by: timedelta = timedelta(days=3), **more: Any) -> Job:
        return Job("test", when, self, late_by, **more)


class NotHere:
    """Somebody else has the lock."""

    def want(self, name: str) -> None:
        pass

    def holds(self, name: str) -> bool:
        return False

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


@asynccontextmanager
async def scheduling(
    database: Database, job: Job, clock: Callable[[], datetime], locks: Any = None
) -> AsyncIterator[Scheduler]:
    jobs = {job.name: job}
    engine: Engine = InProcess(JobRunner(database.write_now, database.read_now, clock, ZONE), jobs)
    scheduler = Scheduler(jobs, engine, database, locks or Alone(), clock, ZONE)
    await scheduler.start()
    try:
        yield scheduler
    finally:
        await scheduler.stop()
        await engine.stop()


def states(database: Database) -> dict[str, str]:
    return {run.period: run.state for run in database.read_now(job_runs.history)}


async def until(holds: Callable[[], object], seconds: float = 8) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


def real_now() -> datetime:
    return datetime.now(UTC)


def test_due_times_are_those_of_the_wall_clock_of_the_business(now: datetime) -> None:
    assert newest(DAILY, now, ZONE) == datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    assert newest(DAILY, datetime(2026, 11, 23, 0, 29, 59, tzinfo=UTC), ZONE).day == 22
    assert newest(DAILY, datetime(2026, 11, 23, 0, 30, tzinfo=UTC), ZONE).day == 23
    assert len(list(recent(DAILY, now, ZONE, 7))) == 7


def test_a_day_of_23_hours_has_its_run_too() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    after = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
    days = {DAILY.period(due, berlin) for due in recent(DAILY, after, berlin, 3)}
    assert {"2026-03-28", "2026-03-29"} <= days


async def test_a_job_that_is_due_every_second_runs_for_each_second_once(database: Database) -> None:
    ran = Ran()
    every_second = ran.job(Cron(minute="*", second="*"), timedelta(minutes=1), newest_only=True)
    async with scheduling(database, every_second, real_now), scheduling(database, every_second, real_now):
        await until(lambda: len(ran.periods) >= 3)
    assert len(ran.periods) == len(set(ran.periods))


async def test_the_first_start_runs_the_newest_period_and_blames_nobody_for_earlier_ones(
    database: Database, now: datetime
) -> None:
    ran = Ran()
    async with scheduling(database, ran.job(), lambda: now):
        await until(lambda: states(database) == {"2026-11-23": "done"})
    async with scheduling(database, ran.job(), lambda: now):
        await asyncio.sleep(0.3)
    assert ran.periods == ["2026-11-23"]


async def test_what_was_missed_is_run_if_it_is_not_too_late_and_reported_otherwise(
    database: Database, now: datetime
) -> None:
    ran = Ran()
    async with scheduling(database, ran.job(), lambda: now - timedelta(days=6)):
        await until(lambda: states(database) == {"2026-11-17": "done"})
    async with scheduling(database, ran.job(), lambda: now):
        await until(lambda: len(states(database)) == 7 and "running" not in states(database).values())
    assert states(database) == {
        "2026-11-17": "done",
        "2026-11-18": "missed",
        "2026-11-19": "missed",
        "2026-11-20": "missed",
        "2026-11-21": "done",
        "2026-11-22": "done",
        "2026-11-23": "done",
    }


async def test_where_the_newest_period_does_it_all_the_older_ones_are_left_out(
    database: Database, now: datetime
) -> None:
    ran = Ran()
    async with scheduling(database, ran.job(newest_only=True), lambda: now - timedelta(days=5)):
        await until(lambda: states(database) == {"2026-11-18": "done"})
    async with scheduling(database, ran.job(newest_only=True), lambda: now):
        await until(lambda: states(database) == {"2026-11-18": "done", "2026-11-23": "done"})


async def test_a_failed_run_and_one_of_a_killed_process_are_taken_up_again(database: Database, now: datetime) -> None:
    ran = Ran(fails=1)
    async with scheduling(database, ran.job(), lambda: now):
        await until(lambda: states(database) == {"2026-11-23": "failed"})
    database.write_now(lambda db: job_runs.claim(db, "test", "2026-11-22", now=now))  # and then it was killed
    async with scheduling(database, ran.job(), lambda: now + timedelta(minutes=10)):
        await until(lambda: states(database) == {"2026-11-23": "done", "2026-11-22": "done"})


async def test_where_nothing_is_wanted_nothing_runs(database: Database, now: datetime) -> None:
    ran = Ran()
    wanted = [False]
    job = ran.job(Cron(minute="*", second="*"), newest_only=True, wanted=lambda db, at: wanted[0])
    async with scheduling(database, job, real_now):
        await asyncio.sleep(1.2)
        assert ran.periods == []
        wanted[0] = True
        await until(lambda: ran.periods)


async def test_whoever_does_not_lead_starts_nothing(database: Database, now: datetime) -> None:
    ran = Ran()
    async with scheduling(database, ran.job(), lambda: now, NotHere()):
        await asyncio.sleep(0.3)
    assert ran.periods == []


@pytest.mark.parametrize("second", ["0", "*/2"])
def test_a_time_that_was_set_back_finds_the_same_period_again(now: datetime, second: str) -> None:
    when = Cron(minute="*", second=second)
    periods = {when.period(newest(when, now + timedelta(milliseconds=ms), ZONE), ZONE) for ms in (0, 900, 300)}
    assert len(periods) == 1
