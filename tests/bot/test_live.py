"""A screen that shows how an announcement goes stays true while it goes: on the chat page and on Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.database import Database
from bot.live import LiveScreens
from bot.rendering import Texts
from domain.messages import announcements
from domain.schema import Announcement, LiveScreen, Member, Outbox
from handlers.routing import Reply
from tests.handlers.house import SHOP, ZONE, House, furnish

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class Wall:
    """A channel on which screens are put up."""

    def __init__(self) -> None:
        self.shown: list[tuple[str | None, str]] = []

    async def refresh(self, contact_id: int, account: str, message: str | None, screen: Reply, locale: str) -> None:
        self.shown.append((message, Texts(ZONE).render(screen, locale).text))


@pytest.fixture
def house(sqlite_url: str) -> House:
    house = House(Database(sqlite_url), NOW)
    furnish(house)
    return house


def live(house: House, channels: Mapping[str, object], *, may: bool = True) -> LiveScreens:
    return LiveScreens(house.database, channels, SHOP, lambda: house.now, lambda _: may)


def becomes(house: House, state: str) -> None:
    with house.database.transaction() as db:
        newest = db.scalar(select(Announcement.id).order_by(Announcement.id.desc()).limit(1))
        assert newest is not None
        if state == "queued":
            announcements.enqueue_chunk(db, newest, now=house.now)
        else:
            mine = update(Outbox).where(Outbox.announcement_id == newest)
            db.execute(mine.values(state=state, finished_at=house.now))


def watching(house: House) -> int:
    with house.database.transaction() as db:
        return len(db.scalars(select(LiveScreen.contact_id)).all())


async def test_it_is_shown_when_it_changes_until_it_is_over(house: House):
    await asyncio.to_thread(house.database.read_now, lambda _: None)
    ops = house.talk("ops", "telegram", "en")
    ops.says("announce")
    ops.says("Good news for all of you")
    ops.says("distributors")
    ops.says("send")
    wall = Wall()
    screens = live(house, {"telegram": wall})
    await screens.look()
    await screens.look()
    assert len(wall.shown) == 1, "nothing has changed"
    becomes(house, "queued")
    becomes(house, "sent")
    await screens.look()
    assert "Done" in wall.shown[-1][1]
    assert "2 / 2" in wall.shown[-1][1]
    assert watching(house) == 0
    await screens.look()
    assert len(wall.shown) == 2


async def test_who_has_gone_elsewhere_is_left_alone(house: House):
    ops = house.talk("ops", "telegram")
    ops.says("发公告")
    ops.says("大家好，今天有好消息")
    ops.says("分销商")
    ops.says("确认")
    ops.says("首页")
    wall = Wall()
    await live(house, {"telegram": wall}).look()
    assert wall.shown == []
    assert watching(house) == 0


@pytest.mark.parametrize("taken", [{"operator": False}, {"status": "suspended"}])
async def test_who_is_no_operator_any_more_sees_no_more_of_it(house: House, taken: dict[str, Any]):
    ops = house.talk("ops", "telegram")
    for said in ("发公告", "大家好，今天有好消息", "分销商", "确认"):
        ops.says(said)
    with house.database.transaction() as db:
        db.execute(update(Member).where(Member.member_id == "ops").values(taken))
    wall = Wall()
    await live(house, {"telegram": wall}).look()
    assert wall.shown == []
    assert watching(house) == 0


async def test_a_process_that_is_not_the_one_shows_nothing(house: House):
    ops = house.talk("ops", "telegram")
    ops.says("发公告")
    ops.says("大家好，今天有好消息")
    ops.says("分销商")
    ops.says("确认")
    wall = Wall()
    await live(house, {"telegram": wall}, may=False).look()
    assert wall.shown == []
    assert watching(house) == 1


async def test_a_channel_that_cannot_is_asked_again_by_hand(house: House):
    ops = house.talk("ops", "wechat")
    for said in ("发公告", "大家好，今天有好消息", "分销商", "确认"):
        ops.says(said)
    await live(house, {"wechat": object()}).look()
    becomes(house, "queued")
    becomes(house, "sent")
    answer: Any = ops.presses("刷新").text
    assert "发完了" in answer


def sent_out(house: House) -> None:
    becomes(house, "queued")
    becomes(house, "sent")


async def test_the_end_is_shown_by_the_process_that_may(house: House):
    ops = house.talk("ops", "telegram")
    for said in ("发公告", "大家好，今天有好消息", "分销商", "确认"):
        ops.says(said)
    sent_out(house)
    other, wall = Wall(), Wall()
    await live(house, {"telegram": other}, may=False).look()
    await live(house, {"telegram": wall}).look()
    assert other.shown == []
    assert "发完了" in wall.shown[0][1]
    assert watching(house) == 0


class Broken:
    async def refresh(self, *_: object) -> None:
        raise LookupError("no such chat")


async def test_one_that_cannot_be_shown_is_in_nobodys_way(house: House):
    for channel in ("telegram", "webchat"):
        ops = house.talk("ops", channel)
        for said in ("发公告", "大家好，今天有好消息", "分销商", "确认"):
            ops.says(said)
    wall = Wall()
    await live(house, {"telegram": Broken(), "webchat": wall}).look()
    assert len(wall.shown) == 1


async def test_who_goes_elsewhere_meanwhile_keeps_what_they_look_at(house: House):
    """Two screens were counted; while the first is shown, the second's operator opens another one."""
    first, second = house.talk("ops", "telegram"), house.talk("ops", "webchat")
    for talk in (first, second):
        for said in ("发公告", "大家好，今天有好消息", "分销商", "确认"):
            talk.says(said)

    class Slow(Wall):
        async def refresh(self, *shown: Any) -> None:
            await super().refresh(*shown)
            second.says("首页")

    slow, wall = Slow(), Wall()
    await live(house, {"telegram": slow, "webchat": wall}).look()
    assert len(slow.shown) == 1
    assert wall.shown == []
