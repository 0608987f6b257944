"""Which job ran for which period: the row is the claim, so each period is worked on once, by one process at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from domain.messages import alerts
from domain.schema import JobRun
from domain.sql import insert_ignore, one_at_a_time
from domain.wording import words

LEASE: Final = timedelta(minutes=2)
"""A run that has written nothing for so long is taken over: its process is gone."""

MAX_ATTEMPTS: Final = 6
_FIRST_PAUSE = timedelta(seconds=30)


class ClaimLost(Exception):
    """Another process has taken this run over; whatever this one still wants to write is not written."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run `job` for `period`; `attempts` tells this claim from earlier and later ones."""

    run: int
    job: str
    period: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Run:
    job: str
    period: str
    state: str
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    result: Mapping[str, Any] | None
    error: str | None


def claim(
    db: Session, job: str, period: str, *, now: datetime, alone: bool = False, by_hand: bool = False
) -> Claim | None:
    """Take the run of `job` for `period`, or None: it is done, at work elsewhere, or not to be tried again yet.

    `alone` also waits for runs of the same job for other periods. `by_hand` takes it in any case: a person wants it
    again, and knows better than a lease whether a process is gone.
    """
    if alone and not by_hand:
        one_at_a_time(db, f"job:{job}")
        busy = select(JobRun.id).where(JobRun.job == job, JobRun.state == "running", JobRun.lease_until > now)
        if db.scalar(busy.limit(1)) is not None:
            return None
    begun = {"state": "running", "attempts": 1, "started_at": now, "lease_until": now + LEASE}
    new = insert_ignore(db, JobRun, [{"job": job, "period": period, **begun}], key=["job", "period"], returning=["id"])
    if new:
        return Claim(new[0].id, job, period, 1)
    free = and_(JobRun.lease_until <= now, or_(JobRun.state == "running", JobRun.state == "failed"))
    row = db.execute(
        update(JobRun)
        .where(JobRun.job == job, JobRun.period == period, *(() if by_hand else (free,)))
        .values(begun | {"attempts": JobRun.attempts + 1, "finished_at": None, "error": None})
        .returning(JobRun.id, JobRun.attempts)
    ).one_or_none()
    return None if row is None else Claim(row.id, job, period, row.attempts)


def hold(db: Session, claimed: Claim, *, now: datetime) -> None:
    """Prolong the claim, inside the transaction of whatever is written under it; raises ClaimLost if it was taken."""
    held = db.execute(_own(claimed).values(lease_until=now + LEASE).returning(JobRun.id))
    if held.first() is None:
        raise ClaimLost(f"{claimed.job} {claimed.period}")


def _own(claimed: Claim) -> Any:
    return update(JobRun).where(
        JobRun.id == claimed.run, JobRun.attempts == claimed.attempts, JobRun.state == "running"
    )


def release(db: Session, claimed: Claim, *, now: datetime) -> None:
    """Let anybody go on with this run at once."""
    db.execute(_own(claimed).values(lease_until=now))


def finish(db: Session, claimed: Claim, result: Mapping[str, Any], *, now: datetime) -> None:
    """Record that the run is done and what it did; an alert about its failing is over."""
    values = {"state": "done", "result": dict(result), "finished_at": now, "lease_until": None, "error": None}
    if db.execute(_own(claimed).values(values).returning(JobRun.id)).first() is not None:
        alerts.clear_alert(db, _alert_key(claimed.job), now=now)


def fail(db: Session, claimed: Claim, error: str, *, now: datetime) -> None:
    """Record why the run failed, tell the operators, and let it be tried again later, a bounded number of times."""
    pause = _FIRST_PAUSE * 2 ** (claimed.attempts - 1)
    again = now + pause if claimed.attempts < MAX_ATTEMPTS else None
    values = {"state": "failed", "error": error[:500], "finished_at": now, "lease_until": again}
    if db.execute(_own(claimed).values(values).returning(JobRun.id)).first() is not None:
        said = words("alert.job_failing", job=claimed.job, period=claimed.period, error=error[:200])
        alerts.raise_alert(db, _alert_key(claimed.job), said, now=now)


def _alert_key(job: str) -> str:
    return f"job_failing:{job}"


def miss(db: Session, job: str, period: str, because: Mapping[str, str], *, now: datetime) -> bool:
    """Record that `period` will not be run, and why; returns whether that is news."""
    row = {
        "job": job,
        "period": period,
        "state": "missed",
        "attempts": 0,
        "started_at": now,
        "finished_at": now,
        "result": dict(because),
    }
    return bool(insert_ignore(db, JobRun, [row], key=["job", "period"], returning=["id"]))


def known(db: Session, job: str, periods: Collection[str]) -> set[str]:
    """Return those of `periods` that have a row: done, under way, failed or missed."""
    return set(db.scalars(select(JobRun.period).where(JobRun.job == job, JobRun.period.in_(periods))))


def ever_ran(db: Session, job: str) -> bool:
    return db.scalar(select(JobRun.id).where(JobRun.job == job).limit(1)) is not None


def to_retry(db: Session, *, now: datetime) -> list[tuple[str, str]]:
    """Return (job, period) of what failed and is due for another try, and of what a vanished process left behind."""
    rows = db.execute(
        select(JobRun.job, JobRun.period)
        .where(JobRun.state.in_(("running", "failed")), JobRun.lease_until <= now)
        .order_by(JobRun.id)
    )
    return [(row.job, row.period) for row in rows]


def history(db: Session, job: str | None = None, limit: int = 30) -> list[Run]:
    """Return the newest runs, of all jobs or one."""
    rows = db.execute(
        select(
            JobRun.job,
            JobRun.period,
            JobRun.state,
            JobRun.attempts,
            JobRun.started_at,
            JobRun.finished_at,
            JobRun.result,
            JobRun.error,
        )
        .where(*(() if job is None else (JobRun.job == job,)))
        .order_by(JobRun.started_at.desc(), JobRun.id.desc())
        .limit(limit)
    )
    return [Run(*row) for row in rows]


def last_done(db: Session) -> dict[str, datetime]:
    """Return when each job was last done, for the metrics."""
    rows = db.execute(
        select(JobRun.job, func.max(JobRun.finished_at).label("at")).where(JobRun.state == "done").group_by(JobRun.job)
    )
    return {row.job: row.at for row in rows}
