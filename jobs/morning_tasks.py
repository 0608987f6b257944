"""Every business morning: today's tasks for distributors, merchants and agents, with a notice that lists them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from domain.work import tasks
from jobs import Cron, Job, JobContext


def run(context: JobContext) -> Mapping[str, Any]:
    reached: int | None = 0
    while reached is not None:
        reached = context.write(partial(tasks.assign, day=context.day, now=context.now, after=reached))
    return {"day": context.period, "given": context.read(partial(tasks.count, day=context.day))}


JOB = Job("morning_tasks", Cron(hour="8", minute="30"), run, late_by=timedelta(hours=11))
