"""The days whose visits are not rolled up yet: only of these is each visit looked at, of all others the sums."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.schema import Visit, VisitDay


def open_days(db: Session, first: date | None = None) -> Sequence[date]:
    """Return the business days from `first` on (none: all) that have visits and are not rolled up, in order.

    A step from day to day in the index, however many visits a day has.
    """
    since = () if first is None else (Visit.day >= first,)
    days = select(func.min(Visit.day).label("day")).where(*since).cte("days", recursive=True)
    next_day = select(func.min(Visit.day)).where(Visit.day > days.c.day).scalar_subquery()
    days = days.union_all(select(next_day).where(days.c.day.is_not(None)))
    rolled_up = select(VisitDay.day).where(VisitDay.day == days.c.day).exists()
    return list(db.scalars(select(days.c.day).where(days.c.day.is_not(None), ~rolled_up).order_by(days.c.day)))
