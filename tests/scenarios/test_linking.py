"""One person on Telegram, WeChat and the chat page: one account, and every notice where it is wanted."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any

import pytest

from domain.money import Money
from domain.periods import format_instant
from tests.scenarios.mall import SERUM, Clock, Mall, free_port, open_mall
from tests.scenarios.talkers import PHRASES, Talker, TelegramStage, TelegramTalker, stage

CHANNELS = ("telegram", "wechat", "webchat")
NEWS = {"zh": "双十二清关会慢两天。", "en": "Customs will take two days longer."}


@pytest.mark.parametrize("locale", ["zh", "en"])
async def test_one_person_on_three_channels(sqlite_url: str, locale: str):
    clock, port = Clock(), free_port()
    async with AsyncExitStack() as open_:
        telegram, wechat, web = [await open_.enter_async_context(stage(name, clock)) for name in CHANNELS]
        environ = telegram.environ() | wechat.environ() | web.environ()
        mall = await open_.enter_async_context(open_mall(sqlite_url, clock, port, **environ))
        for one in (telegram, wechat, web):
            one.opened(mall.base)
        assert isinstance(telegram, TelegramStage)
        lin = telegram.talker("Lin", locale), wechat.talker("Lin", locale), web.talker("Lin", locale)
        await Story(mall, *lin, locale).happens()


class Story:
    """Lin sells on Telegram, connects WeChat and the page, wants notices on Telegram, and blocks it for a while."""

    def __init__(self, mall: Mall, telegram: TelegramTalker, wechat: Talker, web: Talker, locale: str) -> None:
        self.mall, self.locale = mall, locale
        self.telegram, self.wechat, self.web = telegram, wechat, web
        self.sold = 0

    async def happens(self) -> None:
        known = {"channel": "telegram", "account": self.telegram.account, "locale": self.locale}
        await self.mall.put("members", {"member_id": "lin", "name": "Lin", "role": "distributor", **known})
        await self.telegram.starts()
        self.link = await self.shop_link()
        await self.connects(self.wechat, typed=True)
        await self.connects(self.web, typed=False)
        await self.sells()
        await self.web.hears(self.earned())  # the chat used last
        await self.wants_telegram()
        await self.sells()
        await self.telegram.hears(self.earned())
        await self.blocks_telegram()
        await self.sells()
        await self.web.hears(self.earned())  # the next in the order
        await self.announces()
        await self.returns()
        await self.sells()
        await self.telegram.hears(self.earned())
        await self.is_silent_on_wechat()
        await self.parts(self.web)
        await self.mall.is_in_order()

    async def shop_link(self) -> str:
        shown = await self.telegram.says(PHRASES.word(self.locale, "share_shop"))
        found = re.search(r"/r/(\w+)", shown.text)
        assert found, shown.text
        return found[1]

    async def connects(self, talker: Talker, *, typed: bool) -> None:
        """Ask for a code on Telegram; on the other channel type it, or open its link."""
        asked = await self.telegram.says(PHRASES.word(self.locale, "channel_new"))
        found = re.search(r"LK\w{8}", asked.text)
        assert found, asked.text
        if typed:
            await talker.starts()
            offered = await talker.says(found[0])
        else:
            assert f"/chat?invite={found[0]}" in asked.text
            offered = await talker.starts(found[0])
        assert self.say("channels.will_join") in offered.text
        joined = await talker.taps(self.say("channels.yes"))
        assert self.say("channels.joined", name="Lin") in joined.text
        home = await talker.taps(self.say("button.home"))
        assert self.say("home.hello", name="Lin") in home.text
        told = self.say("notice.channel_joined", channel=self.channel(talker), account="|")
        await self.telegram.hears(told.split("|")[0])

    async def sells(self) -> None:
        self.sold += 1
        paid = {"buyer_id": f"u-{self.sold}", "ref": self.link, "currency": "CNY"}
        item = {"sku": SERUM["sku"], "quantity": 1, "amount": SERUM["price"]}
        at = format_instant(self.mall.clock())
        await self.mall.happens("order.paid", f"A-{self.sold}", **paid, paid_at=at, items=[item], shipping=0)

    def earned(self) -> str:
        told: dict[str, Any] = {"amount": Money(20_30, "CNY"), "level": 1, "order_id": f"A-{self.sold}", "more": 0}
        product = {"product": SERUM["name"], "product_en": SERUM["name_en"]}
        return self.say("notice.commission_earned", **told, **product)

    async def wants_telegram(self) -> None:
        await self.web.says(PHRASES.word(self.locale, "first_channel"))
        chosen = await self.web.taps("Telegram")
        assert self.say("settings.first", channel="Telegram") in chosen.text

    async def blocks_telegram(self) -> None:
        await self.telegram.blocks()
        chats = await self.web.says(PHRASES.word(self.locale, "channels"))
        gone = self.say("channels.line_gone", account="Telegram", at="").split("Telegram")[1].rstrip()
        assert gone.strip(" ，,·　") in chats.text

    async def announces(self) -> None:
        """What can wait is kept for Telegram, and for whichever chat comes first."""
        await self.mall.post("announcements", text=NEWS[self.locale], audience="distributors")
        await self.mall.runs("announcements")

    async def returns(self) -> None:
        await self.telegram.returns()
        await self.telegram.hears(NEWS[self.locale])

    async def is_silent_on_wechat(self) -> None:
        """Wanted on WeChat, whose window is shut by now: what cannot wait comes on the next channel."""
        await self.telegram.says(PHRASES.word(self.locale, "first_channel"))
        await self.telegram.taps(self.channel(self.wechat))
        self.mall.clock.advance(hours=50)
        await self.sells()
        await self.telegram.hears(self.earned())

    async def parts(self, talker: Talker) -> None:
        await talker.says(PHRASES.word(self.locale, "channels"))
        await talker.taps(self.channel(talker))
        await talker.taps(self.say("channels.part"))
        parted = await talker.taps(self.say("channels.part_yes"))
        assert self.say("channels.parted", account="").strip("✅ .。") in parted.text
        assert self.say("start.choose") in (await talker.says(PHRASES.word(self.locale, "home"))).text

    def channel(self, talker: Talker) -> str:
        name = {id(self.telegram): "telegram", id(self.wechat): "wechat", id(self.web): "webchat"}[id(talker)]
        return self.say(f"channel.{name}")

    def say(self, key: str, **params: object) -> str:
        return PHRASES.say(self.locale, key, **params)
