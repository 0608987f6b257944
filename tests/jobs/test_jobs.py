"""The jobs: each does its work for its period, in short transactions, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.database import Database
from bot.job_runner import JobRunner, Stopped
from domain.errors import Invalid
from domain.messages import announcements, outbox
from domain.schema import Outbox, Task
from domain.work import job_runs, task_giving, task_templates
from jobs import Cron, Job, JobContext, discover
from tests.someone import member

T = TypeVar("T")

ZONE = ZoneInfo("Asia/Shanghai")
JOBS = discover()


@pytest.fixture
def runner(database: Database, now: datetime) -> JobRunner:
    return JobRunner(database.write_now, database.read_now, lambda: now, ZONE)


def test_every_job_is_found_and_says_when_it_is_due() -> None:
    assert sorted(JOBS) == [
        "announcements",
        "evening_reminder",
        "ledger_audit",
        "morning_tasks",
        "reach_cleanup",
        "settle",
        "task_check",
        "visit_rollup",
        "weekly_summary",
    ]


@pytest.mark.parametrize(
    ("when", "spacing", "period"),
    [
        (Cron(hour="8", minute="30"), timedelta(days=1), "2026-11-24"),
        (Cron(minute="5"), timedelta(hours=1), "2026-11-23T16:05:00Z"),
        (Cron(minute="*/10"), timedelta(minutes=10), "2026-11-23T16:05:00Z"),
        (Cron(minute="*", second="*/2"), timedelta(seconds=2), "2026-11-23T16:05:00Z"),
    ],
)
def test_a_period_is_named_by_its_business_day_or_its_instant(when: Cron, spacing: timedelta, period: str) -> None:
    assert when.spacing == spacing
    assert when.period(datetime(2026, 11, 23, 16, 5, tzinfo=UTC), ZONE) == period


def test_the_morning_gives_tasks_to_everybody_in_portions(
    runner: JobRunner, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def people(db: Session) -> None:
        task_templates.seed(db)
        for n in range(5):
            member(db, f"m-{n}")

    database.write_now(people)
    monkeypatch.setattr(task_giving.choose, "__kwdefaults__", {"after": 0, "limit": 2})
    assert runner.run(JOBS["morning_tasks"], "2026-11-23") == {"day": "2026-11-23", "given": 10}
    assert runner.run(JOBS["morning_tasks"], "2026-11-23") is None
    assert runner.run_by_hand(JOBS["morning_tasks"], "2026-11-23", at=runner.clock())["given"] == 10
    assert database.read_now(lambda db: db.scalar(select(func.count()).select_from(Task))) == 15
    assert database.read_now(lambda db: db.scalar(select(func.count()).select_from(Outbox))) == 5


def test_the_evening_counts_what_was_done_and_reminds_of_the_rest(runner: JobRunner, database: Database) -> None:
    def people(db: Session) -> None:
        task_templates.seed(db)
        member(db, "m-1")

    database.write_now(people)
    runner.run(JOBS["morning_tasks"], "2026-11-23")
    assert runner.run(JOBS["task_check"], "2026-11-23T02:00:00Z") == {"done": 0}
    assert runner.run(JOBS["evening_reminder"], "2026-11-23") == {"day": "2026-11-23", "done": 0}
    keys = database.read_now(lambda db: sorted(db.scalars(select(Outbox.key))))
    assert [key.split(":")[0] for key in keys] == ["tasks-evening", "tasks-morning"]


def test_an_announcement_goes_out_at_its_time_and_a_cancelled_one_comes_back(
    runner: JobRunner, database: Database, now: datetime
) -> None:
    def announce(db: Session) -> tuple[int, int]:
        for n in range(3):
            member(db, f"m-{n}")
        first, second = (announcements.schedule(db, "您好", "all", now, by="cli", now=now) for _ in range(2))
        announcements.enqueue_chunk(db, second, 2, now=now)
        announcements.cancel(db, second, now=now)
        outbox.put_all(db, [], now=now)
        return first, second

    first, _ = database.write_now(announce)
    job = JOBS["announcements"]
    wanted = job.wanted
    assert wanted is not None
    assert database.read_now(lambda db: wanted(db, now))
    assert runner.run(job, "p") == {"put_out": [first], "taken_back": []}
    assert not database.read_now(lambda db: wanted(db, now))
    assert database.read_now(lambda db: announcements.progress(db, first)["queued"]) == 3


def test_settlement_by_the_clock_finds_nothing_in_an_empty_shop(runner: JobRunner) -> None:
    assert runner.run(JOBS["settle"], "2026-11-23T02:05:00Z") == {"made_payable": 0, "amounts": {}}


def test_the_night_rolls_up_yesterday_and_proves_the_books(runner: JobRunner) -> None:
    assert runner.run(JOBS["visit_rollup"], "2026-11-23") == {"day": "2026-11-22"}
    assert runner.run(JOBS["ledger_audit"], "2026-11-23") == {"violations": 0}


def job(run: Callable[[JobContext], Mapping[str, Any]]) -> Job:
    return Job("test", Cron(), run, late_by=timedelta(hours=1))


def test_a_job_that_fails_is_recorded_and_what_it_wrote_before_stays(runner: JobRunner, database: Database) -> None:
    def half_way(context: JobContext) -> Mapping[str, Any]:
        context.write(lambda db: member(db, f"m-{context.period}"))
        raise Invalid("file", "missing")

    assert runner.run(job(half_way), "p") is None
    [run] = database.read_now(job_runs.history)
    assert (run.state, run.attempts) == ("failed", 1)
    assert "missing" in (run.error or "")
    with pytest.raises(Invalid):
        runner.run_by_hand(job(half_way), "q", at=runner.clock())


def test_a_job_that_was_taken_over_writes_nothing_more(runner: JobRunner, database: Database) -> None:
    def overtaken(context: JobContext) -> Mapping[str, Any]:
        taken = database.write_now(lambda db: job_runs.claim(db, "test", "p", now=context.now + timedelta(hours=1)))
        assert taken is not None
        context.write(lambda db: member(db, "m-1"))
        return {}

    assert runner.run(job(overtaken), "p") is None
    assert database.read_now(lambda db: db.scalar(select(func.count()).select_from(Outbox))) == 0
    [run] = database.read_now(job_runs.history)
    assert (run.state, run.attempts) == ("running", 2)


def test_a_stop_ends_a_job_between_two_transactions_and_the_next_start_goes_on(
    runner: JobRunner, database: Database
) -> None:
    def long(context: JobContext) -> Mapping[str, Any]:
        context.write(lambda db: member(db, f"m-{runner.stopping.is_set()}"))
        runner.stopping.set()
        context.write(lambda db: member(db, "m-never"))
        return {}

    assert runner.run(job(long), "p") is None
    assert database.read_now(lambda db: job_runs.to_retry(db, now=runner.clock())) == [("test", "p")]
    with pytest.raises(Stopped):
        runner.run_by_hand(job(long), "p", at=runner.clock())
