"""The jobs: each does its work for its period, in short transactions, and nothing twice."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from bot import job_runner
from bot.database import Database
from bot.job_runner import JobRunner, Stopped
from domain.errors import Invalid, Refusal
from domain.messages import alerts, announcements, outbox
from domain.schema import Announcement, Member, Outbox, Task
from domain.work import job_runs, job_words, task_giving, task_templates
from jobs import Cron, Job, JobContext, discover
from tests.crash.test_settlement import in_child
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


def test_every_job_has_a_name_and_only_known_ones_may_be_run_again() -> None:
    assert set(JOBS) == job_words.NAMED
    assert set(JOBS) > job_runs.AGAIN


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

    first, second = database.write_now(announce)
    job = JOBS["announcements"]
    wanted = job.wanted
    assert wanted is not None
    assert database.read_now(lambda db: wanted(db, now))
    assert runner.run(job, "p") == {"put_out": [first], "taken_back": [], "ended": [second]}
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


def test_settling_for_a_time_to_come_is_refused_and_leaves_no_trace(runner: JobRunner, database: Database) -> None:
    with pytest.raises(Refusal) as refused:
        runner.run_by_hand(JOBS["settle"], "2199-01-01T00:05:00Z", at=datetime(2199, 1, 1, tzinfo=UTC))
    assert refused.value.code == "settlement_in_future"
    assert database.read_now(job_runs.history) == []
    assert database.read_now(alerts.open_alerts) == []


def test_a_job_that_only_reads_for_long_keeps_its_claim(
    runner: JobRunner, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runner, "RENEW_SECONDS", 0.01)
    renewed = threading.Event()
    hold = job_runs.hold

    def noted(*args: Any, **more: Any) -> None:
        hold(*args, **more)
        renewed.set()

    monkeypatch.setattr(job_runs, "hold", noted)
    assert runner.run(job(lambda _: {"renewed": renewed.wait(5)}), "p") == {"renewed": True}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is paused, which needs fork")
def test_a_paused_process_writes_nothing_after_its_run_was_taken_over(database_url: str, now: datetime) -> None:
    ready, told = os.pipe()
    go, start = os.pipe()

    def works(context: JobContext) -> Mapping[str, Any]:
        context.write(lambda db: member(db, "m-before"))
        os.write(told, b".")
        os.read(go, 1)
        context.write(lambda db: member(db, "m-after"))
        return {}

    def process() -> None:
        own = Database(database_url)
        assert JobRunner(own.write_now, own.read_now, lambda: now, ZONE).run(job(works), "p") is None

    child = in_child(process)
    os.read(ready, 1)
    os.kill(child, signal.SIGSTOP)
    database = Database(database_url)
    taken = database.write_now(lambda db: job_runs.claim(db, "test", "p", now=now + timedelta(hours=1), alone=True))
    assert taken is not None
    os.kill(child, signal.SIGCONT)
    os.write(start, b".")
    _, status = os.waitpid(child, 0)
    assert status == 0
    names = database.read_now(lambda db: db.scalars(select(Member.member_id)).all())
    [run] = database.read_now(job_runs.history)
    database.close()
    assert (list(names), run.state, run.attempts) == (["m-before"], "running", 2)


def test_one_announcement_that_cannot_be_put_out_keeps_no_other_waiting_and_is_told(
    runner: JobRunner, database: Database, now: datetime
) -> None:
    def write(db: Session) -> None:
        odd, _ = (announcements.schedule(db, "您好", "all", now, urgent=True, by="cli", now=now) for _ in range(2))
        member(db, "m-1")
        db.execute(update(Announcement).where(Announcement.id == odd).values(criteria={"of_a_newer_version": True}))

    database.write_now(write)
    done = runner.run(JOBS["announcements"], "p")
    assert done is not None
    assert done["put_out"] == [2]
    [alert] = database.read_now(alerts.open_alerts)
    assert alert.words.key == "alert.announcement_stuck"
