"""Who did what when, with the state before and after: one row per change that somebody must answer for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from domain.schema import AuditRow


def record(
    db: Session, *, actor: str, action: str, subject: str, before: Any = None, after: Any = None, now: datetime
) -> None:
    """Keep that `actor` (member:m-1, api:NAME, cli, job:NAME) did `action` (member.move) to `subject` (member:m-2).

    `before` and `after` are plain JSON values, nothing where there was or is nothing. The row never changes.
    """
    record_all(db, [(action, subject, before, after)], actor=actor, now=now)


def record_all(db: Session, changes: list[tuple[str, str, Any, Any]], *, actor: str, now: datetime) -> None:
    """Keep many changes of one actor in one statement; each is (action, subject, before, after)."""
    if changes:
        db.execute(
            insert(AuditRow.__table__),  # type: ignore[arg-type]
            [
                {"at": now, "actor": actor, "action": action, "subject": subject, "before": before, "after": after}
                for action, subject, before, after in changes
            ],
        )
