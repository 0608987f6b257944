"""A merchant's week by the clock: a morning that crashes, a holiday, a rest, a reminder, and Monday's summary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.job_runner import JobRunner
from domain import audit, wording
from domain.schema import Member, Outbox, Task
from domain.wording import Words
from domain.work import task_giving
from jobs import discover
from tests.handlers.house import ZONE, House, Talk

T = TypeVar("T")

JOBS = discover()
MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=ZONE)

SAID = {
    "zh": {
        "days_off": "休息日", "wednesday": "周三休息", "tasks": "任务", "holidays": "节假日",
        "holiday": "11-24 店庆 Jubilee", "jubilee": "店庆", "rest": "休息日", "visitors": "带来 3 位访客",
        "streak": "连续 1 天", "week": "访客 10 人次", "compared": "比前一周", "report": "任务完成", "points": "积分",
    },
    "en": {
        "days_off": "days off", "wednesday": "Rest on Wednesday", "tasks": "tasks", "holidays": "holidays",
        "holiday": "11-24 店庆 Jubilee", "jubilee": "Jubilee", "rest": "you rest", "visitors": "Bring 3 visitors",
        "streak": "1 day in a row", "week": "Visitors: 10", "compared": "than the week before", "report": "task report",
        "points": "points",
    },
}  # fmt: skip


class PulledPlug(Exception):
    """The process ends here."""


@dataclass
class Week:
    """The house with its clock; `heard` is what reached the merchant, as far as it was read."""

    house: House
    locale: str
    read: int = 0
    plug: Callable[[], bool] = field(default=lambda: False)

    @property
    def said(self) -> dict[str, str]:
        return SAID[self.locale]

    def at(self, day: int, hour: int, minute: int = 0) -> None:
        """Let it be this time on the day of the story; 0 is Monday."""
        self.house.now = (MONDAY + timedelta(days=day)).replace(hour=hour, minute=minute)

    def runs(self, job: str) -> Any:
        runner = JobRunner(self._write, self.house.database.read_now, lambda: self.house.now, ZONE)
        period = JOBS[job].when.period(self.house.now, ZONE)
        return runner.run_by_hand(JOBS[job], period, at=self.house.now)

    def _write(self, work: Callable[[Session], T], /) -> T:
        if self.plug():
            raise PulledPlug
        return self.house.database.write_now(work)

    def heard(self) -> list[str]:
        """What the outbox holds for the merchant since the last look, in their language, with the kinds of pictures."""
        with self.house.database.transaction() as db:
            rows = db.execute(
                select(Outbox.id, Outbox.text_key, Outbox.params, Outbox.picture)
                .join(Member, Member.id == Outbox.member_id)
                .where(Member.member_id == "mei", Outbox.id > self.read, Outbox.category == "business")
                .where(Outbox.text_key.like("notice.%task%") | (Outbox.text_key == "notice.week"))
                .order_by(Outbox.id)
            ).all()
        self.read = max((row.id for row in rows), default=self.read)
        say = self.house.texts.say
        return [
            say(Words(row.text_key, wording.from_json(row.params)), self.locale)
            + (f" [{row.picture[0]}]" if row.picture else "")
            for row in rows
        ]

    def day_passes(self, day: int, visitors: int) -> list[str]:
        """A whole day by the clock, with so many visitors at noon; returns what the merchant heard."""
        self.at(day, 8, 30)
        self.runs("morning_tasks")
        self.at(day, 12)
        if visitors:
            self.house.visited(self.house.code("mei", "shop"), self.house.now, visitors)
        self.at(day, 12, 10)
        self.runs("task_check")
        self.at(day, 20)
        self.runs("evening_reminder")
        self.at(day + 1, 0, 20)
        self.runs("visit_rollup")
        return self.heard()


@pytest.fixture
def week(house: House) -> Week:
    """In Chinese on SQLite, in English on PostgreSQL."""
    return Week(house, "zh" if house.database.sqlite else "en")


def test_a_merchants_week_from_monday_to_monday(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    house = week.house
    mei, ops = house.talk("mei", locale=week.locale), house.talk("ops", locale=week.locale)
    _plans_the_week(week, mei, ops)
    _forgets_what_was_given(house)
    _monday_crashes_and_goes_on(week, monkeypatch)
    assert [one for one in week.heard() if week.said["visitors"] in one], "told once what is to be done"
    _monday_is_done(week, mei)

    assert week.day_passes(1, 0) == [], "Tuesday is a holiday"
    week.at(1, 10)
    assert week.said["jubilee"] in mei.says(week.said["tasks"]).text
    assert week.day_passes(2, 0) == [], "Wednesday is a day of rest"
    week.at(2, 10)
    assert week.said["rest"] in mei.says(week.said["tasks"]).text
    week.at(3, 7)
    assert week.said["streak"] in mei.says(week.said["points"]).text, "neither broke the run"

    morning, done, evening = week.day_passes(3, 1)
    assert week.said["visitors"] in morning
    assert week.said["visitors"] not in done
    assert week.said["visitors"] in evening, "one of them is still open"
    for day in (4, 5, 6):
        heard = week.day_passes(day, 2)
        assert len(heard) == 3, heard

    week.at(7, 9)
    assert week.runs("weekly_summary")["told"] >= 2
    [summary] = week.heard()
    assert week.said["week"] in summary
    assert week.said["compared"] in summary
    assert summary.endswith("[week]")
    assert week.runs("weekly_summary")["told"] >= 2
    assert week.heard() == [], "told once"
    ops.says(week.said["report"])
    assert "▓" in ops.presses("‹").text, "the operator sees what was done"
    violations = house.database.read_now(audit.violations)
    assert [one for one in violations if "address" not in one.rule.sentence] == [], "but for the house's own visitors"


def _plans_the_week(week: Week, mei: Talk, ops: Talk) -> None:
    """The operator keeps a holiday, the merchant a weekday of rest."""
    mei.says(week.said["days_off"])
    mei.presses(week.said["wednesday"])
    ops.says(week.said["holidays"])
    ops.presses("➕")
    assert week.said["jubilee"] in ops.says(week.said["holiday"]).text


def _forgets_what_was_given(house: House) -> None:
    """The house was furnished after its morning; here the morning is yet to come."""
    with house.database.transaction() as db:
        db.query(Task).delete()
        db.query(Outbox).filter(Outbox.text_key.like("notice.%task%")).delete()


def _monday_crashes_and_goes_on(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_giving.choose, "__kwdefaults__", {"after": 0, "limit": 1})
    writes = iter(range(99))
    week.plug = lambda: next(writes) == 3  # the claim, two portions, and then
    week.at(0, 8, 30)
    with pytest.raises(PulledPlug):
        week.runs("morning_tasks")
    with week.house.database.transaction() as db:
        assert db.scalar(select(func.count(Task.member_id.distinct()))) == 2
    week.plug = lambda: False
    week.runs("morning_tasks")
    with week.house.database.transaction() as db:
        told = db.scalars(select(Outbox.key).where(Outbox.text_key == "notice.tasks_morning")).all()
        assert len(told) == len(set(told)) == 4, "everybody who sells, once"


def _monday_is_done(week: Week, mei: Talk) -> None:
    house = week.house
    week.at(0, 12)
    house.visited(house.code("mei", "shop"), house.now, 3)
    house.sells("W-1", house.code("mei", "shop"), house.now, {"SERUM-30": 1}, buyer="u-new")
    week.at(0, 12, 10)
    assert week.runs("task_check")["done"] >= 3
    assert len(week.heard()) == 3
    week.at(0, 20)
    week.runs("evening_reminder")
    assert week.heard() == [], "nothing is left to remind of"
    week.at(1, 0, 20)
    week.runs("visit_rollup")
    week.at(0, 21)
    assert week.said["streak"] in mei.says(week.said["tasks"]).text
