"""Every business evening: whoever still has open tasks is reminded of them, nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from domain.work import tasks
from jobs import Cron, Job, JobContext
from jobs.task_check import complete_fulfilled


def run(context: JobContext) -> Mapping[str, Any]:
    done = complete_fulfilled(context, context.day)
    reached: int | None = 0
    while reached is not None:
        reached = context.write(partial(tasks.remind, day=context.day, now=context.now, after=reached))
    return {"day": context.period, "done": done}


JOB = Job("evening_reminder", Cron(hour="20", minute="0"), run, late_by=timedelta(hours=2))
