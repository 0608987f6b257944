"""Tasks in chat: one's own with points, week and days off; for operators settings, holidays and who is stuck."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from domain.schema import AuditRow, Leave, Member, RestDay, Task, TaskTemplate
from domain.work import task_giving
from handlers.operator_tasks import read_amount
from tests.handlers.house import ZONE, House


def test_a_task_says_why_it_asks_for_so_much_and_what_to_sell(one_house: House):
    seen = one_house.talk("jun").says("任务").text
    assert "└ 有一阵没动静了，先从少的开始" in seen
    assert "└ 推荐：樱花玻尿酸精华 30ml" in seen, "of their brand, and in stock"
    assert "11月29日 之前完成就行" in seen
    assert "Any time until Nov 29" in one_house.talk("jun", locale="en").says("tasks").text


def test_the_next_step_leads_to_the_product_of_the_task(one_house: House):
    jun = one_house.talk("jun")
    one_house.visited(one_house.code("jun", "shop"), one_house.now, 4)
    jun.says("任务")
    assert "樱花玻尿酸精华" in jun.presses("去卖这件").text


def test_points_and_the_week_are_there_to_be_looked_at(one_house: House):
    with one_house.database.transaction() as db:
        task = select(Task.id).where(Task.member_id == member_of(db, "lin")).limit(1)
        db.execute(update(Task).where(Task.id.in_(task)).values(done_at=one_house.now))
    lin = one_house.talk("lin")
    assert "我的积分：5" in lin.says("积分").text
    week = lin.says("周报")
    assert "成交" in week.text
    assert week.picture is not None
    assert week.picture.kind == "week"


def member_of(db: Session, member_id: str) -> int:
    return int(db.execute(select(Member.id).where(Member.member_id == member_id)).scalar_one())


def test_days_off_are_chosen_by_button_and_by_words(one_house: House):
    lin = one_house.talk("lin", channel="wechat")
    lin.says("休息日")
    assert "每周休息：周日" in lin.says("7").text
    lin.presses("请假")
    assert "还没" not in lin.says("下周").text
    assert "12月24日 – 12月26日" in lin.says("12-24 12-26").text
    with one_house.database.transaction() as db:
        assert db.execute(select(RestDay.weekday)).scalars().all() == [7]
        assert db.execute(select(Leave.first_day, Leave.last_day)).one() == (date(2026, 12, 24), date(2026, 12, 26))
    lin.says("休息日")
    lin.presses("取消")
    assert "请假" in lin.presses("改回工作").text + lin.labels()
    with one_house.database.transaction() as db:
        assert db.execute(select(RestDay.weekday)).first() is None
        assert db.execute(select(Leave.first_day)).first() is None


def test_leave_begins_tomorrow_because_todays_tasks_are_given(one_house: House):
    lin = one_house.talk("lin", locale="en")
    lin.says("take leave")
    assert "tomorrow at the earliest" in lin.says("2026-11-23").text
    assert "Nov 24" in lin.says("11-24").text, "the question still stands"


def test_nobody_cancels_the_leave_of_another(one_house: House):
    lin = one_house.talk("lin")
    lin.taps("leave_on:2026-12-01")
    one_house.talk("jun").taps("leave_drop:2026-12-01")
    lin_id = one_house.member("lin")
    with one_house.database.transaction() as db:
        assert db.execute(select(Leave.member_id)).scalar_one() == lin_id


def audited(house: House) -> list[tuple[str, object, object]]:
    with house.database.transaction() as db:
        rows = db.execute(select(AuditRow).where(AuditRow.actor == "member:ops").order_by(AuditRow.id)).scalars()
        return [(row.action, row.before, row.after) for row in rows]


def test_an_operator_makes_a_task_step_by_step_and_it_is_given_the_next_morning(one_house: House):
    ops = one_house.talk("ops")
    ops.says("新任务")
    ops.presses("当天的访客数")
    ops.presses("商家")
    ops.presses("周一到周五")
    ops.says("12-01 12-31")
    assert "两行" in ops.says("只有一行").text
    ops.says("带来 # 位新访客\nBring # new visitors")
    assert "从小写到大" in ops.says("20-2 10").text
    preview = ops.says("2－20，10").text
    assert "· 带来 N 位新访客（+10 分）" in preview
    assert "周一到周五，12月1日 到 12月31日" in preview
    ops.presses("保存")
    ops.taps("task_draft:save")
    [(action, before, after)] = audited(one_house)
    assert (action, before) == ("task.add", None)
    assert isinstance(after, dict)
    assert (after["audience"], after["lowest"], after["highest"]) == ("merchant", 2, 20)
    mei = one_house.member("mei")
    with one_house.database.transaction() as db:
        task_giving.assign(db, date(2026, 12, 1), now=one_house.now, zone=ZONE)
        given = db.execute(
            select(Task.member_id).join(TaskTemplate).where(TaskTemplate.title == "带来 # 位新访客")
        ).scalars()
        assert list(given) == [mei]


def test_an_operator_changes_what_is_asked_and_pauses_it(one_house: House):
    ops = one_house.talk("ops", locale="en")
    ops.says("task settings")
    ops.presses("2 Bring")
    ops.presses("Target and points")
    assert "3–30, chosen for each person; worth 15 points" in ops.says("3-30 15").text
    assert "Paused" in ops.presses("Pause").text
    assert [(action, after) for action, _, after in audited(one_house)] == [
        ("task.change", {"lowest": 3, "highest": 30, "target": 3, "points": 15}),
        ("task.change", {"active": False}),
    ]
    with one_house.database.transaction() as db:
        task_giving.assign(db, date(2026, 11, 24), now=one_house.now, zone=ZONE)
        asked = db.execute(select(TaskTemplate.code).join(Task).where(Task.day == date(2026, 11, 24))).scalars()
        assert "visitors_5" not in set(asked)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5 10", (5, 10, None, None)),
        ("５　１０", (5, 10, None, None)),
        ("2-20 10", (2, 10, 2, 20)),
        ("2～20，10", (2, 10, 2, 20)),
        ("5", None),
        ("five 10", None),
        ("-5 10", None),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, amount: tuple[int | None, ...] | None):
    found = read_amount(text)
    assert (found and tuple(found[name] for name in ("target", "points", "lowest", "highest"))) == amount


def test_holidays_of_a_year_are_written_at_once_or_not_at_all(one_house: House):
    ops = one_house.talk("ops")
    ops.says("加节假日")
    assert "「下周一」" in ops.says("12-31 2027-01-03 元旦 New Year\n下周一").text
    assert audited(one_house) == []
    shown = ops.says("12-31 2027-01-03 元旦 New Year\n2027-02-05～2027-02-09 春节").text
    assert "12月31日 – 1月3日　元旦" in shown
    assert "2月5日 – 2月9日　春节" in shown
    assert "元旦" not in ops.presses("去掉元旦").text
    assert [action for action, _, _ in audited(one_house)] == ["holiday.add", "holiday.add", "holiday.remove"]


def test_operators_see_how_the_tasks_go_and_whom_to_help(one_house: House):
    template = select(TaskTemplate.id).where(TaskTemplate.code == "first_visit").scalar_subquery()
    with one_house.database.transaction() as db:
        for name in ("jun", "tao"):
            for back in (1, 2, 3):
                done = datetime(2026, 11, 22, tzinfo=UTC) if name == "tao" and back == 1 else None
                day = date(2026, 11, 23) - timedelta(days=back)
                of = member_of(db, name)
                values = {"member_id": of, "template_id": template, "day": day, "target": 1, "points": 5}
                db.execute(insert(Task).values(**values, done_at=done))
    ops = one_house.talk("ops")
    assert "任务：今天完成 0 / " in ops.says("运营台").text
    report = ops.presses("任务完成").text
    assert "有 1 人连着 3 个任务日一件都没完成" in report
    assert "11月22日 的任务：完成 1 / 2" in ops.presses("前一天").text
    ops.presses("谁卡住了")
    assert "阿俊" in ops.last.text
    assert "小涛" not in ops.last.text
    person = ops.presses("阿俊").text
    assert "11月20日　· 带来今天的第一位访客" in person
    ops.says("任务完成")
    assert "11月22日" in ops.presses("1 带来").text


@pytest.mark.parametrize(
    "action", ["task_person:1", "task_report", "task_switch:1:0", "holiday_drop:2026-10-01:2026-10-02"]
)
def test_what_operators_see_and_do_is_not_for_others(one_house: House, action: str):
    assert "不对你开放" in one_house.talk("mei").taps(action).text


@pytest.mark.parametrize("action", ["task_template:999", "task_person:999", "task_check:shared", "task_draft:save"])
def test_what_is_not_there_is_answered_politely(one_house: House, action: str):
    assert "没找到" in one_house.talk("ops").taps(action).text
