"""Nothing on a screen leads astray: numbers are choices, texts are whole, dates and reasons are there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.mall.catalog import put_products
from domain.messages import notices
from domain.messages.notices import Reader
from domain.money import Money
from domain.periods import format_instant
from domain.sales import order_events
from domain.sales.order_data import IncomingEvent
from domain.schema import Member, Outbox
from domain.wording import Words, from_json
from handlers.share import whole
from tests.handlers.house import House

LONG = "Cleans the narrow gaps that a brush cannot reach and is gentle enough for easily flushed, sensitive skin"


def put(house: House, **product: object) -> int:
    base = {"sku": "LONG-1", "name": "长卖点洁面", "name_en": "Cleanser", "price": 9_900, "cost": 5_000}
    with house.database.transaction() as db:
        [result] = put_products(db, [{**base, **product}], actor="test", now=house.now)
    assert not result.errors
    return house.product("LONG-1")


@pytest.mark.parametrize("channel", ["telegram", "wechat", "webchat"])
def test_a_ready_text_drops_a_whole_point_rather_than_cut_it(one_house: House, channel: str):
    points = [LONG, "Second point: " + LONG]
    which = put(one_house, selling_points=points, selling_points_en=points)
    shared = one_house.talk("lin", channel, "en").taps(f"share:{which}")
    copied = next(button.copy for button in shared.buttons if button.copy and "Cleanser" in button.copy)
    assert "…" not in copied
    assert LONG in copied
    assert (points[1] in copied) == (channel != "telegram"), "Telegram's button carries 256 characters"
    assert channel != "telegram" or len(copied) <= 256


def test_points_are_whole_or_not_there():
    assert whole(["一夜水润", "x" * 50, "无香精", "第三"], 30) == ["一夜水润", "无香精"]
    assert whole([], 30) == []


@pytest.mark.parametrize(("locale", "word", "name"), [("zh", "链接排行", "樱花"), ("en", "top links", "Sakura")])
def test_a_number_before_a_link_opens_that_link(house: House, locale: str, word: str, name: str):
    lin = house.talk("lin", "wechat", locale)
    listed = lin.says(word)
    assert house.code("lin", "product", "SERUM-30") not in listed.text, "a code tells a person nothing"
    opened = lin.says("2")
    assert name in opened.text
    assert "https://shop.example/r/" in opened.text
    assert name in lin.says("1").text, "and from there to the text and the poster"


def test_a_link_of_somebody_else_is_like_none(one_house: House):
    code = one_house.code("mei", "shop")
    assert "没找到" in one_house.talk("lin").taps(f"link:{code}").text
    assert "没找到" in one_house.talk("lin").taps("link:nothing2").text


def test_the_reasons_of_an_amount_are_no_numbered_choices(one_house: House):
    lin = one_house.talk("lin", "wechat")
    lin.says("明细")
    assert "\n1. " not in lin.says("5").text


def test_the_list_says_when_each_pending_amount_is_due(one_house: House):
    assert "待结算（11月28日 10:00 起可提现）" in one_house.talk("lin").taps("commissions:frozen").text
    assert "pending (payable from Nov 28, 10:00)" in one_house.talk("lin", locale="en").taps("commissions:frozen").text


def test_home_counts_what_has_just_been_sold(one_house: House):
    assert "预估 ¥21.00 · 待结算 ¥20.30 · 可提现 ¥49.00" in one_house.talk("lin").says("首页").text


def test_what_is_payable_says_how_it_is_paid(one_house: House):
    assert "聊天里还不能提现" in one_house.talk("lin").says("佣金").text
    assert "Withdrawing in chat is not open yet" in one_house.talk("lin", locale="en").says("earnings").text
    assert "还不能提现" not in one_house.talk("tao").says("佣金").text, "nothing is payable there"


def test_a_full_refund_is_not_worked_out_step_by_step(one_house: House):
    one_house.happens("order.cancelled", "A-1", at=format_instant(one_house.now))
    lin = one_house.talk("lin", locale="en")
    lin.says("details")
    told = lin.presses("5 ").text
    assert "¥0.00 × " not in told
    assert "¥40.60 at payment, ¥0.00 after the refund" in told
    assert "it counts as your sale" in told
    assert "Status: taken back" in told


@pytest.mark.parametrize(("cause", "text"), [
    (("refund", "R-1"), "commission_refunded"), (("cancelled",), "commission_cancelled"),
    (("denied", "1"), "commission_denied"),
])  # fmt: skip
def test_whoever_loses_commission_hears_what_really_happened(cause: tuple[str, ...], text: str):
    told = notices.commission_changed(Reader(1, "lin"), "A-1", cause, Money(-100, "CNY"), Money(0, "CNY"))
    assert told.text_key == f"notice.{text}"
    assert told.key.startswith("commission_reversed:A-1:")


@pytest.mark.parametrize(("locale", "place", "advice"), [
    ("zh", "第 1 行商品的 SKU（XX-1）：没有这个商品或编号", "怎么办"),
    ("en", "SKU in line 1 (XX-1): is not known", "What to do"),
])  # fmt: skip
def test_operators_are_told_what_the_shop_got_wrong_in_words(house: House, locale: str, place: str, advice: str):
    data = {"order_id": "A-77", "currency": "CNY", "paid_at": format_instant(house.now),
            "items": [{"sku": "XX-1", "quantity": 1, "amount": 100}]}  # fmt: skip
    with house.database.transaction() as db:
        event = IncomingEvent("evt-77", "order.paid", "", data)
        order_events.record_events(db, [event], now=house.now, settlement_currency="CNY")
    ops = house.talk("ops", locale=locale)
    ops.says("events")
    seen = ops.presses("1 A-77")
    assert place in seen.text
    assert "order.paid" not in seen.text
    with house.database.transaction() as db:
        pushed = db.scalars(
            select(Outbox.params)
            .join(Member, Member.id == Outbox.member_id)
            .where(Member.member_id == "ops", Outbox.text_key == "notice.alert")
            .order_by(Outbox.id.desc())
        ).first()
    said = house.texts.say(Words("notice.alert", from_json(dict(pushed or {}))), locale)
    assert said.startswith("🚨 ")
    assert place in said
    assert advice in said


def test_todays_troubles_do_not_stand_under_another_day(one_house: House):
    ops = one_house.talk("ops")
    assert "没能处理" in ops.says("数据").text
    assert "没能处理" not in ops.presses("前一天").text
    ops.house.now += timedelta(days=1)
    assert "没能处理" in ops.says("数据").text
