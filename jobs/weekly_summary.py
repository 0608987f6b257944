"""Every Monday morning: each member's week beside the one before, in words and a picture."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from domain.work import task_summary
from jobs import Cron, Job, JobContext


def run(context: JobContext) -> Mapping[str, Any]:
    """Due every day, so that a missed Monday is caught up like any day; has something to do on Mondays."""
    if context.day.weekday():
        return {"told": 0}
    monday = context.day - timedelta(days=7)
    told, after, more = 0, 0, True
    while more:  # counting only reads and holds up nobody
        portion = context.read(partial(task_summary.choose, monday=monday, zone=context.timezone, after=after))
        if portion is None:
            break
        told += context.write(partial(task_summary.tell, portion=portion, now=context.now))
        after, more = portion.last, portion.more
    return {"told": told}


JOB = Job("weekly_summary", Cron(hour="9", minute="0"), run, late_by=timedelta(days=2))
