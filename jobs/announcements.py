"""Announcements at their time: put out in portions, taken back where cancelled, and the result told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from domain.messages import announcement_report, announcements
from jobs import Cron, Job, JobContext

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def wanted(db: Session, now: datetime) -> bool:
    return bool(announcements.due(db, now=now) or announcements.to_sweep(db) or announcement_report.ended(db))


def run(context: JobContext) -> Mapping[str, Any]:
    swept = context.read(announcements.to_sweep)
    for one in swept:
        while context.write(partial(announcements.sweep_cancelled, announcement=one, now=context.now)):
            pass
    put_out = context.read(partial(announcements.due, now=context.now))
    for one in put_out:
        while context.write(
            partial(announcements.enqueue_chunk, announcement=one, now=context.now, zone=context.timezone)
        ):
            pass
    ended = context.read(announcement_report.ended)
    for one in ended:
        context.write(partial(announcement_report.tell, announcement=one, now=context.now, zone=context.timezone))
    return {"put_out": put_out, "taken_back": swept, "ended": ended}


JOB = Job(
    "announcements", Cron(minute="*", second="*/2"), run, late_by=timedelta(days=7), newest_only=True, wanted=wanted
)
