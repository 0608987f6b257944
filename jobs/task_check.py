"""Every ten minutes: who has fulfilled a task by now hears it at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

from domain.sql import chunks
from domain.work import tasks
from jobs import Cron, Job, JobContext


def complete_fulfilled(context: JobContext, day: date) -> int:
    """Mark done what is fulfilled of the tasks of `day`; looks without holding up anybody, writes in portions."""
    fulfilled = context.read(partial(tasks.fulfilled, day=day, zone=context.timezone))
    return sum(
        context.write(partial(tasks.complete, tasks=part, now=context.now)) for part in chunks(fulfilled, tasks.CHUNK)
    )


def run(context: JobContext) -> Mapping[str, Any]:
    days = tasks.days_to_check(context.now, context.timezone)
    return {"done": sum(complete_fulfilled(context, day) for day in days)}


JOB = Job("task_check", Cron(minute="*/10"), run, late_by=timedelta(minutes=30), newest_only=True)
