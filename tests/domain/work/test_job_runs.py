"""A job's period is worked on once, by one process at a time, and never forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from domain.messages import alerts
from domain.work import job_runs
from domain.work.job_runs import LEASE, MAX_ATTEMPTS, ClaimLost, NotRepeatable


def test_one_process_runs_a_period_and_no_other_one_does(db: Session, now: datetime) -> None:
    first = job_runs.claim(db, "settle", "2026-11-23", now=now)
    assert first is not None
    assert job_runs.claim(db, "settle", "2026-11-23", now=now) is None
    assert job_runs.claim(db, "settle", "2026-11-24", now=now) is not None
    job_runs.finish(db, first, {"made_payable": 3}, now=now)
    assert job_runs.claim(db, "settle", "2026-11-23", now=now + timedelta(days=9)) is None
    assert job_runs.history(db, "settle")[1].result == {"made_payable": 3}


def test_a_job_that_works_alone_waits_for_its_other_periods(db: Session, now: datetime) -> None:
    first = job_runs.claim(db, "settle", "13:00", now=now, alone=True)
    assert first is not None
    assert job_runs.claim(db, "settle", "14:00", now=now, alone=True) is None
    job_runs.finish(db, first, {}, now=now)
    assert job_runs.claim(db, "settle", "14:00", now=now, alone=True) is not None


def test_a_run_whose_process_vanished_is_taken_over_and_the_late_comer_writes_nothing(
    db: Session, now: datetime
) -> None:
    vanished = job_runs.claim(db, "settle", "p", now=now)
    assert vanished is not None
    job_runs.hold(db, vanished, now=now + LEASE / 2)
    assert job_runs.claim(db, "settle", "p", now=now + LEASE) is None
    later = now + LEASE * 2
    assert job_runs.to_retry(db, now=later) == [("settle", "p")]
    taken = job_runs.claim(db, "settle", "p", now=later)
    assert taken is not None
    with pytest.raises(ClaimLost):
        job_runs.hold(db, vanished, now=later)
    job_runs.finish(db, vanished, {}, now=later)
    assert job_runs.history(db)[0].state == "running"
    job_runs.hold(db, taken, now=later)


def test_a_failing_job_is_tried_again_a_few_times_and_the_operators_know(db: Session, now: datetime) -> None:
    at, told = now, []
    for attempt in range(MAX_ATTEMPTS):
        told.append([alert.words.key for alert in alerts.open_alerts(db)])
        claimed = job_runs.claim(db, "settle", "p", now=at)
        assert claimed is not None
        job_runs.fail(db, claimed, "disk full", now=at)
        assert job_runs.claim(db, "settle", "p", now=at) is None
        at += timedelta(hours=1)
        assert bool(job_runs.to_retry(db, now=at)) == (attempt < MAX_ATTEMPTS - 1)
    assert told == [[], [], [], *[["alert.job_failing"]] * (MAX_ATTEMPTS - 3)]
    assert [alert.words.key for alert in alerts.open_alerts(db)] == ["alert.job_given_up"]

    by_hand = job_runs.claim(db, "settle", "p", now=at, by_hand=True)
    assert by_hand is not None
    job_runs.finish(db, by_hand, {}, now=at)
    assert alerts.open_alerts(db) == []


def test_a_missed_period_is_reported_once_and_the_next_run_in_time_ends_the_alert(db: Session, now: datetime) -> None:
    assert job_runs.miss(db, "evening_reminder", ["2026-11-21", "2026-11-22"], "too late", now=now)
    assert not job_runs.miss(db, "evening_reminder", ["2026-11-22"], "too late", now=now)
    assert job_runs.claim(db, "evening_reminder", "2026-11-22", now=now) is None
    [alert] = alerts.open_alerts(db)
    assert alert.words.params["n"] == 2
    for at, open_ in ((now, 1), (now + timedelta(hours=10), 0)):
        claimed = job_runs.claim(db, "evening_reminder", str(at), now=at)
        assert claimed is not None
        job_runs.finish(db, claimed, {}, now=at)
        assert len(alerts.open_alerts(db)) == open_


def test_what_a_clock_that_was_ahead_has_left_behind_holds_up_nothing(db: Session, now: datetime) -> None:
    ahead = now + timedelta(days=40)
    assert job_runs.claim(db, "settle", "killed", now=ahead) is not None
    failing = job_runs.claim(db, "settle", "failing", now=ahead)
    assert failing is not None
    job_runs.fail(db, failing, "disk full", now=ahead)
    job_runs.miss(db, "settle", ["later"], "too late", now=ahead)
    assert job_runs.to_retry(db, now=now) == [("settle", "killed"), ("settle", "failing")]
    assert job_runs.known(db, "settle", ["killed", "later"], now=now) == {"killed"}
    assert job_runs.claim(db, "settle", "later", now=now) is not None


def test_a_failing_job_that_works_alone_begins_no_further_period_before_its_next_try(
    db: Session, now: datetime
) -> None:
    claimed = job_runs.claim(db, "announcements", "p1", now=now, alone=True)
    assert claimed is not None
    job_runs.fail(db, claimed, "disk full", now=now)
    assert job_runs.claim(db, "announcements", "p2", now=now + timedelta(seconds=2), alone=True) is None
    assert job_runs.claim(db, "announcements", "p1", now=now + timedelta(minutes=1), alone=True) is not None


def test_only_what_makes_sense_later_may_be_run_again(db: Session, now: datetime) -> None:
    for name in ("settle", "morning_tasks"):
        claimed = job_runs.claim(db, name, "2026-11-23", now=now)
        assert claimed is not None
        job_runs.finish(db, claimed, {}, now=now)
    settle, tasks = (job_runs.history(db, name)[0] for name in ("settle", "morning_tasks"))
    job_runs.ask_again(db, settle.id, now=now)
    assert job_runs.to_retry(db, now=now) == [("settle", "2026-11-23")]
    with pytest.raises(NotRepeatable):
        job_runs.ask_again(db, settle.id, now=now)
    with pytest.raises(NotRepeatable):
        job_runs.ask_again(db, tasks.id, now=now)


def test_a_process_that_looked_at_the_clock_a_moment_earlier_takes_nothing_over(db: Session, now: datetime) -> None:
    assert job_runs.claim(db, "settle", "p", now=now + timedelta(milliseconds=5)) is not None
    assert job_runs.claim(db, "settle", "p", now=now) is None
