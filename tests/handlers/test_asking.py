"""What is written in people's own words: an order's number, a question, a word for a person, a misspelt one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from domain.messages import alerts, questions
from domain.schema import Alert, AuditRow, Member, Outbox
from handlers.ask import question
from tests.handlers.house import House


def told(house: House, member_id: str, text_key: str) -> list[dict[str, object]]:
    with house.database.transaction() as db:
        rows = db.scalars(
            select(Outbox.params)
            .join(Member, Member.id == Outbox.member_id)
            .where(Member.member_id == member_id, Outbox.text_key == text_key)
            .order_by(Outbox.id)
        )
        return [dict(row) for row in rows]


@pytest.mark.parametrize(
    ("locale", "written", "heard"),
    [
        ("zh", "提现", "聊天里的提现还没开放"),
        ("zh", "怎么提现？", "聊天里的提现还没开放"),
        ("zh", "顾客要退款", "按剩下的货款和件数重新算"),
        ("zh", "谢谢！", "不客气"),
        ("zh", "为什么要冻结", "现在的佣金方案是订单完成后 7 天"),
        ("en", "How do I withdraw?", "Withdrawing in chat is not open yet"),
        ("en", "a customer wants a refund", "worked out again on what is left"),
        ("en", "Thank you!", "You're welcome"),
        ("en", "when am i paid", "7 days after the order is completed"),
    ],
)
def test_a_question_in_ones_own_words_is_answered(one_house: House, locale: str, written: str, heard: str):
    assert heard in one_house.talk("lin", locale=locale).says(written).text


def test_the_same_word_means_something_else_to_a_customer(one_house: House):
    assert "想退货或退款怎么办" in one_house.talk("an").says("退款").text
    assert "How do I return something" in one_house.talk("an", locale="en").says("I want a refund").text


def test_customers_find_questions_of_customers(one_house: House):
    for locale, word, own, sellers in (
        ("zh", "常见问题", "我买的东西到哪了", "冻结"),
        ("en", "faq", "what I bought", "pending"),
    ):
        seen = one_house.talk("an", locale=locale).says(word)
        assert own in seen.text
        assert sellers not in seen.text


def test_a_word_inside_another_is_no_question():
    known = {"fee": "cost", "提现": "withdraw"}
    assert question("coffee", known) is None
    assert question("Any fee?", known) == "cost"
    assert question("今天能提现吗", known) == "withdraw"


def test_ones_own_order_is_found_by_its_number_and_anybody_elses_is_like_none(house: House):
    lin, an, mei = house.talk("lin"), house.talk("an"), house.talk("mei")
    assert "📦 订单 A-1" in lin.says("A-1").text
    assert "📦 订单 A-1" in lin.says("订单号：a-1").text
    assert "📦 订单 A-1" in mei.says("A-1").text, "she earns on it at level 2"
    assert "🚚 订单 A-1" in an.says("A-1").text
    assert "🚚 Order A-1" in house.talk("an", locale="en").says("order A-1").text
    foreign, missing = an.says("A-4").text, an.says("A-44").text
    assert "A-4" in foreign
    assert "订单 A-4\n" not in foreign
    assert "订单 A-44\n" not in missing


def test_the_number_of_ones_own_order_is_understood_where_its_code_is_asked_for(one_house: House):
    an = one_house.talk("an")
    an.says("跟踪订单")
    assert "🚚 订单 A-1" in an.says("A-1").text
    an.says("跟踪订单")
    assert "没有找到" in an.says("A-4").text


@pytest.mark.parametrize(("locale", "track", "word", "heard"), [
    ("zh", "跟踪订单", "选品", "热卖单品"), ("zh", "跟踪订单", "帮助", "直接发这些词"),
    ("zh", "跟踪订单", "提现", "聊天里的提现还没开放"),
    ("en", "track", "products", "Best sellers"), ("en", "track", "help", "Write one of these words"),
])  # fmt: skip
def test_a_known_word_leaves_the_question(one_house: House, locale: str, track: str, word: str, heard: str):
    lin = one_house.talk("lin", locale=locale)
    lin.says(track)
    assert heard in lin.says(word).text


@pytest.mark.parametrize(("locale", "word"), [("zh", "选品"), ("zh", "帮助"), ("zh", "提现"), ("en", "products")])
def test_nobody_is_named_like_a_screen(one_house: House, locale: str, word: str):
    somebody = one_house.stranger(locale=locale)
    somebody.opens(one_house.code("lin", "invite"))
    somebody.taps("join_yes")
    somebody.says(word)
    with one_house.database.transaction() as db:
        assert word not in set(db.scalars(select(Member.name)))


def test_a_name_can_be_changed(one_house: House):
    lin = one_house.talk("lin")
    lin.says("帮助")
    assert "你现在叫「小林」" in lin.presses("改名字").text
    assert "不要只写数字" in lin.says("12345").text
    assert "好的，林老板" in lin.says("林老板").text
    assert "👋 林老板" in lin.says("首页").text
    english = one_house.talk("lin", locale="en")
    english.says("change my name")
    assert "All right, Lin." in english.says("Lin").text


def test_a_slip_of_a_number_is_no_search(one_house: House):
    lin = one_house.talk("lin")
    lin.says("选品")
    assert "上面没有 -1 这一项" in lin.says("-1").text


def test_a_question_to_a_person_is_answered_by_an_operator(house: House):
    an, ops = house.talk("an"), house.talk("ops")
    an.says("客服")
    assert "已转给运营" in an.says("A-1 少了一片面膜").text
    [pushed] = [one for one in told(house, "ops", "notice.alert") if "面膜" in str(one)]
    assert "alert_advice.question" in str(pushed)
    assert "安安（an）问：A-1 少了一片面膜" in ops.says("预警").text
    ops.presses("1 ")
    assert "A-1 少了一片面膜" in ops.presses("回复").text
    assert "已回复 安安" in ops.says("今天补发，抱歉！").text
    assert told(house, "an", "notice.answer") == [{"text": "今天补发，抱歉！"}]
    assert "面膜" not in ops.says("预警").text
    with house.database.transaction() as db:
        row = db.execute(select(AuditRow).where(AuditRow.action == "question.answer")).scalar_one()
    assert (row.actor, row.subject) == ("member:ops", "member:an")


def test_two_operators_answer_once(one_house: House):
    one_house.talk("an").taps("contact")
    one_house.talk("an").says("客服")
    an = one_house.talk("an", locale="en")
    an.says("support")
    an.says("Where is my mask?")
    with one_house.database.transaction() as db:
        which = db.execute(select(Alert.id).where(Alert.text_key == questions.QUESTION)).scalar_one()
    first, second = one_house.talk("ops"), one_house.talk("ops", locale="en")
    first.taps(f"answer:{which}")
    second.taps(f"answer:{which}")
    first.says("在路上")
    assert "We can't find that" in second.says("On its way").text
    assert told(one_house, "an", "notice.answer") == [{"text": "在路上"}]


def test_nobody_but_operators_reads_or_answers_questions(one_house: House):
    an = one_house.talk("an")
    an.says("客服")
    an.says("我的地址写错了")
    with one_house.database.transaction() as db:
        which = db.execute(select(Alert.id).where(Alert.text_key == questions.QUESTION)).scalar_one()
        other = db.execute(select(Alert.id).where(Alert.key == "job_failing:x")).scalar_one()
    for action in (f"alert:{which}", f"answer:{which}"):
        assert "不对你开放" in one_house.talk("lin").taps(action).text
    assert "没找到" in one_house.talk("ops").taps(f"answer:{other}").text, "that is no question"


def test_one_person_does_not_flood_the_operators(one_house: House):
    an = one_house.talk("an")
    for n in range(questions.MOST):
        an.says("客服")
        assert "已转给运营" in an.says(f"在吗在吗 {n}").text
    an.says("客服")
    assert "请再等等" in an.says("在吗").text
    with one_house.database.transaction() as db:
        assert alerts.count_open(db, questions.QUESTION) == questions.MOST


def test_somebody_who_has_not_joined_is_answered_too(one_house: House):
    visitor = one_house.stranger(locale="en", name="Kim")
    visitor.says("support")
    assert "Passed on" in visitor.says("Do you ship to Macau?").text
    with one_house.database.transaction() as db:
        kim = db.execute(select(Member.role, Member.sponsor_id).where(Member.name == "Kim")).one()
    assert tuple(kim) == ("customer", None)


def test_the_address_that_the_shop_names_is_shown_instead(one_house: House):
    one_house.shop = replace(one_house.shop, contact="https://kf.example/1")
    one_house.__post_init__()
    seen = one_house.talk("an").says("客服")
    assert "https://kf.example/1" in seen.text
    assert any(button.url == "https://kf.example/1" for button in seen.buttons)
    assert "没找到" in one_house.talk("an").says("随便写写看").text, "no question is open"


@pytest.mark.parametrize(("locale", "written", "heard"), [
    ("zh", "玻尿精华", "没有连着写的「玻尿精华」，下面这些最接近"), ("zh", "面摸", "你要找的是不是「面膜」"),
    ("en", "serun", "Did you mean “serum”?"), ("en", "sakura serum", "1 match"),
])  # fmt: skip
def test_what_is_written_a_little_wrong_is_found(house: House, locale: str, written: str, heard: str):
    seen = house.talk("lin", locale=locale).says(written)
    assert heard in seen.text
    assert seen.buttons[0].listed


def test_what_the_shop_does_not_have_is_not_made_up(house: House):
    for written in ("手机", "笔记本电脑", "qwertyz"):
        assert "没找到" in house.talk("lin").says(written).text
