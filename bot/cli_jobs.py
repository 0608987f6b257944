"""The commands `job` and `settle`: run one by hand, show when each is due and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bot.cli_support import Refused, note, said, show, table
from domain.periods import format_instant

if TYPE_CHECKING:
    from bot.database import Database
    from config.settings import Settings
    from domain.work.job_runs import Run
    from jobs import Cron, Job

STATES: Final = ("running", "done", "failed", "missed")


def run(settings: Settings, database: Database, name: str, at: datetime | None) -> Mapping[str, Any]:
    """Run a job by hand for the period that it would have at `at` (now where it is left out)."""
    from bot.app import clock
    from bot.job_runner import JobRunner, TooEarly
    from bot.scheduler import newest
    from jobs import discover

    job, zone, now = discover()[name], settings.timezone, clock()
    period = job.when.period(newest(job.when, at or now, zone), zone)
    runner = JobRunner(database.write_now, database.read_now, clock, zone)
    if at is not None and at > now and job.ahead:
        note(f"{format_instant(at)} is still to come. The scheduler will not run {name} for {period} again.")
    try:
        return runner.run_by_hand(job, period, at=at or now)
    except TooEarly as early:
        times = {key: format_instant(value) for key, value in early.params.items() if isinstance(value, datetime)}
        raise Refused(f"It is not {times['as_of']} yet; at most {times['now']} can be settled.", **times) from None


def show_all(jobs: Mapping[str, Job]) -> None:
    data = [
        {"name": job.name, "hour_minute_second": f"{job.when.hour}:{job.when.minute}:{job.when.second}"}
        for job in jobs.values()
    ]
    rows = [(job.name, due(job.when)) for job in jobs.values()]
    show({"jobs": data}, table("job", "when", rows=rows))


def due(when: Cron) -> str:
    """Say in English when a job is due, on the business clock."""
    for field, unit in ((when.second, "second"), (when.minute, "minute"), (when.hour, "hour")):
        if field.startswith("*/"):
            return f"every {field[2:]} {unit}s"
    if when.second == "*":
        return "every second"
    if when.minute == "*":
        return "every minute"
    return (
        f"every hour at :{when.minute:0>2}" if when.hour == "*" else f"every day at {when.hour:0>2}:{when.minute:0>2}"
    )


def show_history(settings: Settings, database: Database, job: str | None, state: str | None, last: int) -> None:
    from domain.work import job_runs

    runs = database.read_now(partial(job_runs.history, job=job, state=state, limit=last))
    columns = ("job", "period", "state", "attempts", "started_at", "finished_at", "seconds", "result", "error")
    data = [{column: getattr(run, column) for column in columns} for run in runs]
    rows = [
        (run.job, run.period, run.state, run.attempts, run.started_at, _lasted(run), _what(settings, run))
        for run in runs
    ]
    show({"runs": data}, table("job", "period", "state", "tries", "began", "took", "what it did", rows=rows))


def _lasted(run: Run) -> str:
    return "" if run.seconds is None else f"{run.seconds:.1f} s"


def _what(settings: Settings, run: Run) -> str:
    """What a run did, or why it did not."""
    from domain.work import job_words

    if run.state == "done" and isinstance(run.result, Mapping):
        return said(settings, [job_words.told(run.job, run.result)])[0]
    if run.state == "missed" and isinstance(run.result, Mapping):
        return str(run.result.get("because", ""))
    return run.error or ""
