"""What operators' screens count is counted by readers: nobody's answer waits while everybody is looked through."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, func, select, update

from bot.database import Database
from domain.messages import announcements
from domain.schema import Announcement, Outbox
from handlers.routing import Incoming
from tests.handlers.house import House, furnish

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    house = House(Database(database_url), NOW)
    furnish(house)
    yield house
    house.database.close()


class Operator:
    """Talks as the loop lets people talk, while it is noted what the writer has to count."""

    def __init__(self, house: House) -> None:
        self.house, self.counted, self.numbers = house, list[str](), itertools.count()
        self.account = house.talk("ops", "telegram").account
        event.listen(house.database.writing, "before_cursor_execute", self._note)

    def _note(self, *heard: object) -> None:
        statement = " ".join(str(heard[2]).split())
        if "count(" in statement and any(f"FROM {table} " in statement for table in ("member", "outbox")):
            self.counted.append(statement)

    async def does(self, text: str = "", action: str | None = None) -> str:
        key = f"look-{next(self.numbers)}"
        incoming = Incoming("telegram", self.account, key, text, action=action, locale="zh")
        return (await self.house.gateway.handle(incoming)).rendered.text


def newest(house: House) -> int:
    return house.database.read_now(lambda db: db.execute(select(func.max(Announcement.id))).scalar_one())


def put_out(house: House, state: str) -> int:
    which = newest(house)
    with house.database.transaction() as db:
        announcements.enqueue_chunk(db, which, now=NOW)
        db.execute(update(Outbox).where(Outbox.announcement_id == which).values(state=state, finished_at=NOW))
    return which


async def test_no_screen_of_an_announcement_lets_the_writer_count(house: House) -> None:
    ops = Operator(house)
    await ops.does("发公告")
    assert "大家好，今天有好消息" in await ops.does("大家好，今天有好消息")
    assert "分销商，2 人" in await ops.does("分销商")
    assert "2" in await ops.does("确认")
    first = put_out(house, "failed")
    assert "2 / 2" in await ops.does(action=f"announce_progress:{first}")
    assert "2" in await ops.does(action=f"announce_report:{first}")
    assert "再发" in await ops.does(action=f"announce_again:{first}")
    assert "0 / 2" in await ops.does(action=f"announce_resend:{first}:f")
    second = newest(house)
    assert second != first
    stopped = await ops.does(action=f"announce_stop:{second}")
    assert stopped == await ops.does(action=f"announce_progress:{second}")
    for action in ("audience_build:new", "audience_field:role", "audience_set:role:merchant", "audience_use"):
        await ops.does(action=action)
    for action in ("audience_build", "audience_save"):
        await ops.does(action=action)
    await ops.does("商家们")
    for action in ("audiences", "audience:1", "audience_take:1"):
        await ops.does(action=action)
    assert ops.counted == []


async def test_what_is_not_there_is_refused_as_ever(house: House) -> None:
    ops = Operator(house)
    nothing = await ops.does(action="announce_progress:999")
    assert nothing == await ops.does(action="announce_report:999") == await ops.does(action="announce_again:999")
