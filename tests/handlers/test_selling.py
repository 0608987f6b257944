"""A distributor finds something to sell, takes a link and a poster, and sees who came."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event

from bot.rendering import numbered
from domain.errors import Refusal
from domain.mall import catalog
from domain.money import plans
from handlers.routing import Incoming
from tests.handlers.house import PLAN, House


def test_the_list_says_what_each_product_would_bring(house: House):
    lin = house.talk("lin")
    listed = lin.says("选品")
    assert "樱花玻尿酸精华 30ml　¥258.00　赚 ¥20.30" in listed.text  # 35 % of ¥58.00 margin


def test_a_product_shows_what_is_left_after_the_margin_guard(house: House):
    greedy = PLAN.replace("[3500, 1500, 500]", "[7000, 2000, 1000]").replace("autumn", "winter")
    with house.database.transaction() as db:
        plans.publish(db, greedy, by="test", accept_guard=True, now=house.now)
    shown = house.talk("lin").taps(f"product:{house.product('SERUM-30')}")
    # 60 % of ¥58.00 is ¥34.80, shared 7 : 2, for there is nobody above the sponsor
    assert "佣金 ¥27.06" in shown.text
    assert "¥6.96" in shown.text
    assert "¥3.48" in shown.text


def test_without_a_plan_no_figure_is_invented(house: House):
    house.now -= timedelta(days=100)
    shown = house.talk("lin").taps(f"product:{house.product('SERUM-30')}")
    assert "算不出佣金" in shown.text


def test_search_takes_parts_of_words_a_verb_with_a_noun_and_pages(house: House):
    lin = house.talk("lin")
    assert "「玻尿酸」找到 1 件" in lin.says("玻尿酸").text
    assert "特级初榨橄榄油" in lin.says("找 橄榄").text
    assert "Extra virgin olive oil" in house.talk("lin", locale="en").says("olive").text
    tea = lin.says("高山茶")
    assert "找到 11 件" in tea.text
    assert "第 1/2 页" in tea.text
    second = lin.presses("下一页")
    assert "第 2/2 页" in second.text
    assert "没找到「不存在的东西」" in lin.says("不存在的东西").text


def test_back_leads_to_the_page_one_came_from(house: House):
    lin = house.talk("lin")
    lin.says("高山茶")
    lin.presses("下一页")
    lin.presses("1 高山茶")
    assert "第 2/2 页" in lin.presses("返回").text


def test_a_link_has_the_text_to_send_and_making_it_is_picking(house: House):
    lin = house.talk("lin", channel="telegram")
    product = house.product("SERUM-30")
    before = house.link_codes()
    shared = lin.taps(f"share:{product}")
    again = lin.taps(f"share:{product}")
    [copied, *_] = [button.copy for button in shared.buttons if button.copy]
    assert copied is not None
    assert copied.startswith("https://shop.example/r/")
    assert shared.text == again.text
    assert copied in {f"https://shop.example/r/{code}" for code in before}  # the house had made it before
    ready = shared.buttons[1].copy
    assert ready is not None
    assert ready in shared.text
    assert ready.split("\n")[:2] == ["樱花玻尿酸精华 30ml　¥258.00", "✨ 一夜水润，早上上妆不起皮"]
    assert copied in ready
    telegram = next(button.url for button in shared.buttons if button.url and "t.me/share" in button.url)
    assert telegram.startswith("https://t.me/share/url?url=https%3A%2F%2Fshop.example%2Fr%2F")
    assert "%E6%A8%B1" in telegram  # 樱
    assert "我的选品（1 件）" in lin.says("我的选品").text


def test_the_ready_text_comes_in_the_language_of_whoever_sends_it(house: House):
    shared = house.talk("lin", locale="en").taps(f"share:{house.product('SERUM-30')}")
    assert "Plump by morning" in shared.text
    assert "t.me/share" not in str(shared.buttons)  # the web chat has its own ways


def test_a_poster_is_asked_for_by_link_and_sku_alone(house: House):
    poster = house.talk("lin").taps(f"poster:{house.product('SERUM-30')}")
    assert poster.picture is not None
    assert poster.picture.kind == "poster"
    assert poster.picture.params == {"link": house.code("lin", "product", "SERUM-30"), "sku": "SERUM-30"}
    assert not poster.edit


def test_picking_and_unpicking(house: House):
    mei = house.talk("mei")
    mei.taps(f"product:{house.product('OIL-5')}")
    assert "已加入我的选品" in mei.presses("加入选品").text
    assert "特级初榨橄榄油" in mei.says("我的选品").text
    mei.presses("1 特级")
    assert "已从我的选品拿掉" in mei.presses("移出选品").text
    assert "还没挑商品" in mei.says("我的选品").text


def test_a_class_says_why_a_product_is_not_for_this_member(house: House):
    jun = house.talk("jun")  # sells one brand
    shown = jun.taps(f"product:{house.product('OIL-5')}")
    assert "不在你的经营范围（朝露）里" in shown.text
    assert "分享" not in jun.labels()
    refused = jun.taps(f"share:{house.product('OIL-5')}")
    assert "不在你的经营范围" in refused.text
    assert "首页" in jun.labels()


def test_what_left_the_shelf_says_so_and_cannot_be_shared(house: House):
    lin = house.talk("lin")
    assert "已下架" in lin.taps(f"product:{house.product('GONE-1')}").text
    assert "已经下架" in lin.taps(f"share:{house.product('GONE-1')}").text


@pytest.mark.parametrize("who", ["an", "off", None])
def test_only_those_who_may_sell_make_links(house: House, who: str | None):
    talk = house.talk(who) if who else house.stranger()
    for action in ("share", "poster", "pick", "unpick"):
        assert ("不对你开放" if who == "off" else "要先加入") in talk.taps(f"{action}:{house.product('SERUM-30')}").text


MANGLED = ("product:999999", "product:x", "product", "product:1:2", "brand:zzzz", "level:9", "share:-1", "why:²",
           "nonsense", "announce.text", "faq:nope", "speak:fr", "mute:system", "product:" + "9" * 30)  # fmt: skip


@pytest.mark.parametrize("action", MANGLED)
def test_mangled_actions_are_refused_politely(one_house: House, action: str):
    lin = one_house.talk("lin")
    answer = lin.taps(action)
    assert "没找到" in answer.text
    assert [button.action for button in answer.buttons] == ["home"]


def test_the_visits_of_ones_links_are_counted_and_compared(house: House):
    lin = house.talk("lin")
    seen = lin.says("访问")
    assert "今天：访客 3（访问 3 次，3 个 IP）· 订单 1" in seen.text
    assert "昨天：访客 6（访问 6 次）· 订单 1" in seen.text
    assert "近 7 天：访客 11" in seen.text
    assert "多了 175%" in seen.text
    chart = lin.presses("走势图")
    assert chart.picture is not None
    assert chart.picture.params["visitors"][-3:] == [2, 6, 3]  # type: ignore[index]
    assert len(chart.picture.params["days"]) == 30  # type: ignore[arg-type]
    top = lin.taps("links")
    assert "1. 全店　访客 13" in top.text
    assert "2. 樱花玻尿酸精华 30ml　访客 2" in top.text


def test_the_home_screen_asks_three_things_of_the_database(one_house: House):
    lin = one_house.talk("lin")
    lin.says("0")
    with one_house.database.transaction() as db:
        statements: list[str] = []
        db.connection()
        event.listen(db.get_bind(), "before_cursor_execute", lambda *args: statements.append(args[2]))
        one_house.gateway.converse(db, Incoming("webchat", lin.account, "counted", action="home"))
    assert len(statements) <= 6, statements  # three of the gateway's


def test_choices_are_numbered_where_there_are_no_buttons(one_house: House):
    lin = one_house.talk("lin", channel="wechat")
    screen = lin.says("选品")
    written = numbered(screen, one_house.gateway.texts.template("numbers.invitation", "zh"))
    assert written.count("樱花玻尿酸精华") == 1  # the list numbers itself
    assert "3 🏷 品牌馆" in written
    assert written.endswith("回复数字选择，0 回首页")
    number = next(n for n, button in enumerate(screen.buttons, 1) if "樱花" in button.label)
    assert "樱花玻尿酸精华" in lin.says(str(number)).text.split("\n")[0]
    shared = lin.presses("分享")
    written = numbered(shared, "")
    assert written.count("https://shop.example/r/") == 2  # once alone, once in the text to send
    assert "👋 小林" in lin.says("０").text  # a full-width nought


def test_whatever_the_domain_refuses_is_a_refusal_the_texts_know(one_house: House):
    with one_house.database.transaction() as db, pytest.raises(Refusal) as refused:
        catalog.check_may_sell(db, one_house.member("an"), catalog.product(db, "SERUM-30"))
    assert refused.value.code == "cannot_sell"
