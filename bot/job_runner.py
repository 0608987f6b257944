"""One job for one period: claimed, run, and what it did or why it failed written down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from domain.errors import Invalid, Refusal
from domain.wording import Words
from domain.work import job_runs
from domain.work.job_runs import Claim, ClaimLost
from jobs import InTransaction, Job, JobContext

T = TypeVar("T")

log = structlog.get_logger()


RENEW_SECONDS: Final = job_runs.LEASE.total_seconds() / 4
_RENEWALS: Final = 720
"""Six hours: what works for longer hangs, and may be taken over."""


class TooEarly(Refusal):
    """What is done for a time to come cannot be known yet."""

    code = "settlement_in_future"

    def __init__(self, at: datetime, now: datetime) -> None:
        super().__init__(as_of=at, now=now)


class Stopped(Exception):
    """The program stops: the job ends between two transactions and goes on at the next start."""


@dataclass(frozen=True, slots=True)
class JobRunner:
    """`write` and `read` run a function in a transaction and wait for it; never called on the event loop."""

    write: InTransaction
    read: InTransaction
    clock: Callable[[], datetime]
    zone: ZoneInfo
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, job: Job, period: str) -> Mapping[str, Any] | None:
        """Run `job` for `period` as the scheduler does, and return what it did.

        None: it is done, or at work elsewhere, or it failed; a failure is recorded and tried again later.
        """
        now = self.clock()
        claim = self.write(partial(job_runs.claim, job=job.name, period=period, now=now, alone=True))
        if claim is None:
            return None
        try:
            return self._run(job, claim, now)
        except ClaimLost:
            log.warning("job.taken_over", job=job.name, period=period)
        except Stopped:
            log.info("job.stopped", job=job.name, period=period)
        except Exception:
            log.exception("job.failed", job=job.name, period=period, attempts=claim.attempts)
        return None

    def run_by_hand(self, job: Job, period: str, *, at: datetime) -> Mapping[str, Any]:
        """Run `job` as the scheduler would at `at`, also if it ran before; whatever goes wrong is raised.

        Raises TooEarly, before anything is recorded, where the job may not be run for a time to come.
        """
        if at > self.clock() and not job.ahead:
            raise TooEarly(at=at, now=self.clock())
        claim = self.write(partial(job_runs.claim, job=job.name, period=period, now=self.clock(), by_hand=True))
        assert claim is not None
        return self._run(job, claim, at)

    def _run(self, job: Job, claim: Claim, now: datetime) -> Mapping[str, Any]:
        def write(work: Callable[[Session], T]) -> T:
            """Whoever lost the claim writes nothing any more: both are checked in the same transaction."""
            if self.stopping.is_set():
                raise Stopped

            def held(db: Session) -> T:
                job_runs.hold(db, claim, now=self.clock())
                return work(db)

            return self.write(held)

        context = JobContext(write, self.read, now, self.clock(), claim.period, self.zone)
        try:
            with self._holding(claim):
                result = job.run(context)
        except ClaimLost:
            raise
        except Stopped:
            self.write(partial(job_runs.release, claimed=claim, now=self.clock()))
            raise
        except Exception as error:
            self.write(partial(job_runs.fail, claimed=claim, error=_reason(error), now=self.clock()))
            raise
        self.write(partial(job_runs.finish, claimed=claim, result=result, now=self.clock()))
        log.info("job.done", job=job.name, period=claim.period, **result)
        return result

    @contextmanager
    def _holding(self, claim: Claim) -> Iterator[None]:
        """Renew the claim while the job works, also where it only reads for long, so that nobody takes it over."""
        done = threading.Event()

        def renew() -> None:
            for _ in range(_RENEWALS):
                if done.wait(RENEW_SECONDS):
                    return
                try:
                    self.write(partial(job_runs.hold, claimed=claim, now=self.clock()))
                except ClaimLost:
                    return
                except Exception:  # the next time it may succeed; until then the lease runs on
                    log.exception("job.not_renewed", job=claim.job)

        thread = threading.Thread(target=renew, name=f"hold-{claim.job}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()


def _reason(error: Exception) -> str | Words:
    """Why a run failed: a refusal in words that everybody can read, anything else as the log has it."""
    if isinstance(error, Refusal) and not isinstance(error, Invalid):
        return Words(
            f"refusal.{error.code}", {name: value for name, value in error.params.items() if value is not None}
        )
    if isinstance(error, Invalid):
        return f"{error.field}: {error.reason.replace('_', ' ')}"
    return f"{type(error).__name__}: {error}"
