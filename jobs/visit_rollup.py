"""Every business night: yesterday's visits are counted once and for all, and old salts are thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from domain.mall import visits
from jobs import Cron, Job, JobContext


def run(context: JobContext) -> Mapping[str, Any]:
    yesterday = context.day - timedelta(days=1)
    context.write(partial(visits.roll_up, day=yesterday))
    return {"day": yesterday.isoformat()}


JOB = Job("visit_rollup", Cron(hour="0", minute="20"), run, late_by=timedelta(days=30))
