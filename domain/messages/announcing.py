"""What operators and their scripts do with announcements, by whichever door: each with its row in the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from domain import audit_log
from domain.messages import announcements
from domain.messages.announcements import PROMOTION, Draft
from domain.periods import format_instant


def announce(
    db: Session, draft: Draft, audience: str | Mapping[str, Any], at: datetime, *, by: str, now: datetime
) -> int:
    """Write an announcement down and return its id; raises as `announcements.schedule` does."""
    made = announcements.schedule(
        db,
        draft.text,
        audience,
        at,
        text_en=draft.text_en,
        kind=draft.kind,
        urgent=draft.urgent,
        sku=draft.sku,
        by=by,
        now=now,
    )
    unusual = {"urgent": draft.urgent, "sku": draft.sku, "kind": None if draft.kind == PROMOTION else draft.kind}
    after = {
        "audience": audience,
        "at": format_instant(max(at, now)),
        "text": announcements.as_written(draft.text, draft.text_en),
        **{name: value for name, value in unusual.items() if value},
    }
    _audit(db, "schedule", made, None, after, by, now)
    return made


def send_again(db: Session, announcement: int, states: Sequence[str], *, by: str, now: datetime) -> int:
    """Send it again to those it did not reach; raises as `announcements.resend` does."""
    made = announcements.resend(db, announcement, states, by=by, now=now)
    first = announcements.find(db, made).resend_of
    _audit(db, "resend", made, None, {"of": first, "states": sorted(set(states))}, by, now)
    return made


def stop(db: Session, announcement: int, *, by: str, now: datetime) -> None:
    before = announcements.find(db, announcement).state
    announcements.cancel(db, announcement, now=now)
    if before != "cancelled":
        _audit(db, "cancel", announcement, {"state": before}, {"state": "cancelled"}, by, now)


def _audit(db: Session, action: str, which: int, before: Any, after: Any, by: str, now: datetime) -> None:
    subject = f"announcement:{which}"
    audit_log.record(
        db, actor=by, action=f"announcement.{action}", subject=subject, before=before, after=after, now=now
    )
