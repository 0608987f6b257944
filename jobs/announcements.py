"""Announcements at their time: put out, taken back where cancelled, woken after quiet hours, the result told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from domain.messages import alerts, announcement_report, announcements, hush, outbox
from domain.wording import words
from jobs import Cron, Job, JobContext

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def wanted(db: Session, now: datetime) -> bool:
    something = announcements.due(db, now=now) or announcements.to_sweep(db) or announcement_report.ended(db)
    return bool(something or hush.is_time(db, now=now) or outbox.anybody_sleeps(db, now=now))


def run(context: JobContext) -> Mapping[str, Any]:
    swept = context.read(announcements.to_sweep)
    for one in swept:
        while context.write(partial(announcements.sweep_cancelled, announcement=one, now=context.now)):
            pass
    put_out = [one for one in context.read(partial(announcements.due, now=context.now)) if _put_out(context, one)]
    _hush(context)
    while context.write(partial(outbox.wake, limit=hush.PORTION, now=context.now)) == hush.PORTION:
        pass
    ended = context.read(announcement_report.ended)
    for one in ended:
        context.write(partial(announcement_report.tell, announcement=one, now=context.now, zone=context.timezone))
    return {"put_out": put_out, "taken_back": swept, "ended": ended}


def _put_out(context: JobContext, one: int) -> bool:
    """One that cannot be put out, for example written by another version, is told of and keeps no other waiting."""
    put = partial(announcements.enqueue_chunk, announcement=one, now=context.now, zone=context.timezone)
    key = f"announcement_stuck:{one}"
    try:
        while context.write(put):
            pass
    except (LookupError, ValueError, TypeError) as error:
        said = words("alert.announcement_stuck", announcement=one, error=f"{type(error).__name__}: {error}")
        context.write(partial(alerts.raise_alert, key=key, said=said, now=context.now))
        return False
    context.write(partial(alerts.clear_alert, key=key, now=context.now))
    return True


def _hush(context: JobContext) -> None:
    """What is still waiting when its readers' quiet hours begin waits until they are over."""
    for one in context.read(partial(hush.to_hush, now=context.now, zone=context.timezone)):
        after: int | None = 0
        while after is not None:
            portion = partial(hush.hush, announcement=one, after=after, now=context.now, zone=context.timezone)
            after = context.write(portion)
    if context.read(partial(hush.is_time, now=context.now)):
        context.write(partial(hush.looked, now=context.now))


JOB = Job(
    "announcements", Cron(minute="*", second="*/2"), run, late_by=timedelta(days=7), newest_only=True, wanted=wanted
)
