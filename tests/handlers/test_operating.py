"""Operators: announcing from draft to progress, the figures, what is wrong and what to do about it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from domain.mall.catalog import put_products
from domain.messages import announcements
from domain.periods import format_instant
from domain.sales import order_events
from domain.sales.order_data import IncomingEvent
from domain.schema import Alert, Announcement, AuditRow, Member, Outbox
from domain.work import job_runs
from handlers.routing import Incoming
from tests.handlers.house import House

TEXT = "周三晚八点直播：怎么讲清楚保湿。\n记得带上你的问题。"


def announced(house: House) -> list[tuple[str, str, str]]:
    with house.database.transaction() as db:
        rows = db.execute(
            select(Announcement.text, Announcement.audience, Announcement.state)
            .where(Announcement.text == TEXT)
            .order_by(Announcement.id)
        )
        return [(row.text, row.audience, row.state) for row in rows]


def audited(house: House) -> list[tuple[str, str]]:
    with house.database.transaction() as db:
        rows = db.execute(select(AuditRow.action, AuditRow.actor).order_by(AuditRow.id))
        return [(row.action, row.actor) for row in rows if row.actor == "member:ops"]


def test_an_announcement_goes_from_draft_to_progress(house: House):
    ops = house.talk("ops")
    assert "写公告" in ops.says("发公告").text
    seen = ops.says(TEXT)
    assert f"📢 {TEXT}" in seen.text, "word for word as readers get it"
    assert "分销商（2）" in ops.labels()
    confirm = ops.presses("分销商")
    assert "准备发给：分销商，2 人" in confirm.text
    assert announced(house) == []
    sent = ops.presses("马上发")
    assert "0 / 2" in sent.text
    assert announced(house) == [(TEXT, "distributors", "scheduled")]
    with house.database.transaction() as db:
        new = db.execute(select(Announcement.id).where(Announcement.text == TEXT)).scalar_one()
        announcements.enqueue_chunk(db, new, now=house.now)
        told = db.scalars(select(Outbox.member_id).where(Outbox.announcement_id == new)).all()
    assert sorted(told) == sorted([house.member("lin"), house.member("jun")])
    assert "没有发 2" in ops.presses("停止").text
    assert audited(house) == [("announcement.schedule", "member:ops"), ("announcement.cancel", "member:ops")]


def test_every_step_of_an_announcement_survives_a_restart(house: House):
    ops = house.talk("ops", channel="wechat")
    steps = (
        lambda: ops.says("发公告"),
        lambda: ops.says(TEXT),
        lambda: ops.presses("商家"),
        lambda: ops.presses("选时间"),
        lambda: ops.says("18:30"),
        lambda: ops.presses("确认"),
    )
    for step in steps:
        step()
        house.__post_init__()
    assert announced(house) == [(TEXT, "merchants", "scheduled")]
    assert "定在 11月23日 18:30" in ops.last.text


def test_pressing_send_twice_sends_once(house: House):
    ops = house.talk("ops")
    ops.says("发公告")
    ops.says(TEXT)
    ops.presses("客户")
    ops.presses("马上发")
    assert "0 / 2" in ops.taps("announce_send").text
    assert len(announced(house)) == 1


async def test_pressing_send_twice_at_the_same_moment_sends_once(house: House):
    ops = house.talk("ops", "webchat")
    ops.taps("announce")
    ops.says(TEXT)
    ops.taps("announce_to:0")
    presses = [
        Incoming("webchat", ops.account, f"{ops.account}:at-once-{n}", action="announce_send", locale="zh")
        for n in range(2)
    ]
    await asyncio.gather(*(house.gateway.handle(press) for press in presses))
    assert len(announced(house)) == 1


def test_whoever_is_no_operator_any_more_is_not_kept_in_their_old_form(one_house: House):
    ops = one_house.talk("ops")
    ops.taps("announce")
    with one_house.database.transaction() as db:
        db.execute(update(Member).where(Member.member_id == "ops").values(operator=False))
    ops.says("今晚八点停机维护")
    assert "直接发这些词" in ops.says("帮助").text


def test_a_draft_can_be_dropped_and_what_is_written_then_is_no_announcement(house: House):
    ops = house.talk("ops")
    ops.says("发公告")
    ops.says(TEXT)
    ops.presses("不发了")
    assert "没找到" in ops.taps("announce_send").text
    ops.says("发公告")
    ops.says("0")
    assert "没找到「面膜先生」" in ops.says("面膜先生").text
    assert announced(house) == []


def test_too_long_a_text_is_asked_for_again(house: House):
    ops = house.talk("ops", locale="en")
    ops.says("announce")
    assert "2,000 characters" in ops.says("x" * 2000).text
    assert "exactly what your readers see" in ops.says("Hello").text


def test_the_audience_and_the_time_may_be_written_instead_of_pressed(one_house: House):
    for locale, began, audience, time, send, said in (
        ("zh", "发公告", "分销商", "明天 9点", "确认", "定在 11月24日 09:00"),
        ("en", "announce", "Distributors", "tomorrow 9:00", "send", "Scheduled for Nov 24, 09:00"),
        ("en", "announce", "2", "2026-11-26 09:00", "yes", "Scheduled for Nov 26, 09:00"),
    ):
        ops = one_house.talk("ops", locale=locale)
        ops.says(began)
        ops.says(TEXT)
        assert TEXT in ops.says(audience).text
        assert TEXT in ops.says(time).text
        assert said in ops.says(send).text
    assert announced(one_house) == [(TEXT, "distributors", "scheduled")] * 3


def test_a_time_is_written_where_it_is_asked_for_too(one_house: House):
    ops = one_house.talk("ops")
    ops.says("发公告")
    ops.says(TEXT)
    ops.says("所有人")
    ops.presses("选时间")
    assert "没看懂这个时间" in ops.says("下周").text
    assert "11月23日 15:00" in ops.says("今天下午3点").text
    ops.says("改时间")
    assert "时间：马上" in ops.says("马上发").text
    assert "0 / 6" in ops.says("马上发").text
    assert announced(one_house) == [(TEXT, "all", "scheduled")]


@pytest.mark.parametrize(
    ("locale", "began", "audience_unclear", "everybody", "confirm_unclear"),
    [
        ("zh", "发公告", "「面膜」不是受众", "所有人", "「面膜」我没看懂"),
        ("en", "announce", "“面膜” is not an audience", "everyone", "do not understand “面膜”"),
    ],
)
def test_other_words_are_answered_with_what_to_write(
    one_house: House, locale: str, began: str, audience_unclear: str, everybody: str, confirm_unclear: str
):
    ops = one_house.talk("ops", channel="wechat", locale=locale)
    ops.says(began)
    ops.says(TEXT)
    for written in ("面膜", "99"):
        assert audience_unclear.replace("面膜", written) in ops.says(written).text
    ops.says(everybody)
    for written in ("面膜", "99"):
        assert confirm_unclear.replace("面膜", written) in ops.says(written).text
    ops.says("1")
    assert announced(one_house) == [(TEXT, "all", "scheduled")]


EN = "Live on Wednesday at eight: how to explain hydration."


@pytest.mark.parametrize(
    ("locale", "began", "first", "add", "second", "wrong", "labels"),
    [
        ("zh", "发公告", TEXT, "加英文版", EN, "还是中文", "中文版：\n📢 周三"),
        ("en", "announce", EN, "Add a Chinese", TEXT, "still English", "In Chinese:\n📢 周三"),
    ],
)
def test_a_second_language_is_added_and_each_reader_gets_theirs(
    house: House, locale: str, began: str, first: str, add: str, second: str, wrong: str, labels: str
):
    lin, mei = house.talk("lin"), house.talk("mei", locale="en")
    ops = house.talk("ops", locale=locale)
    ops.says(began)
    ops.says(first)
    ops.presses(add)
    assert second not in ops.says(wrong).text
    both = ops.says(second).text
    assert labels in both
    assert f"📢 {EN}" in both
    assert add not in ops.labels()
    assert TEXT in ops.says("所有人").text
    ops.says("send")
    with house.database.transaction() as db:
        new = db.execute(select(Announcement.id).where(Announcement.text == TEXT)).scalar_one()
        announcements.enqueue_chunk(db, new, now=house.now)
        row = db.execute(select(AuditRow.after).where(AuditRow.action == "announcement.schedule")).scalar_one()
        assert row["text"] == {"zh": TEXT, "en": EN}
    assert "周三晚八点直播" in lin.says("公告").text
    assert TEXT in lin.presses("1 周三").text
    assert "Live on Wednesday" in mei.says("announcements").text
    assert EN in mei.presses("1 Live").text


def test_a_second_language_may_be_skipped(one_house: House):
    ops = one_house.talk("ops")
    for skip in ("跳过", "skip", "分销商"):
        ops.says("发公告")
        ops.says(TEXT)
        ops.says("英文版")
        assert "英文版：" not in ops.says(skip).text
    ops.says("发")
    assert announced(one_house) == [(TEXT, "distributors", "scheduled")]


def test_a_draft_is_dropped_or_left_by_writing_so(one_house: House):
    ops = one_house.talk("ops")
    ops.says("发公告")
    ops.says(TEXT)
    assert "这条不发了" in ops.says("取消").text
    ops.says("发公告")
    ops.says(TEXT)
    assert "今天（11月23日）的数据" in ops.says("数据").text, "another screen's word leads there"
    assert "没找到「确认」" in ops.says("确认").text
    assert announced(one_house) == []


@pytest.mark.parametrize("who", ["lin", "an", "off"])
def test_only_operators_announce_or_look_at_the_house(one_house: House, who: str):
    talk = one_house.talk(who)
    for action in ("announce", "announce_to:0", "announce_send", "announce_progress:1", "announce_stop:1", "desk",
                   "figures", "alerts", "alert:1", "alert_done:1", "events", "event:1", "event_retry:1"):  # fmt: skip
        assert "不对你开放" in talk.taps(action).text, action


def test_the_figures_of_today_stand_beside_those_of_the_day_before(house: House):
    ops = house.talk("ops")
    seen = ops.says("数据")
    assert "今天（11月23日）的数据" in seen.text
    assert "订单 1（前一天 1）" in seen.text
    assert "成交额 ¥450.00" in seen.text
    assert "访客 3（前一天 6）" in seen.text
    assert "有 1 条订单事件没能处理" in seen.text
    assert "11月22日 的数据" in ops.presses("前一天").text


def test_an_alert_says_what_to_do_and_is_closed_by_whoever_sees_to_it(house: House):
    ops = house.talk("ops")
    assert "disk full" in ops.says("预警").text
    job = next(button for button in ops.last.buttons if button.label.startswith("2 "))
    assert job.action is not None
    assert "怎么办：看日志里的错误" in ops.taps(job.action).text
    ops.presses("已处理")
    with house.database.transaction() as db:
        still_open = db.scalars(select(Alert.key).where(Alert.cleared_at.is_(None))).all()
    assert not any(key.startswith("job_failing") for key in still_open)
    assert ("alert.clear", "member:ops") in audited(house)
    assert "没找到" in ops.taps(job.action).text


def test_a_refused_event_is_looked_at_and_tried_again(house: House):
    items = [{"sku": "LATER-1", "quantity": 1, "amount": 5_000}]
    data = {"order_id": "L-1", "currency": "CNY", "paid_at": format_instant(house.now), "items": items}
    with house.database.transaction() as db:
        event = IncomingEvent("evt-later", "order.paid", format_instant(house.now), data)
        order_events.record_events(db, [event], now=house.now, settlement_currency="CNY")
    ops = house.talk("ops")
    assert "L-1" in ops.says("订单事件").text
    assert "LATER-1" in ops.presses("1 L-1").text
    assert "还是不行" in ops.presses("重试").text
    with house.database.transaction() as db:
        put_products(db, [{"sku": "LATER-1", "name": "晚到的商品", "price": 5_000}], actor="test", now=house.now)
    ops.says("订单事件")
    ops.presses("1 L-1")
    assert "这次处理成功" in ops.presses("重试").text
    assert "L-1" not in ops.says("订单事件").text


@pytest.mark.parametrize(
    ("locale", "word", "open_it", "told", "advice"),
    [
        ("zh", "预警", "1 ", "订单 A-9 报的完成时间 11月22日 10:00 早于付款时间 11月23日 10:00", "请商城核对"),
        (
            "en",
            "alerts",
            "1 ",
            "Order A-9 was reported completed at Nov 22, 10:00, before it was paid",
            "have the shop",
        ),
    ],
)
def test_an_order_completed_before_it_was_paid_is_shown_to_the_operator(
    house: House, locale: str, word: str, open_it: str, told: str, advice: str
):
    house.sells("A-9", house.code("lin", "shop"), house.now, {"SERUM-30": 1})
    house.happens("order.completed", "A-9", completed_at=format_instant(house.now - timedelta(days=1)))
    ops = house.talk("ops", locale=locale)
    assert told in ops.says(word).text
    assert advice in ops.presses(open_it).text


def test_the_desk_says_when_all_is_well(house: House):
    ops = house.talk("ops")
    assert "条预警等你看" in ops.says("首页").text
    for _ in range(2):
        ops.says("预警")
        ops.presses("1 ")
        ops.presses("已处理")
    assert "一切正常" in ops.says("0").text
    house.now += timedelta(days=1)
    assert "今天：订单 0" in ops.says("运营台").text


@pytest.mark.parametrize(
    ("locale", "asks", "failed", "again", "asked"),
    [
        ("zh", "定时工作", "佣金结算：❌ 失败：disk full", "再跑一次", "几秒后再跑一次"),
        ("en", "jobs", "Settlement: ❌ failed: disk full", "Run again", "runs again in a few seconds"),
    ],
)
def test_operators_see_what_the_clock_did_failures_first_and_have_it_run_again(
    house: House, locale: str, asks: str, failed: str, again: str, asked: str
):
    with house.database.transaction() as db:
        for name in ("morning_tasks", "settle"):
            run = job_runs.claim(db, name, "2026-11-23", now=house.now)
            assert run is not None
            if name == "settle":
                job_runs.fail(db, run, "disk full", now=house.now)
            else:
                job_runs.finish(db, run, {"day": "2026-11-23", "given": 12}, now=house.now)
        job_runs.miss(db, "evening_reminder", ["2026-11-22"], "too late", now=house.now)
    ops = house.talk("ops", locale=locale)
    seen = ops.says(asks).text
    assert failed in seen
    assert "12" in seen.splitlines()[-1], "what went well comes last"
    ops.presses("2 ")
    assert again in ops.labels()
    assert asked in ops.presses(again).text
    with house.database.transaction() as db:
        assert job_runs.to_retry(db, now=house.now) == [("settle", "2026-11-23")]
    assert audited(house)[-1] == ("job.again", "member:ops")
    ops.says(asks)
    ops.presses("1 ")
    assert again not in ops.labels(), "a reminder of yesterday evening comes too late"
    assert "定时" in ops.says("预警").text or "clock" in ops.says("alerts").text


def test_nobody_but_operators_has_a_job_run_again(house: House):
    with house.database.transaction() as db:
        run = job_runs.claim(db, "settle", "2026-11-23", now=house.now)
        assert run is not None
        job_runs.fail(db, run, "disk full", now=house.now)
    house.talk("lin").taps(f"job_again:{run.run}")
    with house.database.transaction() as db:
        assert job_runs.to_retry(db, now=house.now) == []
