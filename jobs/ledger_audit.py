"""Every business night: the ledger and everything that hangs on it prove themselves, or the operators hear of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from domain import audit
from domain.messages import alerts
from domain.wording import words
from jobs import Cron, Job, JobContext

_ALERT = "audit"


def run(context: JobContext) -> Mapping[str, Any]:
    violations = context.read(audit.violations)
    if violations:
        said = words("alert.audit", count=len(violations), first=str(violations[0])[:200])
        context.write(partial(alerts.raise_alert, key=_ALERT, said=said, now=context.now))
    else:
        context.write(partial(alerts.clear_alert, key=_ALERT, now=context.now))
    return {"violations": len(violations)}


JOB = Job("ledger_audit", Cron(hour="3", minute="30"), run, late_by=timedelta(days=7), newest_only=True)
