"""Operators and announcements in a chat: kinds, pictures, audiences step by step, the report, sending again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from domain import wording
from domain.messages import announcement_report, announcements, live_screens
from domain.schema import Announcement, AuditRow, Contact, LiveScreen, Member, Outbox
from domain.wording import Words
from tests.handlers.house import ZONE, House, Talk
from tests.someone import member

TEXT = "周三晚八点直播：怎么讲清楚保湿。"


def draft(house: House, channel: str = "webchat", locale: str = "zh", audience: str = "分销商") -> Talk:
    """An operator with a text for the distributors, about to confirm."""
    ops = house.talk("ops", channel, locale)
    ops.says("发公告")
    ops.says(TEXT)
    ops.says(audience)
    return ops


def newest(house: House) -> Announcement:
    with house.database.transaction() as db:
        found = db.scalars(select(Announcement).order_by(Announcement.id.desc()).limit(1)).one()
        db.expunge(found)
        return found


def put_out(house: House) -> int:
    made = newest(house).id
    with house.database.transaction() as db:
        while announcements.enqueue_chunk(db, made, now=house.now, zone=ZONE):
            pass
    return made


def becomes(house: House, announcement: int, **states: str) -> None:
    with house.database.transaction() as db:
        for name, state in states.items():
            over = None if state == "deferred" else house.now
            mine = select(Member.id).where(Member.member_id == name).scalar_subquery()
            row = update(Outbox).where(Outbox.announcement_id == announcement, Outbox.member_id == mine)
            db.execute(row.values(state=state, finished_at=over, channel="telegram"))


@pytest.mark.parametrize(
    ("locale", "press", "means", "business", "said"),
    [
        ("zh", "换类型", "谁都关不掉，半夜也送", "业务通知", "类型：业务通知"),
        ("en", "Other kind", "nobody can mute it, and it arrives at night", "Business", "Kind: business notice"),
    ],
)
def test_a_kind_is_chosen_with_what_it_means(
    house: House, locale: str, press: str, means: str, business: str, said: str
):
    ops = draft(house, locale=locale)
    assert means in ops.presses(press).text
    assert said in ops.presses(business).text
    ops.says("send")
    assert newest(house).kind == "business"


def test_at_night_the_operator_is_told_that_it_waits_and_may_call_it_urgent(one_house: House):
    one_house.now += timedelta(hours=13)
    ops = draft(one_house)
    assert "11月24日 08:00 再送到" in ops.last.text
    assert "紧急：安静时段里也马上送到" in ops.presses("紧急").text
    assert "08:00" in ops.presses("不紧急").text
    ops.presses("紧急")
    ops.presses("马上发")
    assert newest(one_house).urgent
    put_out(one_house)
    with one_house.database.transaction() as db:
        assert set(db.scalars(select(Outbox.not_before).where(Outbox.announcement_id == newest(one_house).id))) == {
            one_house.now
        }


def test_a_time_at_night_waits_too(one_house: House):
    ops = draft(one_house)
    assert "再送到" not in ops.last.text
    assert "11月24日 08:00 再送到" in ops.says("23:00").text
    assert "再送到" not in ops.says("明天 9点").text


def test_a_picture_is_found_by_sku_or_by_name_and_goes_along(one_house: House):
    ops = draft(one_house)
    ops.presses("配图")
    assert "没找到「月球」" in ops.says("月球").text
    assert "樱花玻尿酸" in ops.says("玻尿酸").text
    chosen = ops.presses("1 ")
    assert chosen.picture is not None
    assert chosen.picture.params == {"sku": "SERUM-30"}
    ops.presses("配图")
    assert ops.presses("不要图").picture is None
    ops.presses("配图")
    assert ops.says("MASK-10").picture is not None
    ops.says("确认")
    made = put_out(one_house)
    assert newest(one_house).sku == "MASK-10"
    lin = one_house.talk("lin")
    lin.says("公告")
    assert lin.presses("1 周三").picture is not None
    assert made


def test_the_operator_gets_it_first_on_the_chat_they_write_on(one_house: House):
    ops = draft(one_house, "telegram")
    assert "发给你了" in ops.presses("先发给我").text
    with one_house.database.transaction() as db:
        sent = select(Outbox.member_id, Outbox.channel, Contact.account).join(Contact, Contact.id == Outbox.contact_id)
        row = db.execute(sent.where(Outbox.channel == "telegram")).one()
    assert tuple(row) == (one_house.member("ops"), "telegram", ops.account)
    assert "准备发给" in ops.presses("继续").text
    ops.says("确认")
    assert newest(one_house).audience == "distributors"
    assert "preview" not in ops.says("发公告").text


def test_rewriting_keeps_everything_but_the_text_and_says_so(one_house: House):
    ops = draft(one_house)
    ops.says("明天 9点")
    asked = ops.presses("重写").text
    assert "定好的时间还是 11月24日 09:00" in asked
    assert "定在" not in asked
    again = ops.says("改成周四晚八点直播，请互相转告。")
    assert "改成周四" in again.text
    assert "11月24日 09:00" in again.text
    ops.says("确认")
    assert (newest(one_house).text, newest(one_house).audience) == ("改成周四晚八点直播，请互相转告。", "distributors")


def test_words_that_fit_nowhere_may_become_the_text(one_house: House):
    ops = draft(one_house)
    ops.says("改成周五晚上八点，地点还是老地方。")
    assert "改成周五晚上八点" in ops.presses("用这段做新内容").text
    assert "用这段" not in (ops.says("面膜").text + ops.labels())


def test_the_clock_is_shown_with_times_that_are_still_to_come(one_house: House):
    one_house.now += timedelta(hours=9)  # seven in the evening
    ops = draft(one_house)
    asked = ops.presses("选时间").text
    assert "商城现在是 11月23日 19:00（Asia/Shanghai）" in asked
    assert "「21:00」" in asked
    assert "11-24 09:00" in asked
    assert "11月23日 21:00" in ops.says("21:00").text


def test_what_was_not_sent_yet_is_called_off_and_looks_like_it(one_house: House):
    ops = draft(one_house)
    ops.says("明天 9点")
    scheduled = ops.says("确认")
    assert "到时候发给 2 人" in scheduled.text
    assert "停止发送" not in ops.labels()
    gone = ops.presses("取消这条")
    assert "已取消" in gone.text
    assert "没有发 2" in gone.text
    assert "▓" not in gone.text
    assert TEXT in ops.presses("看全文").text


@pytest.mark.parametrize(("channel", "locale"), [("webchat", "zh"), ("telegram", "en"), ("wechat", "zh")])
def test_an_audience_is_built_in_steps_with_its_count(house: House, channel: str, locale: str):
    zh = locale == "zh"
    ops = house.talk("ops", channel, locale)
    ops.says("发公告")
    ops.says(TEXT)
    ops.presses("组一个受众" if zh else "Build an audience")
    ops.presses("角色" if zh else "Role")
    ops.presses("分销商" if zh else "distributor")
    assert ("现在是 2 人" if zh else "2 members at the moment") in ops.last.text
    ops.presses("商家" if zh else "merchant")
    assert ("现在是 3 人" if zh else "3 members") in ops.last.text
    ops.presses("好了" if zh else "Done")
    ops.presses("活跃" if zh else "Activity")
    built = ops.presses("30 天内活跃" if zh else "Active within 30").text
    assert ("30 天内有访问或成交" if zh else "visits or sales within 30 days") in built
    assert ("1 人" if zh else "1 member") in built
    ops.presses("活跃" if zh else "Activity")
    turned = ops.presses("反过来" if zh else "Turn round").text
    assert ("不要：30 天内" if zh else "not: visits") in turned
    assert ("2 人" if zh else "2 members") in turned
    ops.presses("存起来" if zh else "Save it")
    assert "「all」" in ops.says("all").text or "“all”" in ops.last.text
    assert "安静的" in ops.says("安静的").text
    confirm = ops.presses("发给他们" if zh else "Write to them").text
    assert TEXT in confirm
    assert "安静的" in confirm
    ops.says("确认")
    found = newest(house)
    assert found.audience == "安静的"
    assert found.criteria == {"role": ["distributor", "merchant"], "not": [{"active_days": 30}]}
    put_out(house)
    assert set(_told(house)) == {"jun", "mei"}


def _told(house: House) -> list[str]:
    with house.database.transaction() as db:
        rows = select(Member.member_id).join(Outbox, Outbox.member_id == Member.id)
        return list(db.scalars(rows.where(Outbox.announcement_id == newest(house).id)))


def test_saved_audiences_are_shown_changed_renamed_and_deleted(one_house: House):
    ops = one_house.talk("ops")
    ops.taps("audience_build:new")
    ops.presses("团队")
    assert "没有成员「谁」" in ops.says("谁").text
    assert "mei 的三级下线" in ops.says("mei").text
    ops.presses("存起来")
    ops.says("小梅的团队")
    assert "小梅的团队（3）" in ops.says("受众列表").text
    ops.presses("1 小梅")
    ops.presses("改条件")
    ops.presses("团队")
    ops.says("lin")
    ops.presses("存起来")
    assert "小梅的团队（2）" in ops.presses("还叫").text
    ops.presses("改名")
    assert "已经有别的意思" in ops.says("operators").text
    assert "小林的团队（2）" in ops.says("小林的团队").text
    ops.presses("发给他们")
    assert "准备发给：小林的团队，2 人" in ops.says(TEXT).text
    assert "小林的团队（2）" in ops.presses("换受众").text + ops.labels()
    assert "准备发给：小林的团队" in ops.says("小林的团队").text
    ops.says("取消")
    ops.says("受众列表")
    ops.presses("1 小林")
    ops.presses("删除")
    assert "还没有" in ops.presses("删掉").text


def test_tags_are_put_on_members_and_written_to(one_house: House):
    ops = one_house.talk("ops")
    ops.says("标签")
    assert "没有这个成员" in ops.says("某某").text
    assert "还没有标签" in ops.says("jun").text
    ops.says("主播")
    assert "✖️ 主播" in ops.labels()
    ops.says("广州")
    ops.presses("✖️ 广州")
    assert "广州" not in ops.labels()
    ops.taps("audience_build:new")
    ops.presses("标签")
    assert "现在是 1 人" in ops.presses("主播").text
    ops.presses("好了")
    ops.presses("发给他们")
    ops.says(TEXT)
    ops.says("确认")
    put_out(one_house)
    assert _told(one_house) == ["jun"]


@pytest.mark.parametrize(
    ("locale", "missed", "refused", "again", "tick", "go", "unknown", "risk"),
    [
        ("zh", "没收到的 3 人", "平台拒收", "再发一次", "⬜ 等下次", "发给这 2 人", "⬜ 不确定", "会看到两遍"),
        ("en", "Not reached: 3", "Refused", "Send again", "⬜ Kept", "Send to these 2", "⬜ Not sure", "see it twice"),
    ],
)
def test_the_report_names_who_was_missed_and_sends_it_to_them_again(
    house: House, locale: str, missed: str, refused: str, again: str, tick: str, go: str, unknown: str, risk: str
):
    ops = draft(house, locale=locale, audience="所有人")
    ops.says("确认")
    first = put_out(house)
    becomes(house, first, mei="sent", lin="failed", jun="unknown", tao="deferred", an="sent", ops="sent")
    ops.taps(f"announce_progress:{first}")
    report = ops.presses(missed)
    assert refused in report.text
    assert "lin" in ops.presses(refused).text
    ops.taps(f"announce_report:{first}")
    ops.presses(again)
    assert "☑️" in ops.labels()
    assert risk in ops.presses(unknown).text
    ops.presses("☑️ 不确定" if locale == "zh" else "☑️ Not sure")
    ops.presses(tick)
    ops.presses(go)
    put_out(house)
    assert set(_told(house)) == {"lin", "tao"}
    assert newest(house).resend_of == first
    with house.database.transaction() as db:
        after = db.execute(select(AuditRow.after).where(AuditRow.action == "announcement.resend")).scalar_one()
    assert after == {"of": first, "states": ["deferred", "failed"]}


def test_the_missed_are_paged(one_house: House):
    with one_house.database.transaction() as db:
        for n in range(20):
            member(db, f"x-{n:02}", "agent", name=f"人{n:02}")
    ops = draft(one_house, audience="代理商")
    ops.says("确认")
    made = newest(one_house).id
    ops.presses("停止")
    seen, names = ops.taps(f"announce_missed:{made}:stopped"), 0
    for _ in range(3):
        names += seen.text.count("· ")
        if "更早" not in ops.labels() and "下一页" not in ops.labels():
            break
        seen = ops.presses("更早")
    assert names == 21
    assert "没找到" in ops.taps(f"announce_missed:{made}:nonsense").text


def test_whoever_looks_at_it_while_it_goes_out_is_remembered_and_who_goes_elsewhere_forgotten(one_house: House):
    ops = draft(one_house)
    ops.says("确认")
    made = newest(one_house).id
    with one_house.database.transaction() as db:
        assert db.scalars(select(LiveScreen.announcement_id)).all() == [made]
        assert [one.channel for one in live_screens.watched(db)[0]] == ["webchat"]
    ops.says("首页")
    with one_house.database.transaction() as db:
        here, gone = live_screens.watched(db)
        assert (len(here), len(gone)) == (0, 1)


@pytest.mark.parametrize(
    ("locale", "words"), [("zh", "公告发完了：周三晚八点"), ("en", "Your announcement is out: 周三")]
)
def test_the_result_reads_well(one_house: House, locale: str, words: str):
    ops = draft(one_house, locale=locale)
    ops.says("确认")
    made = put_out(one_house)
    becomes(one_house, made, lin="sent", jun="failed")
    with one_house.database.transaction() as db:
        announcement_report.tell(db, made, now=one_house.now, zone=ZONE)
        row = db.execute(select(Outbox.text_key, Outbox.params).where(Outbox.key == f"announced:{made}")).one()
    said = one_house.texts.say(Words(row.text_key, wording.from_json(row.params)), locale)
    assert words in said
    assert ("已送达 1 人\n失败 1 人" if locale == "zh" else "Sent: 1\nFailed: 1") in said


def test_members_page_back_through_what_was_announced(one_house: House):
    with one_house.database.transaction() as db:
        for n in range(12):
            made = announcements.schedule(db, f"第 {n} 条", "all", one_house.now, by="cli", now=one_house.now)
            announcements.enqueue_chunk(db, made, now=one_house.now)
    lin = one_house.talk("lin")
    first = lin.says("公告").text
    assert "第 11 条" in first
    assert "第 3 条" not in first
    second = lin.presses("更早").text
    assert "第 3 条" in second
    assert "双十一清关" in second
    assert "第 3 条" in lin.presses("1 第 3").text
    other = one_house.talk("an")
    assert "没找到" in other.taps("announcement:999").text


@pytest.mark.parametrize("who", ["lin", "an", "off"])
def test_none_of_it_is_open_to_anybody_else(one_house: House, who: str):
    talk = one_house.talk(who)
    for action in ("announce_kind", "announce_kind_is:system", "announce_urgent", "announce_picture", "announce_try",
                   "announce_report:1", "announce_missed:1:refused", "announce_again:1", "announce_resend:1:f",
                   "announce_whole:1", "audiences", "audience_build", "audience_field:role", "audience_use",
                   "audience_remove_yes:1", "tags", "tags_of:1", "tag_off:1:x"):  # fmt: skip
        assert "不对你开放" in talk.taps(action).text, action


@pytest.mark.parametrize(
    "action",
    [
        "announce_kind_is:spam",
        "audience_field:sku",
        "audience_set:role:king",
        "audience_set:tag:x",
        "audience_days:x:7",
        "audience_days:active_days:8",
        "audience_turn:role",
        "announce_resend:1:x",
        "announce_again:99",
        "audience:9",
        "announce_to_own:9",
        "announce_retext",
        "audience_save_same",
        "announce_progress:77",
    ],
)
def test_mangled_buttons_are_refused_politely(one_house: House, action: str):
    ops = draft(one_house)
    ops.taps("audience_build:new")
    assert "没找到" in ops.taps(action).text


def test_an_audience_that_was_chosen_is_not_that_of_another_announcement(one_house: House):
    ops = one_house.talk("ops")
    ops.taps("audience_build:new")
    ops.taps("audience_set:role:merchant")
    ops.taps("audience_use")
    ops.taps("announce")
    assert "发给谁" in ops.says("大家好，今天有好消息").text
    assert "准备发给：商家" in ops.taps("audience_use").text
