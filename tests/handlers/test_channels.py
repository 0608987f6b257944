"""Several chats of one member, as people meet them: connect, choose, part; what operators may do."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from domain.schema import AuditRow, Contact, Member
from handlers.settings import read_hours
from tests.handlers.house import House, Talk


def code_of(talk: Talk) -> str:
    found = re.search(r"LK\w{8}", talk.taps("channel_new").text)
    assert found, talk.last.text
    return found[0]


def lin_with_two(house: House) -> tuple[Talk, Talk]:
    old, new = house.talk("lin", "telegram"), house.stranger("openid-77", "wechat")
    new.says(code_of(old))
    new.presses("绑定")
    return old, new


def test_a_code_that_is_typed_is_looked_at_and_then_confirmed(house: House):
    lin, phone = house.talk("lin", "telegram"), house.stranger("openid-77", "wechat")
    asked = lin.says("绑定")
    assert "微信：把码发到我们的公众号" in asked.text
    assert "https://shop.example/chat?invite=LK" in asked.text
    code = re.search(r"LK\w{8}", asked.text)
    assert code
    shown = phone.says(code[0].lower())
    assert "小林" in shown.text
    assert "不要用" in shown.text
    assert "你现在是「小林」" in phone.presses("绑定").text
    assert "小林，你好" in phone.says("首页").text
    assert "过期" in house.stranger("openid-88", "wechat").says(code[0]).text


def test_a_link_opens_the_same_question_on_telegram_and_on_the_page(one_house: House):
    for channel in ("telegram", "webchat"):
        mei = one_house.talk("mei", "wechat")
        visitor = one_house.stranger(f"new-{channel}", channel, locale="en")
        assert "Confirm only if both chats are yours" in visitor.opens(code_of(mei)).text
        assert "You are now" in visitor.presses("connect").text


def test_somebody_new_who_joined_elsewhere_finds_the_way(one_house: House):
    lin, phone = one_house.talk("lin", "telegram"), one_house.stranger("openid-77", "wechat")
    phone.says("首页")
    assert "发「绑定」" in phone.presses("别处").text
    assert "不对" in phone.says("什么码").text
    phone.presses("再输")
    assert "小林" in phone.says(code_of(lin)).text


def test_guessing_ends_with_a_way_on(one_house: House):
    phone = one_house.stranger("openid-77", "wechat", locale="en")
    for number in range(2, 7):
        assert "isn't right" in phone.says(f"LK2222222{number}").text
    assert "come back in an hour" in phone.says("LK22222229").text


def test_a_button_with_a_made_up_code_is_counted_like_a_written_one(one_house: House):
    phone = one_house.stranger("openid-77", "wechat", locale="en")
    for number in range(2, 7):
        phone.taps(f"channel_join:LK2222222{number}:0")
    assert "come back in an hour" in phone.says("LK22222229").text


def test_two_members_with_business_of_their_own_are_sent_to_the_operators_with_their_ids(one_house: House):
    mei, lin = one_house.talk("mei", "telegram"), one_house.talk("lin", "wechat")
    refused = lin.says(code_of(mei)).text
    assert "联系运营" in refused
    assert "lin 和 mei" in refused


def test_the_settings_say_what_is_chosen(one_house: House):
    old, new = lin_with_two(one_house)
    old.taps("first_channel:wechat")
    old.taps("mutes:off:tasks")
    old.taps("quiet")
    shown = old.says("23点到7：30").text
    assert "消息先发到：微信" in shown
    assert "任务：关" in shown
    assert "佣金和订单：开" in shown
    assert "安静时段：23:00–07:30" in shown
    assert shown == new.says("设置").text
    assert "安静时段：不设" in new.taps("quiet:0-0").text
    assert "最近用的那个" in new.taps("first_channel:last").text


@pytest.mark.parametrize("action", ["first_channel:webchat", "mutes:off:system", "mutes:away:tasks", "quiet:1-2"])
def test_what_cannot_be_chosen_is_answered_as_not_there(one_house: House, action: str):
    assert "没找到" in one_house.talk("lin", "telegram").taps(action).text


def test_hours_are_read_as_people_write_them():
    assert read_hours("23-7") == read_hours("23:00 – 7:00") == read_hours("23点到7点") == (1380, 420)
    assert read_hours("24:00-6") == (0, 360)
    assert [read_hours(text) for text in ("", "23", "25-7", "23:60-7", "late", "１-２-３")] == [None] * 6


def test_a_chat_is_parted_but_not_the_last_one_nor_somebody_elses(one_house: House):
    old, new = lin_with_two(one_house)
    one_house.talk("mei", "wechat")
    with one_house.database.transaction() as db:
        ids = {row.account: row.id for row in db.execute(select(Contact.account, Contact.id))}
    assert "没找到" in old.taps(f"channel_part_yes:{ids['mei-wechat-zh']}").text
    assert "看不到你的账号" in old.taps(f"channel_part:{ids['openid-77']}").text
    assert "已解绑" in old.presses("确认").text
    assert "欢迎来到" in new.says("首页").text
    assert "唯一" in old.taps(f"channel_part_yes:{ids['lin-telegram-zh']}").text


def test_whoever_parts_the_chat_they_write_in_is_a_stranger_there_at_once(one_house: House):
    _old, new = lin_with_two(one_house)
    with one_house.database.transaction() as db:
        mine = db.scalar(select(Contact.id).where(Contact.account == "openid-77"))
    assert "已解绑" in new.taps(f"channel_part_yes:{mine}").text
    assert "要先加入" in new.taps("earnings").text


def test_an_operator_sees_masked_chats_and_parts_one_and_that_is_written_down(house: House):
    lin_with_two(house)
    ops = house.talk("ops", locale="en")
    ops.taps("member_chats")
    assert "no member with this id" in ops.says("nobody").text
    shown = ops.says("lin").text
    assert "WeChat op…77" in shown
    assert "openid-77" not in shown
    ops.presses("Disconnect WeChat")
    assert "is disconnected" in ops.presses("Yes, disconnect").text
    with house.database.transaction() as db:
        row = db.execute(select(AuditRow.actor, AuditRow.subject, AuditRow.before).order_by(AuditRow.id.desc())).first()
        gone = db.scalar(select(Member.id).join(Contact).where(Contact.account == "openid-77"))
    assert row is not None
    assert tuple(row) == ("member:ops", "member:lin", {"channel": "wechat", "account": "op…77"})
    assert gone is None


def test_only_operators_see_the_chats_of_others(one_house: House):
    lin = one_house.talk("lin")
    for action in ("member_chats", f"chats_of:{one_house.member('mei')}", f"chat_part_yes:{one_house.member('mei')}:1"):
        assert "不对你开放" in lin.taps(action).text
