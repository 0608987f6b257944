"""What the clock does: one file per job, found by itself; when it is due, and what it does for one period."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cron:
    """When a job is due, as cron fields on the wall clock of the business; `second="*/2"` means every two seconds.

    `period` names what one run stands for by the instant at which it is due: a strftime pattern, in that zone.
    """

    hour: str = "*"
    minute: str = "0"
    second: str = "0"

    @property
    def spacing(self) -> timedelta:
        """How far apart two due times are at most, but for clock changes."""
        for field, unit in ((self.second, 1), (self.minute, 60), (self.hour, 3600)):
            if field == "*":
                return timedelta(seconds=unit)
            if field.startswith("*/"):
                return timedelta(seconds=unit * int(field[2:]))
        return timedelta(days=1)

    def period(self, due: datetime, zone: ZoneInfo) -> str:
        """Return the name of the run that is due at `due`: its business day if daily, else its instant in UTC."""
        if self.spacing >= timedelta(days=1):
            return f"{due.astimezone(zone):%Y-%m-%d}"
        return f"{due.astimezone(ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}"


class InTransaction(Protocol):
    """Runs a function of a session in one transaction and returns what it returned."""

    def __call__(self, work: Callable[[Session], T], /) -> T: ...


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a job works with. `write` runs a function in one short writing transaction and commits it.

    `now` is the time that the job acts for; `clock` the time at which it really runs, the same but for a run by hand.
    """

    write: InTransaction
    read: InTransaction
    now: datetime
    clock: datetime
    period: str
    timezone: ZoneInfo

    @property
    def day(self) -> date:
        """The business day that a daily job's period names."""
        return date.fromisoformat(self.period)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done once per period.

    `late_by`: a period is not begun later than this after it was due, but recorded as missed. With `newest_only` the
    newest period does the work of those before it. `wanted` is asked first, where there often is nothing to do.
    `ahead`: whether it may be run by hand for a time to come; what books money for it may not.
    """

    name: str
    when: Cron
    run: Callable[[JobContext], Mapping[str, Any]]
    late_by: timedelta
    newest_only: bool = False
    wanted: Callable[[Session, datetime], bool] | None = None
    ahead: bool = True


def discover() -> dict[str, Job]:
    """Find every job in this folder, by name; two of one name are refused."""
    found: dict[str, Job] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        job = importlib.import_module(f"{__name__}.{info.name}").JOB
        if job.name in found:
            raise ValueError(f"two jobs are called {job.name!r}")
        found[job.name] = job
    return found
