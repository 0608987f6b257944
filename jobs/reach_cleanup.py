"""Early in the morning: what platforms have forgotten by now, windows that closed and files that expired, goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from domain.messages import allowances, platform_files, signatures
from jobs import Cron, Job, JobContext

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CHUNK = 5_000
KEPT = timedelta(days=1)  # a message that was being sent may still be given back to its window


def run(context: JobContext) -> Mapping[str, Any]:
    before = context.now - KEPT
    windows = _all(context, partial(allowances.forget_closed, limit=CHUNK, before=before))
    files = _all(context, partial(platform_files.forget_expired, limit=CHUNK, before=before))
    used = _all(context, partial(signatures.forget_old, limit=CHUNK, before=before))
    return {"windows": windows, "files": files, "signatures": used}


def _all(context: JobContext, forget: Callable[[Session], int]) -> int:
    total = 0
    while count := context.write(forget):
        total += count
    return total


JOB = Job("reach_cleanup", Cron(hour="4", minute="10"), run, late_by=timedelta(hours=20), newest_only=True)
