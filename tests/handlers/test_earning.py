"""What came of the sales: money on its way, why each amount is what it is, and nobody else's business."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.money import bookkeeping, ledger
from domain.periods import format_instant
from domain.sales import holds
from domain.schema import Commission, Order
from tests.handlers.house import House


def commission_of(house: House, member_id: str, order_id: str) -> int:
    member = house.member(member_id)
    with house.database.transaction() as db:
        return db.scalars(
            select(Commission.id)
            .join(Order, Order.id == Commission.order_id)
            .where(Commission.member_id == member, Order.order_id == order_id)
            .order_by(Commission.line)
        ).all()[0]


def order_number(house: House, order_id: str) -> int:
    with house.database.transaction() as db:
        return db.execute(select(Order.id).where(Order.order_id == order_id)).scalar_one()


def test_money_stands_at_its_stations_with_the_date_of_the_next(house: House):
    seen = house.talk("lin").says("佣金")
    assert "今天 ¥21.00" in seen.text
    assert "预估　¥21.00" in seen.text
    assert "待结算　¥20.30" in seen.text
    assert "下一笔 ¥20.30，11月28日 10:00 起可提现" in seen.text
    assert "核对中　¥8.40" in seen.text  # bought with their own customer id
    assert "可提现　¥49.00" in seen.text
    assert "已提现　¥0.00" in seen.text
    assert "欠款" not in seen.text


def test_the_words_for_money_are_the_same_in_english_wherever_it_is_shown(house: House):
    lin = house.talk("lin", locale="en")
    seen = lin.says("earnings")
    for station in ("Estimated  ¥21.00", "Pending  ¥20.30", "Payable  ¥49.00", "Withdrawn  ¥0.00"):
        assert station in seen.text
    assert "Estimated ¥21.00 · pending ¥20.30 · payable ¥49.00" in lin.says("home").text


def test_a_refund_after_payout_leaves_the_distributor_owing_and_says_why(house: House):
    member, at = house.member("lin"), format_instant(house.now)
    paid_out = [
        bookkeeping.withdrawal_requested("W-1", member, 4_900, "CNY"),
        bookkeeping.withdrawal_paid("W-1", member, 4_900, "CNY", fee=0, tax=0),
    ]
    with house.database.transaction() as db:
        ledger.post(db, paid_out, now=house.now, at={entry.key: house.now for entry in paid_out})
    house.happens("order.cancelled", "A-1", at=at)
    seen = house.talk("lin").says("佣金")
    assert "可提现　¥0.00" in seen.text
    assert "已提现　¥49.00" in seen.text
    assert "欠款　¥49.00" in seen.text
    assert "从以后的佣金里扣平" in seen.text


def test_every_commission_says_why_it_is_what_it_is(house: House):
    lin = house.talk("lin")
    lin.says("佣金明细")
    told = lin.presses("5 樱花玻尿酸精华").text
    assert "为什么是 ¥40.60？" in told
    assert "你是第 1 级" in told
    assert "订单带着你的推广码，算你卖的" in told
    assert "通用比例：第 1 级 35%，第 2 级 15%，第 3 级 5%" in told
    assert "货款 ¥516.00 减去 2 件的成本 ¥400.00，毛利 ¥116.00" in told
    assert "第 1 级：¥116.00 × 35% = ¥40.60" in told
    assert "第 2 级：¥116.00 × 15% = ¥17.40" in told, "the sum of all levels can be recomputed"
    assert "第 3 级没有人" in told
    assert "各级合计 ¥58.00" in told
    assert "毛利 ¥116.00 的 60%（¥69.60），不用减" in told
    assert "佣金明细" in lin.presses("返回").text


def test_why_after_a_refund_tells_both_sums(house: House):
    told = house.talk("lin", locale="en").taps(f"why:{commission_of(house, 'lin', 'A-3')}").text
    assert "Why ¥21.00?" in told
    assert "After the refund ¥300.00 and 2 pieces are left" in told
    assert "Level 1: ¥31.50 at payment, ¥21.00 after the refund." in told


def test_why_for_what_is_held_or_denied(house: House):
    lin = house.talk("lin")
    assert "买家就是推广人自己" in lin.taps(f"why:{commission_of(house, 'lin', 'A-4')}").text
    with house.database.transaction() as db:
        holds.deny(db, "A-2", "刷单", actor="member:ops", now=house.now)
    denied = lin.taps(f"why:{commission_of(house, 'lin', 'A-2')}").text
    assert "为什么是 ¥0.00？" in denied
    assert "取消了这笔订单的佣金：刷单" in denied


def test_the_sponsor_sees_their_own_level_and_not_the_others_money(house: House):
    mei = house.talk("mei")
    assert "第 2 级" in mei.says("订单").text
    order = mei.taps(f"order:{order_number(house, 'A-1')}")
    assert "¥17.40" in order.text  # 15 % of ¥116.00
    assert "¥40.60" not in order.text
    assert "SF100" not in order.text  # the parcel is for whoever brought the order
    assert "SF100" in house.talk("lin").taps(f"order:{order_number(house, 'A-1')}").text


def test_in_a_demo_an_order_leads_to_the_page_on_which_it_is_shipped(one_house: House):
    house = one_house
    lin = house.talk("lin")
    action = f"order:{order_number(house, 'A-1')}"
    assert not [choice for row in lin.taps(action).rows for choice in row if choice.url]
    house.gateway.shop = replace(house.gateway.shop, demo=True)
    [page] = [choice.url for row in lin.taps(action).rows for choice in row if choice.url]
    assert page.startswith("https://shop.example/shop/orders/")


@pytest.mark.parametrize("who", ["jun", "tao", "ops", "an"])
def test_nobody_sees_what_is_not_theirs(house: House, who: str):
    talk = house.talk(who)
    foreign = [
        f"why:{commission_of(house, 'lin', 'A-1')}",
        f"order:{order_number(house, 'A-1')}",
        f"parcel:{order_number(house, 'A-4')}",
        f"downline:{house.member('lin')}",
    ]
    for action in foreign:
        seen = talk.taps(action).text
        assert "¥" not in seen, action
        assert any(no in seen for no in ("没找到", "不对你开放", "要先加入")), action
        assert seen in (talk.taps(action.split(":")[0] + ":987654").text,), "foreign and missing are answered alike"


def test_long_lists_turn_their_pages_and_lead_back(house: House):
    code = house.code("lin", "shop")
    for number in range(12):
        house.sells(f"P-{number}", code, house.now - timedelta(minutes=number), {"TEA-1": 1})
    lin = house.talk("lin")
    lin.says("订单")
    older = lin.presses("更早")
    assert "樱花玻尿酸精华" in older.text
    lin.presses("4 ")
    assert "订单 P-11" in lin.last.text or "订单 A-" in lin.last.text
    assert lin.presses("返回").text == older.text
    assert "« 最新" in lin.labels()
    lin.taps("commissions:estimated")
    assert "高山茶 1 号" in lin.presses("更早").text


def test_a_suspended_member_still_sees_the_money_they_have(house: House):
    off = house.talk("off")
    assert "暂停中" in off.says("首页").text
    assert "可提现" in off.presses("佣金").text


def test_a_customer_follows_a_parcel_step_by_step(house: House):
    an = house.talk("an")
    assert "樱花玻尿酸精华 30ml，另有 1 种　已完成" in an.says("我买的").text
    shown = an.taps(f"parcel:{order_number(house, 'A-1')}").text
    for step in ("✓ 已付款　11月3日", "✓ 已发货　11月4日", "✓ 已清关", "✓ 已签收", "✓ 已完成　11月8日", "SF SF100"):
        assert step in shown
    assert "佣金" not in shown
    assert "已退款 ¥150.00" in an.taps(f"parcel:{order_number(house, 'A-3')}").text


def test_an_order_can_be_followed_by_its_code_or_the_link_of_it(house: House):
    an = house.talk("an")
    an.says("跟踪订单")
    assert "没有找到「abc」" in an.says("abc").text
    assert "订单 A-2" in an.says(f"https://shop.example/chat?code={house.order_code('A-2')}").text


def test_a_code_shows_one_order_and_not_the_other_orders_of_that_customer(house: House):
    lin = house.talk("lin")  # is another customer of the shop already
    assert "订单 A-2" in lin.opens(house.order_code("A-2")).text
    assert "A-2" not in lin.says("我买的").text
    assert "没找到" in lin.taps(f"parcel:{order_number(house, 'A-2')}").text
