"""A job's period is worked on once, by one process at a time, and never forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from domain.messages import alerts
from domain.work import job_runs
from domain.work.job_runs import LEASE, MAX_ATTEMPTS, ClaimLost


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
    at = now
    for attempt in range(MAX_ATTEMPTS):
        claimed = job_runs.claim(db, "settle", "p", now=at)
        assert claimed is not None
        job_runs.fail(db, claimed, "disk full", now=at)
        assert job_runs.claim(db, "settle", "p", now=at) is None
        at += timedelta(hours=1)
        assert bool(job_runs.to_retry(db, now=at)) == (attempt < MAX_ATTEMPTS - 1)
    assert [alert.words.key for alert in alerts.open_alerts(db)] == ["alert.job_failing"]

    by_hand = job_runs.claim(db, "settle", "p", now=at, by_hand=True)
    assert by_hand is not None
    job_runs.finish(db, by_hand, {}, now=at)
    assert alerts.open_alerts(db) == []


def test_a_missed_period_is_reported_once(db: Session, now: datetime) -> None:
    assert job_runs.miss(db, "evening_reminder", "2026-11-22", {"because": "too late"}, now=now)
    assert not job_runs.miss(db, "evening_reminder", "2026-11-22", {"because": "too late"}, now=now)
    assert job_runs.claim(db, "evening_reminder", "2026-11-22", now=now) is None
