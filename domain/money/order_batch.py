"""What a group of order events puts into the books and tells people, gathered and then written at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from domain.messages import outbox
from domain.messages.outbox import Notice
from domain.money import ledger
from domain.money.bookkeeping import Entry


@dataclass(slots=True)
class Batch:
    """`currency` is that of settlement."""

    now: datetime
    currency: str
    entries: list[Entry] = field(default_factory=list)
    times: dict[str, datetime] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    def post(self, entry: Entry, at: datetime) -> None:
        self.entries.append(entry)
        self.times[entry.key] = at

    def tell(self, notice: Notice) -> None:
        self.notices.append(notice)

    def write(self, db: Session) -> None:
        """Write everything that was gathered."""
        ledger.post(db, self.entries, now=self.now, at=self.times)
        if self.notices:
            outbox.put_all(db, self.notices, now=self.now)
