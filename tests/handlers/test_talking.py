"""How the conversation itself behaves: numbers, questions waiting for words, repetitions, refusals."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, update

from bot.gateway import reply_from_json, reply_to_json
from bot.rendering import numbered
from domain.money import Money
from domain.schema import Contact, Inbox
from domain.wording import words
from handlers.routing import Choice, Incoming, Picture, button, reply
from tests.handlers.house import House


def test_numbers_choose_from_the_screen_even_while_words_are_waited_for(one_house: House):
    ops = one_house.talk("ops", channel="wechat")
    ops.says("发公告")
    latest = next(button for button in ops.last.buttons if button.action and "progress" in button.action)
    assert ops.last.buttons[0] == latest
    assert "发给" in ops.says("1").text
    ops.says("发公告")
    assert "运营台" in ops.says("0").text


def test_going_elsewhere_ends_the_question(one_house: House):
    ops = one_house.talk("ops")
    ops.says("发公告")
    ops.taps("help")
    assert "没找到「大家好」" in ops.says("大家好").text


def test_a_refused_answer_leaves_the_question_open(one_house: House):
    somebody = one_house.stranger()
    somebody.says("/track")
    assert "没有找到" in somebody.says("not-a-code").text
    assert "订单 A-1" in somebody.says(one_house.order_code("A-1")).text


def test_a_language_may_be_written_instead_of_pressed(one_house: House):
    lin = one_house.talk("lin")
    lin.says("语言")
    assert "English from now on" in lin.says("English").text
    lin.says("language")
    assert "以后说中文" in lin.says("中文").text
    lin.says("语言")
    assert "面膜" in lin.says("面膜").text


@pytest.mark.parametrize(("join", "yes", "welcome"), [("加入", "好的", "欢迎你"), ("join", "Yes", "Welcome")])
def test_joining_may_be_agreed_to_in_words(one_house: House, join: str, yes: str, welcome: str):
    somebody = one_house.stranger(locale="zh" if join == "加入" else "en")
    somebody.says(join)
    assert "面膜" in somebody.says("面膜").text, "other words are looked for as ever"
    somebody.says(join)
    somebody.says(yes)
    assert welcome in somebody.says("小雨").text


def test_another_screens_word_is_not_taken_for_the_answer_of_a_question(one_house: House):
    somebody = one_house.stranger()
    somebody.says("加入")
    somebody.presses("免费加入")
    assert "名字请写" in somebody.says("7").text
    assert "可以写" not in somebody.says("帮助").text
    somebody.says("/track")
    assert "❓" in somebody.says("help").text


def test_the_same_update_is_answered_alike_and_takes_effect_once(one_house: House):
    lin = one_house.talk("lin")
    incoming = Incoming("webchat", lin.account, "once", action=f"pick:{one_house.product('OIL-5')}")
    first = asyncio.run(one_house.gateway.handle(incoming))
    second = asyncio.run(one_house.gateway.handle(incoming))
    assert not first.repeated
    assert second.repeated
    assert second.rendered == first.rendered
    with one_house.database.transaction() as db:
        assert len(db.scalars(select(Inbox.id).where(Inbox.update_key == "once")).all()) == 1


def test_an_update_that_comes_again_after_the_chat_was_parted_says_nothing_of_what_was_said(one_house: House):
    lin = one_house.talk("lin", channel="telegram")
    incoming = Incoming("telegram", lin.account, "once", text="佣金")
    assert "待结算" in asyncio.run(one_house.gateway.handle(incoming)).rendered.text
    with one_house.database.transaction() as db:
        db.execute(update(Contact).where(Contact.account == lin.account).values(member_id=None))
    again = asyncio.run(one_house.gateway.handle(incoming))
    assert (again.repeated, again.waiting) == (True, False)
    assert "没找到" in again.rendered.text
    assert "待结算" not in again.rendered.text


def test_a_refusal_leaves_nothing_of_the_refused_action(one_house: House):
    jun = one_house.talk("jun")
    codes = one_house.link_codes()
    jun.taps(f"share:{one_house.product('OIL-5')}")
    assert one_house.link_codes() == codes


def test_one_person_on_two_channels_has_two_conversations(one_house: House):
    web, phone = one_house.talk("lin"), one_house.talk("lin", channel="telegram", locale="en")
    assert "你好" in web.says("首页").text
    assert "Hello" in phone.says("home").text
    with one_house.database.transaction() as db:
        member = one_house.member("lin")
        assert len(db.scalars(select(Contact.id).where(Contact.member_id == member)).all()) == 2


def test_words_of_both_languages_are_understood_whatever_is_spoken(one_house: House):
    lin = one_house.talk("lin", locale="en")
    assert "My commission" in lin.says("佣金").text
    assert "My commission" in lin.says("  EARNINGS ").text
    assert "My commission" in lin.says("/earnings@globalmallbot").text


def test_a_slash_and_nothing_else_is_answered_with_help(one_house: House):
    lin = one_house.talk("lin")
    for text in ("/", " ／ "):
        assert lin.says(text).text == lin.says("/help").text


def test_names_with_braces_markup_and_line_ends_are_shown_as_they_are(one_house: House):
    somebody = one_house.stranger(name="{evil} <b>]]></b> \u202eабв")
    somebody.says("join")
    somebody.presses("免费加入")
    assert "{evil} <b>]]></b>" in somebody.last.text


def test_an_answer_is_kept_word_for_word(one_house: House):
    said = reply(
        words("product.price", price=Money(25_800, "CNY")),
        rows=[
            [Choice(words("share.copy_text"), copy=words("share.shop_plain")), button("button.home", "home")],
            [Choice(words("share.telegram"), url=words("share.telegram_url", url="u", text=words("share.shop_plain")))],
            [Choice(words("list.button", number=1, name="x"), action="product:1", listed=True)],
        ],
        picture=Picture("product", {"sku": "SERUM-30"}),
        edit=False,
    )
    assert reply_from_json(reply_to_json(said)) == said


def test_a_menu_without_buttons_says_nothing_twice(one_house: House):
    rendered = one_house.texts.render(
        reply(
            words("share.link", url="https://a.example/r/x"),
            rows=[
                [Choice(words("list.button", number=1, name="甲"), action="product:1", listed=True)],
                [Choice(words("share.copy_link"), copy="https://a.example/r/x")],
                [Choice(words("share.open"), url="https://b.example")],
                [button("button.home", "home")],
            ],
        ),
        "zh",
    )
    assert numbered(rendered, "回复数字").split("\n") == [
        "https://a.example/r/x",
        "打开看看: https://b.example",
        "",
        "2 🏠 首页",
        "回复数字",
    ]


def test_a_number_that_is_not_there_leaves_the_screen_as_it_was(one_house: House):
    lin = one_house.talk("lin")
    products = lin.says("选品")
    for slip in ("99", "-1"):
        no = lin.says(slip)
        assert f"上面没有 {slip} 这一项" in no.text
        assert no.rows == ()
    assert lin.says("1").text == lin.taps(products.buttons[0].action or "").text


@pytest.mark.parametrize(("who", "word", "said"), [("an", "团队", "要先加入"), ("lin", "运营台", "不对你开放")])
def test_whoever_has_not_joined_is_told_how(one_house: House, who: str, word: str, said: str):
    assert said in one_house.talk(who).says(word).text


def test_somebody_without_a_name_is_not_called_by_a_number(one_house: House):
    """On WeChat nobody's name is known who only buys."""
    buyer = one_house.stranger(name="")
    buyer.says("客服")
    buyer.says("瓶盖裂了")
    assert buyer.says("首页").text.startswith("👋 你好\n")
    assert "客户（m" in one_house.talk("ops").says("预警").text
