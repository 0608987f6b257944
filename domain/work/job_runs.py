"""Which job ran for which period: the row is the claim, so each period is worked on once, by one process at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, func, not_, or_, select, update
from sqlalchemy.orm import Session

from domain.errors import NotFound, Refusal
from domain.messages import alerts
from domain.schema import JobRun
from domain.sql import insert_ignore, one_at_a_time
from domain.wording import Words, words
from domain.work import job_words

LEASE: Final = timedelta(minutes=2)
"""A run that has written nothing for so long is taken over: its process is gone."""

AHEAD: Final = timedelta(minutes=15)
"""Two clocks that are both right differ by less. What was written further ahead of now is of one that was wrong."""

MAX_ATTEMPTS: Final = 6
TELL_AFTER: Final = 3
"""So many failures in a row are no passing trouble: operators are told."""

_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = _FIRST_PAUSE * 2 ** (MAX_ATTEMPTS - 2)
_STANDS = timedelta(minutes=10)
"""What is run within this time of a missed run belongs to the same catching up and does not end the alert about it."""

BEFORE_FIRST_START: Final = "it was due before the program was started for the first time"

AGAIN: Final = frozenset({"announcements", "ledger_audit", "settle", "task_check", "visit_rollup"})
"""Jobs that may be run again later: they do what is due by then. Tasks and reminders of a past day come too late."""


class NotRepeatable(Refusal):
    """A run that is at work, or one whose time is over for good."""

    code = "job_not_repeatable"


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
    """What is known of one run. `finished_at` is empty while it works or waits for its next try, at `again_at`."""

    id: int
    job: str
    period: str
    state: str
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    result: Mapping[str, Any] | None
    error: str | None
    again_at: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """How long the last try worked; None while it works, and for what was never begun."""
        if self.finished_at is None or self.state == "missed":
            return None
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def trouble(self) -> bool:
        """Whether it failed, or was missed by somebody's fault."""
        if self.state == "missed":
            return self.result != {"because": BEFORE_FIRST_START}
        return self.state == "failed"

    @property
    def repeatable(self) -> bool:
        """Whether somebody may have it run again."""
        if self.state == "failed":
            return True
        return self.state in ("done", "missed") and self.job in AGAIN


def claim(
    db: Session, job: str, period: str, *, now: datetime, alone: bool = False, by_hand: bool = False
) -> Claim | None:
    """Take the run of `job` for `period`, or None: it is done, at work elsewhere, or not to be tried again yet.

    `alone` also waits for runs of the same job for other periods, at work or to be tried again soon. `by_hand` takes
    it in any case: a person wants it again, and knows better than a lease whether a process is gone.
    """
    if alone and not by_hand:
        one_at_a_time(db, f"job:{job}")
        busy = select(JobRun.id).where(JobRun.job == job, JobRun.period != period, JobRun.lease_until.is_not(None))
        busy = busy.where(_held(now))
        if db.scalar(busy.limit(1)) is not None:
            return None
    begun = {"state": "running", "attempts": 1, "started_at": now, "lease_until": now + LEASE}
    new = insert_ignore(db, JobRun, [{"job": job, "period": period, **begun}], key=["job", "period"], returning=["id"])
    if new:
        return Claim(new[0].id, job, period, 1)
    row = db.execute(
        update(JobRun)
        .where(JobRun.job == job, JobRun.period == period, *(() if by_hand else (_free(now),)))
        .values(begun | {"attempts": JobRun.attempts + 1, "finished_at": None, "result": None, "error": None})
        .returning(JobRun.id, JobRun.attempts)
    ).one_or_none()
    return None if row is None else Claim(row.id, job, period, row.attempts)


def _held(now: datetime) -> Any:
    """At work, or failed and to be tried again. Longer leases than are ever given are of a clock that was wrong."""
    return or_(
        and_(JobRun.state == "running", JobRun.lease_until > now, JobRun.lease_until <= now + LEASE + AHEAD),
        and_(JobRun.state == "failed", JobRun.lease_until > now, JobRun.lease_until <= now + _LONGEST_PAUSE + AHEAD),
    )


def _free(now: datetime) -> Any:
    """Left behind by a vanished process, due for another try, or called missed by a clock that was ahead."""
    return or_(
        and_(JobRun.state.in_(("running", "failed")), JobRun.lease_until.is_not(None), not_(_held(now))),
        and_(JobRun.state == "missed", JobRun.started_at > now + AHEAD),
    )


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
    """Record that the run is done and what it did; alerts about the job's failing or missing are over."""
    values = {"state": "done", "result": dict(result), "finished_at": now, "lease_until": None, "error": None}
    ended = db.execute(_own(claimed).values(values).returning(JobRun.started_at)).first()
    if ended is not None:
        alerts.clear_alert(db, _failing(claimed.job), now=now)
        alerts.clear_alert(db, _given_up(claimed.job), now=now)
        alerts.clear_alert(db, _missed(claimed.job), now=now, raised_before=ended.started_at - _STANDS)


def fail(db: Session, claimed: Claim, error: str | Words, *, now: datetime) -> None:
    """Record why the run failed and let it be tried again later, a bounded number of times.

    The operators are told when it goes on failing, and once more when it is given up. Words are shown to each in their
    language; the record keeps the key of a refusal.
    """
    pause = min(_FIRST_PAUSE * 2 ** (claimed.attempts - 1), _LONGEST_PAUSE)
    again = now + pause if claimed.attempts < MAX_ATTEMPTS else None
    shown = error if isinstance(error, Words) else error[:200]
    kept = error.key if isinstance(error, Words) else error[:500]
    values = {"state": "failed", "error": kept, "finished_at": now, "lease_until": again}
    if db.execute(_own(claimed).values(values).returning(JobRun.id)).first() is None:
        return
    facts = {"job": job_words.named(claimed.job), "period": claimed.period, "error": shown}
    if again is None:
        alerts.clear_alert(db, _failing(claimed.job), now=now)
        alerts.raise_alert(db, _given_up(claimed.job), words("alert.job_given_up", **facts), now=now)
    elif claimed.attempts >= TELL_AFTER:
        alerts.raise_alert(db, _failing(claimed.job), words("alert.job_failing", **facts), now=now)


def _failing(job: str) -> str:
    return f"job_failing:{job}"


def _given_up(job: str) -> str:
    return f"job_given_up:{job}"


def _missed(job: str) -> str:
    return f"job_missed:{job}"


def miss(db: Session, job: str, periods: Sequence[str], because: str, *, now: datetime) -> list[str]:
    """Record that `periods` will not be run, and why; tell the operators. Returns those of which that is news."""
    row = {"job": job, "state": "missed", "attempts": 0, "started_at": now, "finished_at": now}
    rows = [row | {"period": period, "result": {"because": because}} for period in periods]
    news = sorted(new.period for new in insert_ignore(db, JobRun, rows, key=["job", "period"], returning=["period"]))
    if news:
        said = words("alert.job_missed", job=job_words.named(job), n=len(news), first=news[0], last=news[-1])
        alerts.raise_alert(db, _missed(job), said, now=now)
    return news


def begin_count(db: Session, job: str, period: str, *, now: datetime) -> None:
    """Remember where the periods of a job begin to count, when its first one came too late: nobody promised that."""
    row = {"job": job, "period": period, "state": "missed", "attempts": 0, "started_at": now, "finished_at": now}
    insert_ignore(db, JobRun, [row | {"result": {"because": BEFORE_FIRST_START}}], key=["job", "period"])


def known(db: Session, job: str, periods: Collection[str], *, now: datetime) -> set[str]:
    """Return those of `periods` that have a row: done, under way, failed or missed.

    What was called missed while the clock was ahead of `now` does not count: its time is yet to come.
    """
    counts = or_(JobRun.state != "missed", JobRun.started_at <= now + AHEAD)
    return set(db.scalars(select(JobRun.period).where(JobRun.job == job, JobRun.period.in_(periods), counts)))


def span(db: Session, job: str) -> tuple[str, str] | None:
    """Return the first and the last period of `job` that has a row; None if it never ran."""
    first, last = (
        select(end(JobRun.period)).where(JobRun.job == job).scalar_subquery() for end in (func.min, func.max)
    )
    row = db.execute(select(first.label("first"), last.label("last"))).one()
    return None if row.first is None else (row.first, row.last)


def ask_again(db: Session, run: int, *, now: datetime) -> Run:
    """Have a run begun again, by whichever process looks next. Raises NotFound, and NotRepeatable where it may not."""
    found = find(db, run)
    if not found.repeatable:
        raise NotRepeatable()
    waiting = {"state": "running", "lease_until": now, "finished_at": None}
    asked = update(JobRun).where(JobRun.id == run, JobRun.state == found.state).values(waiting)
    if db.execute(asked.returning(JobRun.id)).first() is None:
        raise NotRepeatable()
    return found


def to_retry(db: Session, *, now: datetime) -> list[tuple[str, str]]:
    """Return (job, period) of what failed and is due for another try, and of what a vanished process left behind."""
    rows = db.execute(
        select(JobRun.job, JobRun.period)
        .where(JobRun.state.in_(("running", "failed")), JobRun.lease_until.is_not(None), not_(_held(now)))
        .order_by(JobRun.id)
    )
    return [(row.job, row.period) for row in rows]


_RUN = select(
    JobRun.id,
    JobRun.job,
    JobRun.period,
    JobRun.state,
    JobRun.attempts,
    JobRun.started_at,
    JobRun.finished_at,
    JobRun.result,
    JobRun.error,
    JobRun.lease_until,
)


def history(db: Session, job: str | None = None, state: str | None = None, limit: int = 30) -> list[Run]:
    """Return the newest runs, of all jobs or one, in all states or one."""
    chosen = [column == value for column, value in ((JobRun.job, job), (JobRun.state, state)) if value is not None]
    return [Run(*row) for row in db.execute(_RUN.where(*chosen).order_by(*_NEWEST_FIRST).limit(limit))]


_NEWEST_FIRST = (JobRun.started_at.desc(), JobRun.id.desc())


def newest_of_each(db: Session) -> list[Run]:
    """Return the newest run of every job, what failed or was missed first."""
    newest = [run for job in sorted(job_words.NAMED) for run in history(db, job, limit=1)]
    return sorted(newest, key=lambda run: not run.trouble)


def find(db: Session, run: int) -> Run:
    """Raises NotFound."""
    row = db.execute(_RUN.where(JobRun.id == run)).one_or_none()
    if row is None:
        raise NotFound()
    return Run(*row)


def last_done(db: Session) -> dict[str, datetime]:
    """Return when each job was last done, for the metrics."""
    rows = db.execute(
        select(JobRun.job, func.max(JobRun.finished_at).label("at")).where(JobRun.state == "done").group_by(JobRun.job)
    )
    return {row.job: row.at for row in rows}
