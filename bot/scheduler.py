"""The clock on the wall: starts each job when it is due, and sees to it that no period is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.database import Database, DatabaseUnavailable
from bot.engine import Engine
from bot.locks import Locks
from domain.work import job_runs
from jobs import Cron, Job

log = structlog.get_logger()

LOCK: Final = "scheduler"
LOOK_BACK: Final = 35  # periods in which a missed one is noticed
LONGEST_LOOK_BACK: Final = 400  # after a long stop; what was missed before that is no news to anybody
TOO_LATE: Final = "nothing was running when it was due, and now it is too late"
SWEEP_SECONDS: Final = 20
_GRACE_SECONDS: Final = 6 * 3600


class Scheduler:
    """Any number may run; the one that holds the lock is active, and the claimed row decides in any case."""

    def __init__(
        self,
        jobs: Mapping[str, Job],
        engine: Engine,
        database: Database,
        locks: Locks,
        clock: Callable[[], datetime],
        zone: ZoneInfo,
    ) -> None:
        self._jobs = jobs
        self._engine = engine
        self._database = database
        self._locks = locks
        self._clock = clock
        self._zone = zone
        self._alarm = AsyncIOScheduler(
            timezone=zone,
            job_defaults={"coalesce": True, "misfire_grace_time": _GRACE_SECONDS, "max_instances": 1},
        )

    async def start(self) -> None:
        self._locks.want(LOCK)
        for job in self._jobs.values():
            self._alarm.add_job(self._due, trigger(job.when, self._zone), args=[job], id=job.name)
        every = IntervalTrigger(seconds=SWEEP_SECONDS, timezone=self._zone)
        self._alarm.add_job(self._sweep, every, id="sweep", next_run_time=self._clock())
        self._alarm.start()

    async def stop(self) -> None:
        self._alarm.shutdown(wait=False)

    async def _due(self, job: Job) -> None:
        """A job is due by the clock on the wall."""
        if self._locks.holds(LOCK):
            with _database_may_be_away():
                await self._start_newest(job)

    async def _sweep(self) -> None:
        """Start what was missed while nobody was there or the clock was set, and what is to be tried again."""
        if self._locks.holds(LOCK):
            with _database_may_be_away():
                await self._look_after_all()

    async def _look_after_all(self) -> None:
        for job in self._jobs.values():
            if job.newest_only:
                await self._start_newest(job)
            else:
                await self._catch_up(job)
        for name, period in await self._database.read(partial(job_runs.to_retry, now=self._clock())):
            if name in self._jobs:
                await self._engine.submit(name, period)

    async def _start_newest(self, job: Job) -> None:
        now = self._clock()
        due = newest(job.when, now, self._zone)
        if now - due > job.late_by:
            return
        period = job.when.period(due, self._zone)
        if (wanted := job.wanted) is not None:
            if await self._database.read(lambda db: wanted(db, now)):
                await self._engine.submit(job.name, period)
        elif not await self._database.read(partial(job_runs.known, job=job.name, periods=[period], now=now)):
            await self._engine.submit(job.name, period)

    async def _catch_up(self, job: Job) -> None:
        """Run what was missed since the first start, or record why it is not run: each period one or the other."""
        now = self._clock()
        span = await self._database.read(partial(job_runs.span, job=job.name))
        if span is None:
            await self._begin(job, now)
            return
        first, last = span
        dues = {job.when.period(due, self._zone): due for due in self._since(job, last, now)}
        known = await self._database.read(partial(job_runs.known, job=job.name, periods=list(dues), now=now))
        new = {period: due for period, due in dues.items() if period not in known and period >= first}
        late = [period for period, due in new.items() if now - due > job.late_by]
        if late:
            missing = partial(job_runs.miss, job=job.name, periods=late, because=TOO_LATE, now=now)
            for period in await self._database.write(missing):
                log.warning("job.missed", job=job.name, period=period)
        for period in new:
            if period not in late:
                await self._engine.submit(job.name, period)
        if not new and max(dues, default=first) < first:  # the first start was by a clock that was ahead
            await self._start_newest(job)

    async def _begin(self, job: Job, now: datetime) -> None:
        """The first start: the newest period is run if it is not too late; nothing was promised before."""
        due = newest(job.when, now, self._zone)
        if now - due <= job.late_by:
            await self._start_newest(job)
            return
        period = job.when.period(due, self._zone)
        await self._database.write(partial(job_runs.begin_count, job=job.name, period=period, now=now))

    def _since(self, job: Job, last: str, now: datetime) -> Iterator[datetime]:
        """The times at which `job` was due lately; after a long stop from the last period that has a row."""
        dues = list(recent(job.when, now, self._zone))
        if job.when.period(dues[0], self._zone) > last:
            return recent(job.when, now, self._zone, LONGEST_LOOK_BACK)
        return iter(dues)


@contextmanager
def _database_may_be_away() -> Iterator[None]:
    """Nothing is lost by it: the next sweep starts what is due."""
    try:
        yield
    except DatabaseUnavailable as error:
        log.warning("scheduler.database_unavailable", error=str(error))


def trigger(when: Cron, zone: ZoneInfo) -> CronTrigger:
    return CronTrigger(hour=when.hour, minute=when.minute, second=when.second, timezone=zone)


def recent(when: Cron, now: datetime, zone: ZoneInfo, count: int = LOOK_BACK) -> Iterator[datetime]:
    """Yield the last times, about `count` of them, at which something with `when` was due, the oldest first."""
    alarm = trigger(when, zone)
    due = alarm.get_next_fire_time(None, now - when.spacing * count)
    while due is not None and due <= now:
        yield due
        due = alarm.get_next_fire_time(due, due + timedelta(microseconds=1))


def newest(when: Cron, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the last time, `now` included, at which something with `when` was due."""
    *_, last = recent(when, now, zone, 3)
    return last
