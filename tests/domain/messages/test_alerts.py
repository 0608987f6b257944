"""Alerts: every operator hears once of what is wrong."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.messages import alerts
from domain.schema import Outbox
from domain.wording import words
from tests.someone import member


def test_every_operator_is_told_once_while_it_lasts_and_again_when_it_returns(db: Session, now: datetime) -> None:
    first, second, _ = (member(db, f"m-{n}", operator=n < 2) for n in range(3))
    no_plan = words("alert.no_plan")
    assert alerts.raise_alert(db, "no_plan", no_plan, now=now)
    assert not alerts.raise_alert(db, "no_plan", no_plan, now=now)
    assert sorted(db.scalars(select(Outbox.member_id))) == [first, second]
    assert [alert.words for alert in alerts.open_alerts(db)] == [no_plan]

    assert alerts.clear_alert(db, "no_plan", now=now)
    assert not alerts.clear_alert(db, "no_plan", now=now)
    assert alerts.open_alerts(db) == []
    assert alerts.raise_alert(db, "no_plan", no_plan, now=now)
    assert len(db.scalars(select(Outbox.id)).all()) == 4
