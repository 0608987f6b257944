"""A year by the clock, shortened: whatever is killed, stopped or set wrong, each period is run once or said why not."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from bot.database import Database
from bot.job_runner import JobRunner
from bot.locks import Alone
from bot.scheduler import Scheduler, recent
from domain.schema import AuditRow, JobRun
from domain.work import job_runs
from jobs import Job, JobContext, discover

START = datetime(2026, 3, 5, 0, 0, tzinfo=UTC)
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York")
DAILY = ("morning_tasks", "evening_reminder", "visit_rollup", "weekly_summary")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of runs say nothing that the record does not."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


class Killed(BaseException):
    """The process is gone: nothing of what it held in its memory happens any more."""


@dataclass
class World:
    """Two processes on one database, under one clock that may be wrong."""

    database: Database
    zone: ZoneInfo
    now: datetime = START
    begun: Counter[tuple[str, str]] = field(default_factory=Counter)
    dies: bool = False
    schedulers: dict[int, Scheduler] = field(default_factory=dict)
    clock_was: list[tuple[datetime, datetime]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.jobs = {name: replace(job, run=self._work(name), wanted=None) for name, job in discover().items()}
        del self.jobs["announcements"]  # by the second, and only when something is wanted
        self.restart(1)
        self.restart(2)

    def _work(self, name: str) -> Callable[[JobContext], Mapping[str, Any]]:
        def work(context: JobContext) -> Mapping[str, Any]:
            """Two transactions: a process may vanish before, between and after them."""
            for half in (1, 2):
                if self.dies:
                    self.dies = False
                    raise Killed
                subject = f"{context.period}:{half}"
                context.write(lambda db, subject=subject: _note(db, name, subject, context.clock))  # type: ignore[misc]
            self.begun[name, context.period] += 1
            return {"done": 1}

        return work

    def restart(self, which: int) -> None:
        runner = JobRunner(self.database.write_now, self.database.read_now, lambda: self.now, self.zone)
        engine = Inline(runner, self.jobs)
        self.schedulers[which] = Scheduler(self.jobs, engine, self.database, Alone(), lambda: self.now, self.zone)

    async def look(self, which: int) -> None:
        scheduler = self.schedulers.get(which)
        if scheduler is None:
            return
        try:
            await scheduler._look_after_all()
        except Killed:
            self.restart(which)

    async def step(self, what: str, amount: float, which: int) -> None:
        match what:
            case "advance" | "jump":
                self.now += timedelta(hours=amount)
                self.clock_was.append((self.now - timedelta(hours=amount), self.now))
            case "kill":
                self.dies = True
            case "restart":
                self.restart(which)
            case "stop":
                self.schedulers.pop(which, None)
        await self.look(which)
        await self.look(3 - which)

    async def settled(self) -> None:
        """Everything that is up looks a few times more, so that what was left behind is taken over."""
        self.dies = False
        for which in (1, 2):
            self.restart(which)
            self.now += job_runs.AHEAD + job_runs.LEASE * 2
            await self.look(which)

    # What must hold

    def complaints(self, since: datetime) -> list[str]:
        rows = {(row.job, row.period): row for row in self.database.read_now(_rows)}
        found = [f"{which} ran {times} times" for which, times in self.begun.items() if times > 1]
        found += [f"{which} is {row.state}" for which, row in rows.items() if row.state not in ("done", "missed")]
        for which, row in rows.items():
            if row.state == "missed" and not row.result.get("because"):
                found.append(f"{which} was missed without a reason")
            if (row.state == "done") != (self.begun[which] == 1):
                found.append(f"{which} is {row.state} and was run {self.begun[which]} times")
        for name in DAILY:
            first = min((period for job, period in rows if job == name), default=None)
            if first is None:
                found.append(f"{name} never ran")
                continue
            days = (self.now - since).days + 1
            for due in recent(self.jobs[name].when, self.now, self.zone, min(days, 390)):
                period = self.jobs[name].when.period(due, self.zone)
                if period >= first and (name, period) not in rows:
                    found.append(f"nothing is known of {name} for {period}")
        return found


@dataclass
class Inline:
    """Runs what is due at once, in this thread: time stands still meanwhile."""

    runner: JobRunner
    jobs: Mapping[str, Job]

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def submit(self, job: str, period: str) -> None:
        self.runner.run(self.jobs[job], period)


def _note(db: Session, name: str, subject: str, now: datetime) -> None:
    row = {"at": now, "actor": f"job:{name}", "action": "worked", "subject": subject}
    db.execute(insert(AuditRow).values(row))


def _rows(db: Session) -> Sequence[Any]:
    return db.execute(select(JobRun.job, JobRun.period, JobRun.state, JobRun.result)).all()


def lived(database: Database, zone: str, steps: Sequence[tuple[str, float, int]]) -> World:
    world = World(database, ZoneInfo(zone))

    async def live() -> None:
        await world.look(1)
        for what, amount, which in steps:
            await world.step(what, amount, which)
        await world.settled()

    asyncio.run(live())
    return world


def a_year(days: int, hours: float) -> list[tuple[str, float, int]]:
    """Ordinary days, with everything that happens to a machine in between."""
    steps: list[tuple[str, float, int]] = [("advance", hours, 1 + n % 2) for n in range(int(days * 24 / hours))]
    events = [("kill", 0.0, 1), ("restart", 0.0, 2), ("stop", 0.0, 1), ("restart", 0.0, 1), ("kill", 0.0, 2)]
    for n, event in enumerate(events * 4):
        steps.insert((n + 1) * len(steps) // 22, event)
    middle = len(steps) // 2
    steps[middle:middle] = [("jump", 40 * 24.0, 1), ("jump", -40 * 24.0, 2)]  # and back, before anybody noticed
    steps[3 * middle // 2 : 3 * middle // 2] = [("jump", -40 * 24.0, 1), ("jump", 40 * 24.0, 1)]
    return steps


@pytest.mark.parametrize("zone", ZONES)
def test_over_weeks_with_a_clock_change_every_period_is_run_once_or_said_why_not(sqlite_url: str, zone: str) -> None:
    database = Database(sqlite_url)
    world = lived(database, zone, a_year(days=27, hours=17))  # both changes of March
    assert world.complaints(START) == []
    database.close()


@pytest.mark.postgresql
def test_the_same_on_postgresql(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    assert lived(database, "Europe/Berlin", a_year(days=10, hours=11)).complaints(START) == []
    database.close()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("zone", ZONES)
def test_a_whole_year_of_jobs(sqlite_url: str, zone: str) -> None:
    database = Database(sqlite_url)
    assert lived(database, zone, a_year(days=366, hours=11)).complaints(START) == []
    database.close()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.postgresql
def test_a_quarter_of_jobs_on_postgresql(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    assert lived(database, "America/New_York", a_year(days=92, hours=11)).complaints(START) == []
    database.close()


def test_after_a_stop_of_two_months_every_day_is_accounted_for(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    world = lived(database, "Asia/Shanghai", [("advance", 24.0, 1), ("advance", 60 * 24.0, 1)])
    assert world.complaints(START) == []
    rollups = database.read_now(lambda db: job_runs.history(db, "visit_rollup", limit=1000))
    states = Counter(run.state for run in rollups)
    assert min(states["missed"], states["done"]) >= 29, "those of the last thirty days are made up for"
    assert max(run.period for run in rollups if run.state == "missed") < min(
        run.period for run in rollups if run.state == "done" and run.period > "2026-03-08"
    )
    database.close()


def test_a_clock_that_was_ahead_for_an_hour_costs_no_morning(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    hour = [("advance", 24.0, 1), ("jump", 40 * 24.0, 1), ("jump", -40 * 24.0, 1)]
    world = lived(database, "Asia/Shanghai", [*hour, *[("advance", 6.0, 1)] * 24])
    assert world.complaints(START) == []
    mornings = database.read_now(lambda db: job_runs.history(db, "morning_tasks", limit=1000))
    done = {run.period for run in mornings if run.state == "done"}
    assert {f"2026-03-{day:02}" for day in range(7, 12)} <= done
    database.close()


HAPPENINGS = st.one_of(
    st.tuples(st.just("advance"), st.floats(0.02, 60.0), st.sampled_from((1, 2))),
    st.tuples(st.just("jump"), st.floats(-960.0, 960.0), st.sampled_from((1, 2))),
    st.tuples(st.sampled_from(("kill", "restart", "stop")), st.just(0.0), st.sampled_from((1, 2))),
)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(HAPPENINGS, min_size=1, max_size=12), zone=st.sampled_from(ZONES))
def test_whatever_happens_a_period_is_run_once_or_said_why_not(
    sqlite_url: str, steps: list[tuple[str, float, int]], zone: str
) -> None:
    database = Database(sqlite_url)
    database.write_now(lambda db: db.execute(delete(JobRun)))
    world = lived(database, zone, steps)
    try:
        assert world.complaints(START) == []
    finally:
        database.close()
