"""Settlement: every hour, commissions whose freeze is over become payable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from domain.money import settlement
from jobs import Cron, Job, JobContext


def run(context: JobContext) -> Mapping[str, Any]:
    """Make payable what is due at the context's `now`; safe to cut off anywhere and to run again."""
    settled = settlement.settle(context.write, context.read, as_of=context.now, now=context.clock)
    done: dict[str, Any] = {"made_payable": settled.made_payable, "amounts": dict(settled.amounts)}
    return done | ({"set_aside": list(settled.set_aside)} if settled.set_aside else {})


JOB = Job("settle", Cron(minute="5"), run, late_by=timedelta(days=7), newest_only=True, ahead=False)
