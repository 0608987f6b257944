"""What could not be pushed on WeChat is offered at the next contact: counted, money first, in pages that fit."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from bot.rendering import numbered
from domain.messages import announcements, digest, outbox
from domain.money import Money
from domain.people import members
from domain.schema import Outbox
from domain.wording import to_json
from tests.handlers.house import House, Talk


def piled_up(house: House, member_id: str, *kept: tuple[str, int, dict[str, Any]], said: str = "") -> None:
    """These notices, each text key with its priority and values, were kept; perhaps an announcement too."""
    member, now = house.member(member_id), house.now
    same = {"member_id": member, "category": "business", "attempts": 0, "state": "deferred", "not_before": now,
            "created_at": now, "announcement_id": None}  # fmt: skip
    with house.database.transaction() as db:
        db.execute(delete(Outbox))
        rows = [
            same | {"key": f"kept:{n}", "text_key": key, "priority": priority, "params": to_json(params)}
            for n, (key, priority, params) in enumerate(kept)
        ]
        if said:
            made = announcements.schedule(db, said, "all", now, by="cli", now=now)
            rows.append(same | {"key": "said", "text_key": "announcement", "params": {}, "announcement_id": made,
                                "priority": outbox.ANNOUNCEMENTS})  # fmt: skip
        db.execute(insert(Outbox), rows)


def on_wechat(talk: Talk) -> str:
    """The screen as WeChat shows it."""
    return numbered(talk.last, "回复数字选择")


DELIVERED = [("notice.order_delivered", outbox.STEPS, {"order_id": f"K-{n}"}) for n in range(5)]
TASKS = ("notice.tasks_evening", outbox.TASKS, {"tasks": ["· 20 位访客"]})
PAYABLE = ("notice.commission_payable", outbox.MONEY, {"amount": Money(3870, "CNY")})


@pytest.mark.parametrize(
    ("locale", "home", "offer", "order"),
    [
        (
            "zh",
            "首页",
            "订单和佣金 1 条\n· 任务 1 条\n· 公告 1 条",
            ("订单和佣金】", "38.70", "任务】", "访客", "公告】", "双十一"),
        ),
        (
            "en",
            "home",
            "orders and commissions: 1\n· tasks: 1\n· announcements: 1",
            ("COMMISSIONS", "38.70", "TASKS", "ANNOUNCEMENTS"),
        ),
    ],
)
def test_the_digest_is_counted_and_money_comes_first(
    house: House, locale: str, home: str, offer: str, order: tuple[str, ...]
):
    lin = house.talk("lin", channel="wechat", locale=locale)
    piled_up(house, "lin", TASKS, PAYABLE, said="双十一清关会慢两天。")
    assert offer in lin.says(home).text
    digest = lin.says("1").text
    assert [digest.index(word) for word in order] == sorted(digest.index(word) for word in order), digest
    assert "📬" not in lin.says(home).text + lin.labels()
    with house.database.transaction() as db:
        assert set(db.execute(select(Outbox.state, Outbox.route))) == {("sent", "digest")}


def announced(house: House, member_id: str, **more: Any) -> int:
    """An announcement in two languages was kept for this member, and nothing else."""
    member = house.member(member_id)
    with house.database.transaction() as db:
        db.execute(delete(Outbox))
        made = announcements.schedule(
            db, "双十一清关会慢两天。", "all", house.now, text_en="Customs are slow.", by="cli", now=house.now, **more
        )
        announcements.enqueue_chunk(db, made, now=house.now)
        db.execute(update(Outbox).where(Outbox.member_id == member).values(state="deferred"))
    return made


def test_each_reads_a_kept_announcement_in_their_language(house: House):
    for locale, word, text in (("zh", "未读", "双十一清关"), ("en", "unread", "Customs are slow")):
        lin = house.talk("lin", channel="wechat", locale=locale)
        announced(house, "lin")
        assert text in lin.says(word).text


def test_what_was_called_off_meanwhile_is_neither_counted_nor_shown(house: House):
    lin = house.talk("lin", channel="wechat")
    made = announced(house, "lin")
    assert "1 条" in lin.says("首页").text
    with house.database.transaction() as db:
        announcements.cancel(db, made, now=house.now)
    assert "📬" not in lin.says("首页").text
    assert "没有未读" in lin.says("未读").text


def test_what_was_muted_meanwhile_is_neither_counted_nor_shown(house: House):
    lin = house.talk("lin", channel="wechat")
    announced(house, "lin")
    member = house.member("lin")
    with house.database.transaction() as db:
        members.mute(db, member, "promotion")
    assert "📬" not in lin.says("首页").text
    assert "没有未读" in lin.says("未读").text


def test_what_goes_out_another_way_at_the_same_moment_is_not_read_as_well(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    if house.database.sqlite:
        pytest.skip("SQLite has one writer")
    lin, phone = house.talk("lin", channel="wechat"), house.talk("lin", channel="telegram")
    lin.says("首页")
    piled_up(house, "lin", PAYABLE)
    fitting = digest._fitting

    def meanwhile(sizes: list[int], room: int) -> int:
        """The page is chosen, and not taken yet, when the same member writes on Telegram."""
        phone.says("首页")
        return fitting(sizes, room)

    monkeypatch.setattr(digest, "_fitting", meanwhile)
    assert "38.70" not in lin.says("未读").text
    with house.database.transaction() as db:
        assert list(db.scalars(select(Outbox.state))) == ["queued"]


def test_what_was_kept_is_read_in_turn_and_only_once(one_house: House):
    lin = one_house.talk("lin", channel="wechat")
    piled_up(one_house, "lin", *DELIVERED)
    lin.says("首页")
    first = lin.presses("查看 5 条未读").text
    assert "还剩 1 条" in first
    assert all(f"K-{n}" in first for n in range(4))
    assert "K-4" in lin.says("1").text
    assert "没有未读" in lin.says("未读").text


def test_a_list_keeps_its_numbers_and_offers_the_digest_after_them(one_house: House):
    lin = one_house.talk("lin", channel="wechat")
    piled_up(one_house, "lin", PAYABLE)
    lin.says("选品")
    assert "\n1. " in lin.last.text
    assert "查看 1 条未读" in on_wechat(lin)
    assert "蜂蜜" in lin.says("1").text
    assert "38.70" in lin.presses("未读").text


def test_every_page_of_a_long_digest_fits_into_one_message(one_house: House):
    lin = one_house.talk("lin", channel="wechat")
    parcel = {"carrier": "顺丰速运", "tracking_number": "SF" + "7" * 14}
    parcels = [("notice.order_shipped", outbox.STEPS, parcel | {"order_id": f"A-{n:06}"}) for n in range(30)]
    piled_up(one_house, "lin", *parcels, said="好" * 450)
    lin.says("首页")
    pages = 0
    while "未读" in on_wechat(lin) or "再看" in on_wechat(lin):
        lin.says("1")
        pages += 1
        assert len(on_wechat(lin).encode()) <= 2048
        assert pages < 20
        if "这是全部" in lin.last.text:
            break
    assert "好好好" in lin.last.text
    assert pages >= 5
