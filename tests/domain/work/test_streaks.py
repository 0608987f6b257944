"""Days in a row and points: derived from the tasks themselves, so that nothing can be counted wrongly."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from domain.schema import Member, Task, TaskTemplate
from domain.work import streaks, task_report, task_templates
from domain.work.streaks import Streak
from tests.someone import member

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 23)


@pytest.fixture
def template(db: Session) -> dict[str, int]:
    task_templates.seed(db)
    return {row.code: row.id for row in db.execute(select(TaskTemplate.code, TaskTemplate.id))}


def had(db: Session, of: int, template: int, days: str, now: datetime) -> None:
    """One task on each day up to DAY: `+` was done, `-` was not, a space is a day without one."""
    for place, kind in enumerate(days):
        back = len(days) - 1 - place
        if kind != " ":
            day = DAY - timedelta(days=back)
            done = now - timedelta(days=back) if kind == "+" else None
            db.execute(
                insert(Task).values(member_id=of, template_id=template, day=day, target=1, points=5, done_at=done)
            )


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("", Streak(0, 0)),
        ("+", Streak(1, 1)),
        ("-", Streak(0, 0)),
        ("+++-", Streak(3, 3)),  # today is not over yet
        ("++-+++", Streak(3, 3)),
        ("+++++-+", Streak(1, 5)),
        ("++  +  ++", Streak(5, 5)),  # holidays and days off
        ("+++- ", Streak(0, 3)),  # yesterday was missed, today is a day off
        ("++-  ", Streak(0, 2)),
    ],
)
def test_days_in_a_row(db: Session, now: datetime, template: dict[str, int], days: str, expected: Streak) -> None:
    m, other = member(db, "m-1"), member(db, "m-2")
    had(db, m, template["first_visit"], days, now)
    had(db, other, template["first_visit"], "+" * 9, now)
    assert streaks.streak(db, m, DAY) == expected


def test_a_day_counts_only_when_all_its_tasks_are_done_and_a_week_has_its_own_time(
    db: Session, now: datetime, template: dict[str, int]
) -> None:
    m = member(db, "m-1")
    had(db, m, template["first_visit"], "+++++", now)
    had(db, m, template["visitors_5"], "+-+++", now)
    had(db, m, template["week_sales"], "-   ", now)
    assert streaks.streaks(db, [m], DAY) == {m: Streak(3, 3)}
    found = streaks.streak(db, m, DAY)
    assert (found.badge, found.next_badge) == (3, 7)


def test_points_are_the_sum_of_what_was_done_and_are_listed(
    db: Session, now: datetime, template: dict[str, int]
) -> None:
    m = member(db, "m-1")
    had(db, m, template["first_visit"], "++-+", now)
    assert streaks.total(db, m) == 15
    first, second = streaks.history(db, m, zone=ZONE, limit=2)
    assert (first[1].day, first[1].points) == (DAY, 5)
    [last] = streaks.history(db, m, zone=ZONE, before=second[0])
    assert last[1].day == DAY - timedelta(days=3)


def test_who_did_nothing_on_three_task_days_is_stuck(db: Session, now: datetime, template: dict[str, int]) -> None:
    one, two = template["first_visit"], template["visitors_5"]
    people = {
        "m-stuck": "+-  --+",
        "m-half": "-----",
        "m-fine": "--+-",
        "m-new": "--",
        "m-back": "---",
        "m-gone": "----",
    }
    ids = {name: member(db, name) for name in people}
    for name, days in people.items():
        had(db, ids[name], one, days + " ", now)  # as of this morning
    had(db, ids["m-half"], two, "   + ", now)
    db.execute(
        update(Task).where(Task.member_id == ids["m-stuck"], Task.day == DAY - timedelta(days=1)).values(done_at=None)
    )
    db.execute(update(Member).where(Member.id == ids["m-gone"]).values(status="suspended"))
    found = task_report.stuck(db, DAY, page=1, limit=9)
    assert [(row.member_id, row.last_done) for row in found] == [
        ("m-stuck", DAY - timedelta(days=7)),
        ("m-back", None),
    ]
    assert task_report.count_stuck(db, DAY) == 2
    assert [row.member_id for row in task_report.stuck(db, DAY, page=2, limit=1)] == ["m-back"]


def test_completion_is_counted_by_task_and_day(db: Session, now: datetime, template: dict[str, int]) -> None:
    for n, days in enumerate(("++-", "+-+")):
        had(db, member(db, f"m-{n}"), template["first_visit"], days, now)
    [week] = task_report.completion(db, DAY - timedelta(days=6), DAY)
    assert (week.done, week.given) == (4, 6)
    assert [row[1:] for row in task_report.by_day(db, template["first_visit"], DAY, 7)] == [(2, 2), (1, 2), (1, 2)]
    assert task_report.totals(db, DAY) == (1, 2)
