"""Every business morning but holidays: today's tasks for whoever sells and works, with a notice of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from domain.work import task_giving
from jobs import Cron, Job, JobContext


def run(context: JobContext) -> Mapping[str, Any]:
    day, after, more = context.day, 0, True
    while more:  # choosing only reads and holds up nobody; the writing is short
        portion = context.read(partial(task_giving.choose, day=day, zone=context.timezone, after=after))
        if portion is None:
            break
        context.write(partial(task_giving.give, portion=portion, day=day, now=context.now))
        after, more = portion.last, portion.more
    return {"day": context.period, "given": context.read(partial(task_giving.count, day=day))}


JOB = Job("morning_tasks", Cron(hour="8", minute="30"), run, late_by=timedelta(hours=11))
