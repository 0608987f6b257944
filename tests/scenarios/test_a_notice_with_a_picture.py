"""Monday's summary with its picture on every channel: a photo on Telegram, a link on WeChat, in the web chat's line."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from domain.periods import local_date
from domain.work import task_summary
from domain.work.streaks import Streak
from domain.work.task_summary import Portion, Summary, Week
from tests.scenarios.mall import ZONE, Clock, Mall, free_port, open_mall
from tests.scenarios.talkers import PHRASES, Stage, Talker, TelegramTalker, WebTalker, stage


@pytest.mark.parametrize(("channel", "locale"), [("telegram", "en"), ("wechat", "zh"), ("webchat", "en")])
async def test_the_summary_of_the_week_comes_with_its_picture(sqlite_url: str, channel: str, locale: str):
    clock = Clock()
    async with (
        stage(channel, clock) as people,
        open_mall(sqlite_url, clock, port := free_port(), **people.environ()) as mall,
    ):
        people.opened(mall.base)
        assert str(port) in mall.base
        mei = people.talker("May", locale)
        await _opens(mall, people, mei)
        await mall.app.database.write(lambda db: task_summary.tell(db, _portion(mall), now=clock()))
        mall.app.wake_delivery()
        said = await mei.hears(PHRASES.say(locale, "week.same"))
        assert PHRASES.say(locale, "week.streak", n=3) in said
        assert Image.open(BytesIO(await _picture(mall, mei, said))).size == (900, 600)


async def _opens(mall: Mall, people: Stage, mei: Talker) -> None:
    known = {"channel": people.channel, "account": mei.account, "locale": mei.locale}
    await mall.put("members", {"member_id": "mei", "name": mei.name, "role": "merchant", **known})
    await mei.starts()


def _portion(mall: Mall) -> Portion:
    monday = task_summary.monday_of(local_date(mall.clock(), ZONE)) - timedelta(days=7)
    week = Week(monday, [4, 12, 0, 9, 31, 6, 14], [0, 1, 0, 0, 3, 0, 1], done=9, given=14, points=95)
    before = Week(monday - timedelta(days=7), [3, 8, 11, 2, 20, 9, 1], [0, 5, 0, 0, 0, 0, 0])
    return Portion({1: Summary(week, before, Streak(3, 8))}, 1, more=False)


async def _picture(mall: Mall, mei: Talker, said: str) -> bytes:
    """The picture that came with what was said, as the person's app gets it."""
    link = re.search(r"http://\S+/wechat/pictures/\S+", said)
    if link is not None:
        async with mall.http.get(link[0]) as answer:
            assert answer.status == 200
            return await answer.read()
    if isinstance(mei, TelegramTalker):
        photo = (await mei._user.hears(said[:9])).photo
        assert photo is not None
        return photo
    assert isinstance(mei, WebTalker)
    path = next(one["picture"] for one in mei._messages.values() if one["text"] == said)
    async with mall.http.get(mall.base + path, headers=mei._headers()) as answer:
        assert answer.status == 200
        return await answer.read()
