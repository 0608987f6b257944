"""Somebody new: invited, sent by a link, following an order, or just curious."""

from __future__ import annotations

from urllib.parse import quote

from sqlalchemy import select, update

from domain.people import members, network
from domain.schema import Contact, Member, Outbox, Product
from tests.handlers.house import House


def sponsor_of(house: House, account: str) -> str | None:
    with house.database.transaction() as db:
        member = db.execute(select(Contact.member_id).where(Contact.account == account)).scalar_one()
        assert member is not None
        return members.profile(db, member).sponsor_member_id


def members_count(house: House) -> int:
    with house.database.transaction() as db:
        return len(db.scalars(select(Member.id)).all())


def test_an_invited_person_joins_free_of_charge_into_the_team_of_whoever_invited_them(one_house: House):
    somebody = one_house.stranger(name="小雨")
    invited = somebody.opens(one_house.code("lin", "invite"))
    assert "小林 邀请你" in invited.text
    assert "加入免费" in invited.text
    assert "拉人没有奖励" in invited.text
    welcome = somebody.presses("免费加入")
    assert "欢迎你，小雨" in welcome.text
    assert "先走这三步" in welcome.text
    assert sponsor_of(one_house, "somebody") == "lin"
    with one_house.database.transaction() as db:
        told = db.scalars(select(Outbox.text_key).where(Outbox.text_key == "notice.downline_joined")).all()
    assert told == ["notice.downline_joined"]
    assert "💰 佣金" in somebody.says("0").rows[1][0].label


def test_nobody_is_a_member_before_they_have_said_yes(one_house: House):
    before = members_count(one_house)
    somebody = one_house.stranger()
    somebody.opens(one_house.code("lin", "invite"))
    somebody.presses("模式说明")
    assert members_count(one_house) == before


def test_an_invitation_survives_looking_around_and_a_restart(one_house: House):
    somebody = one_house.stranger(name="小雨")
    somebody.opens(one_house.code("lin", "invite"))
    for detour in ("模式说明", "选品", "面膜", "帮助", "语言", "/start"):
        somebody.says(detour)
    one_house.__post_init__()  # the process is started anew
    somebody.presses("我想卖货")
    assert "小林 邀请你" in somebody.last.text
    somebody.presses("免费加入")
    assert sponsor_of(one_house, "somebody") == "lin"


def test_whoever_came_by_a_product_link_joins_the_team_of_its_owner(one_house: House):
    somebody = one_house.stranger(name="小雨")
    shown = somebody.opens(one_house.code("jun", "product", "SERUM-30"))
    assert "樱花玻尿酸精华" in shown.text
    assert "佣金" not in shown.text
    assert shown.picture is not None
    assert any(button.url and button.url.endswith(f"ref={one_house.code('jun', 'product', 'SERUM-30')}")
               for button in shown.buttons)  # fmt: skip
    somebody.presses("我也想卖")
    somebody.presses("免费加入")
    assert sponsor_of(one_house, "somebody") == "jun"


def test_the_way_to_buy_leads_to_the_product_whatever_its_sku_is_spelled_with(one_house: House):
    sku = "茶/30?a=1&ref=x#y"
    with one_house.database.transaction() as db:
        db.execute(update(Product).where(Product.sku == "MASK-10").values(sku=sku))
    code = one_house.code("jun", "product", sku)
    shown = one_house.stranger().opens(code)
    [url] = [button.url for button in shown.buttons if button.url]
    assert url == f"https://shop.example/shop/{quote(sku, safe='')}?ref={code}"


def test_an_invitation_counts_more_than_a_product_link_seen_before(one_house: House):
    somebody = one_house.stranger(name="小雨")
    somebody.opens(one_house.code("jun", "product", "SERUM-30"))
    somebody.opens(one_house.code("lin", "invite"))
    somebody.presses("免费加入")
    assert sponsor_of(one_house, "somebody") == "lin"


def test_a_code_can_be_typed_by_hand(one_house: House):
    somebody = one_house.stranger()
    assert "小林 邀请你" in somebody.says(one_house.code("lin", "invite")).text
    assert "没有找到「Nonsense1」" in somebody.says("Nonsense1").text
    assert "我想卖货" in somebody.labels()


def test_a_stranger_who_writes_what_they_look_for_finds_it(one_house: House):
    somebody = one_house.stranger(locale="en")
    assert "1 match for “面膜”" in somebody.says("面膜").text
    assert "Sakura hyaluron serum" in somebody.says("serum").text
    assert "Welcome to Global Mall" in somebody.says("how do you do").text


def test_whoever_has_no_name_on_their_channel_is_asked_for_one(one_house: House):
    somebody = one_house.stranger(channel="wechat")
    somebody.opens(one_house.code("lin", "invite"))
    assert "怎么称呼你" in somebody.says("1").text
    assert "欢迎你，小雨" in somebody.says(" 小雨 ").text


def test_without_an_invitation_one_joins_with_nobody_above(one_house: House):
    somebody = one_house.stranger(name="Ann", locale="en")
    assert "Welcome to Global Mall" in somebody.says("hello there").text
    somebody.presses("Sell")
    assert "invites you" not in somebody.last.text
    somebody.presses("Join for free")
    assert sponsor_of(one_house, "somebody") is None


def test_a_customer_who_wants_to_sell_becomes_a_distributor_and_keeps_their_orders(one_house: House):
    an = one_house.talk("an")
    an.opens(one_house.code("mei", "invite"))
    an.presses("免费加入")
    customer = one_house.member("an")
    with one_house.database.transaction() as db:
        profile = members.profile(db, customer)
    assert (profile.role, profile.buyer_id, profile.sponsor_member_id) == ("distributor", "u-77", "mei")
    assert "樱花玻尿酸精华" in an.taps("parcels").text


def test_a_distributor_stays_with_their_sponsor_whatever_they_open_later(one_house: House):
    jun = one_house.talk("jun")
    assert "已经是分销商" in jun.opens(one_house.code("mei", "invite")).text
    younger, elder = one_house.member("jun"), one_house.member("lin")
    with one_house.database.transaction() as db:
        assert network.upline(db, younger)[0] == elder


def test_an_order_code_makes_a_customer_who_is_told_of_each_step(one_house: House):
    one_house.sells("B-1", one_house.code("lin", "shop"), one_house.now, {"OIL-5": 1}, buyer="u-new")
    buyer = one_house.stranger(name="买家")
    shown = buyer.opens(one_house.order_code("B-1"))
    assert "每走一步我都告诉你" in shown.text
    assert "✓ 已付款" in shown.text
    assert "○ 已发货" in shown.text
    one_house.happens("order.delivered", "B-1", at="2026-11-23T03:00:00Z")
    with one_house.database.transaction() as db:
        row = db.execute(select(Member.id, Member.role).where(Member.buyer_id == "u-new")).one()
        told = db.scalars(select(Outbox.text_key).where(Outbox.member_id == row.id)).all()
    assert row.role == "customer"
    assert "notice.order_delivered" in told
    assert "特级初榨橄榄油　已签收" in buyer.taps("parcels").text
