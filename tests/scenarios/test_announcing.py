"""An operator announces on each channel, in both languages: picture, try, audience, quiet hours, a stop, a resend."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import select

from domain.messages.announcements import PREVIEW
from domain.people import members
from domain.schema import Announcement, Contact, Outbox
from tests.scenarios.mall import SERUM, Clock, Mall, free_port, open_mall
from tests.scenarios.talkers import PHRASES, Seen, Stage, stage

ZH = "周五晚八点直播：怎么讲清楚保湿。"
EIGHT = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)  # in Shanghai
EN = "Live on Friday at eight: how to explain hydration."


@pytest.mark.parametrize(
    ("channel", "locale"),
    [
        ("telegram", "en"),
        ("webchat", "zh"),
        ("wechat", "zh"),
        pytest.param("telegram", "zh", marks=pytest.mark.long),
        pytest.param("webchat", "en", marks=pytest.mark.long),
        pytest.param("wechat", "en", marks=pytest.mark.long),
    ],
)
async def test_an_announcement_from_the_first_word_to_those_it_missed(sqlite_url: str, channel: str, locale: str):
    clock = Clock()
    async with AsyncExitStack() as open_:
        people = await open_.enter_async_context(stage(channel, clock))
        mall = await open_.enter_async_context(open_mall(sqlite_url, clock, free_port(), **people.environ()))
        people.opened(mall.base)
        await Story(mall, people, locale).happens()


class Story:
    """It is seven in the morning: everybody sleeps until eight but the operator and Lin, who has no quiet hours."""

    def __init__(self, mall: Mall, people: Stage, locale: str) -> None:
        self.mall, self.people, self.locale = mall, people, locale
        self.ops, self.lin, self.may = (people.talker(name, locale) for name in ("Ops", "Lin", "May"))

    def say(self, key: str, **params: object) -> str:
        return PHRASES.say(self.locale, key, **params)

    async def happens(self) -> None:
        await self.everybody_is_here()
        await self.writes_it()
        await self.chooses_a_picture()
        await self.tries_it()
        await self.builds_an_audience()
        await self.sends_it_and_some_sleep()
        await self.stops_it_and_sends_it_again()
        await self.mall.is_in_order()

    async def everybody_is_here(self) -> None:
        for talker, role in ((self.ops, "customer"), (self.lin, "distributor"), (self.may, "merchant")):
            known = {"channel": self.people.channel, "account": talker.account, "locale": self.locale}
            who = {"member_id": talker.name.lower(), "name": talker.name, "role": role, "tags": ["live"]}
            await self.mall.put("members", who | known)
            await talker.starts()
        database = self.mall.app.database
        ops = await database.read(partial(members.by_member_id, member_id="ops"))
        assert ops is not None
        await database.write(lambda db: members.set_operator(db, ops.id, True, actor="test", now=self.mall.clock()))
        await self.lin.says(PHRASES.word(self.locale, "settings"))
        await self.lin.taps(self.say("settings.quiet_button"))
        await self.lin.taps(self.say("settings.never"))

    async def writes_it(self) -> None:
        first, second = (ZH, EN) if self.locale == "zh" else (EN, ZH)
        await self.ops.says(PHRASES.word(self.locale, "announce"))
        await self.ops.says(first)
        await self.ops.taps(self.say("announce.add_en" if self.locale == "zh" else "announce.add_zh"))
        both = (await self.ops.says(second)).text
        assert ZH in both
        assert EN in both

    async def builds_an_audience(self) -> None:
        await self.ops.taps(self.say("announce.other_audience"))
        await self.ops.taps(self.say("audiences.build"))
        await self.ops.taps(self.say("audience.field.tag"))
        assert self.say("audiences.count", n=3) in (await self.ops.taps("live")).text
        await self.ops.taps(self.say("audiences.done"))
        await self.ops.taps(self.say("audience.field.role"))
        await self.ops.taps(self.say("audience.role.customer"))
        await self.ops.taps(self.say("audiences.only_others"))
        assert self.say("audiences.count", n=2) in (await self._built()).text
        confirm = (await self.ops.taps(self.say("audiences.use"))).text
        assert self.say("announce.held_up", until=EIGHT) in confirm

    async def _built(self) -> Seen:
        await self.ops.taps(self.say("audience.field.tag"))
        return await self.ops.taps(self.say("audiences.done"))

    async def chooses_a_picture(self) -> None:
        await self.ops.says("distributors" if self.locale == "en" else "分销商")
        await self.ops.taps(self.say("announce.picture"))
        await self.ops.says(str(SERUM["sku"]))

    async def tries_it(self) -> None:
        """It comes to this very chat, with the picture, like any other."""
        await self.ops.taps(self.say("announce.try"))
        assert await self._sent_to(PREVIEW) == [(self.people.channel, self.ops.account)]
        await self.ops.taps(self.say("announce.go_on"))

    async def _sent_to(self, audience: str) -> list[tuple[str, str]]:
        """The chats that have got an announcement to this audience, once there is one."""
        sent = (
            select(Contact.channel, Contact.account)
            .join(Outbox, Outbox.contact_id == Contact.id)
            .join(Announcement, Announcement.id == Outbox.announcement_id)
            .where(Announcement.audience == audience, Outbox.state == "sent")
        )
        for _ in range(400):
            if found := await self.mall.app.database.read(
                lambda db: [(row.channel, row.account) for row in db.execute(sent)]
            ):
                return found
            await asyncio.sleep(0.05)
        raise AssertionError("nobody has got it")

    async def sends_it_and_some_sleep(self) -> None:
        seen = await self.ops.taps(self.say("announce.send"))
        assert "0 / 2" in seen.text
        await self.mall.runs("announcements")
        assert self._mine() in await self.lin.hears(self._mine())
        await self._sent_to("custom")
        if self.people.channel == "wechat":  # there a screen stays what it was
            await self.ops.taps(self.say("announce.refresh"))
        else:
            await self.mall.app.live.look()
        await self.ops.hears("1 / 2")

    def _mine(self) -> str:
        return ZH if self.locale == "zh" else EN

    async def stops_it_and_sends_it_again(self) -> None:
        stopped = (await self.ops.taps(self.say("announce.stop"))).text
        assert self.say("announce.count.cancelled", n=1) in stopped
        await self.mall.runs("announcements")
        told = await self.ops.hears(self.say("announce.count.cancelled", n=1))
        assert self._mine()[:8] in told
        await self.ops.says(PHRASES.word(self.locale, "announce"))
        await self.ops.says("1")
        report = await self.ops.taps(self.say("announce.missed", n=1))
        assert self.say("announce.reason.stopped") in report.text
        await self.ops.says("1")
        await self.ops.hears("May (may)" if self.locale == "en" else "May（may）")
        await self.ops.taps(self.say("button.back"))
        await self.ops.taps(self.say("announce.again", n=1))
        await self.ops.taps(self.say("announce.again_yes", n=1))
        self.mall.clock.advance(hours=2)
        await self.mall.runs("announcements")
        assert self._mine() in await self.may.hears(self._mine())
