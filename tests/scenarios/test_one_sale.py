"""One sale, end to end, on every channel: the same story in Chinese and in English, on both databases."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from domain.money import Money
from domain.people import members
from domain.periods import format_instant
from tests.scenarios.mall import SERUM, Clock, Mall, free_port, open_mall
from tests.scenarios.talkers import PHRASES, Stage, Talker, stage

NAMES = {"zh": ("小梅", "小林", "阿俊", "小白"), "en": ("May", "Lynn", "Jun", "Bai")}
SHOWN = {"zh": str(SERUM["name"]), "en": str(SERUM["name_en"])}
ANNOUNCED = {"zh": "双十二清关会慢两天，请提前告诉客户。", "en": "Customs will take two days longer in December."}


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("channel", ["telegram", "wechat", "webchat"])
async def test_one_sale_from_the_invitation_to_the_refund(database_url: str, channel: str, locale: str):
    clock = Clock()
    async with (
        stage(channel, clock) as people,
        open_mall(database_url, clock, port := free_port(), **people.environ()) as mall,
    ):
        people.opened(mall.base)
        assert str(port) in mall.base
        await Story(mall, people, locale).happens()


class Story:
    """Mei has a shop and invites Lin, Lin invites Jun; Jun sells, and all three earn."""

    def __init__(self, mall: Mall, people: Stage, locale: str) -> None:
        self.mall, self.people, self.locale = mall, people, locale
        mei, lin, jun, bai = NAMES[locale]
        self.mei, self.lin, self.jun, self.bai = (people.talker(name, locale) for name in (mei, lin, jun, bai))

    async def happens(self) -> None:
        await self.the_house_opens()
        await self.joins(self.lin, await self.invitation(self.mei))
        await self.mei.hears(self.say("notice.downline_joined", name=self.lin.name))
        await self.joins(self.jun, await self.invitation(self.lin))
        link = await self.shares(self.jun)
        await self.is_sold(link)
        await self.earns_at_three_levels()
        await self.sees_why(self.jun)
        await self.is_completed()
        await self.becomes_payable()
        await self.falls_back()
        await self.has_tasks(self.mei)
        await self.announces()
        await self.mall.is_in_order()

    async def the_house_opens(self) -> None:
        """Scripts bring the merchant in, the command line the first operator."""
        mei, bai, now = self.mei, self.bai, self.mall.clock()
        known = {"channel": self.people.channel, "account": mei.account, "locale": self.locale}
        await self.mall.put("members", {"member_id": "mei", "name": mei.name, "role": "merchant", **known})
        await self.mall.app.database.write(
            lambda db: members.grant_operator(db, self.people.channel, bai.account, actor="test", now=now)
        )
        assert self.say("home.hello", name=mei.name) in (await mei.starts()).text
        await bai.starts()
        await bai.says(PHRASES.word(self.locale, "desk"))

    async def invitation(self, talker: Talker) -> str:
        """The code that somebody passes on to a friend."""
        shown = await talker.says(PHRASES.word(self.locale, "invite"))
        found = re.search(r"/chat\?invite=(\w+)", shown.text)
        assert found, shown.text
        return found[1]

    async def joins(self, talker: Talker, code: str) -> None:
        invited = await talker.starts(code)
        assert self.say("join.free") in invited.text
        shown = await talker.taps(self.say("join.yes"))
        if self.say("join.ask_name") in shown.text:
            shown = await talker.says(talker.name)
        assert self.say("join.welcome", name=talker.name) in shown.text
        home = await talker.taps(self.say("button.home"))
        assert self.say("home.hello", name=talker.name) in home.text

    async def shares(self, talker: Talker) -> str:
        """Pick the serum; take its link, and a poster whose code leads the same way."""
        await talker.taps(self.say("menu.products"))
        product = await talker.taps(SHOWN[self.locale])
        assert self.say("product.earn", amount=_yuan(20_30)) in product.text
        assert self.say("product.earn_team", second=_yuan(8_70), third=_yuan(2_90)) in product.text
        shared = await talker.taps(self.say("product.share"))
        found = re.search(r"http://\S+/r/\w+", shared.text)
        assert found, shared.text
        poster = await talker.taps(self.say("share.poster"))
        assert poster.picture, poster
        assert _qr_code(poster.picture) == found[0]
        return found[0]

    async def is_sold(self, link: str) -> None:
        """A visitor follows the link to the shop and buys there."""
        code = link.rsplit("/", 1)[1]
        assert await self.mall.visit(link) == f"https://shop.example.com/p/{SERUM['sku']}?ref={code}"
        paid = {"buyer_id": "u-77", "ref": code, "currency": "CNY", "paid_at": format_instant(self.mall.clock())}
        item = {"sku": SERUM["sku"], "quantity": 1, "amount": SERUM["price"]}
        await self.mall.happens("order.paid", "A-1001", **paid, items=[item], shipping=12_00)

    async def earns_at_three_levels(self) -> None:
        """35, 15 and 5 per cent of the margin of ¥58."""
        for level, (talker, amount) in enumerate(((self.jun, 20_30), (self.lin, 8_70), (self.mei, 2_90)), 1):
            told = {"amount": _yuan(amount), "level": level, "order_id": "A-1001", "more": 0}
            product = {"product": SERUM["name"], "product_en": SERUM["name_en"]}
            await talker.hears(self.say("notice.commission_earned", **told, **product))
        await self.lin.hears(self.say("notice.first_sale", member=self.jun.name, order_id="A-1001"))
        assert self.say("earnings.estimated", amount=_yuan(20_30)) in (await self.earnings(self.jun))

    async def sees_why(self, talker: Talker) -> None:
        await talker.taps(self.say("earnings.list"))
        shown = await talker.taps(SHOWN[self.locale])
        assert "A-1001" in shown.text
        assert self.say("why.amount", level=1, base=_yuan(58_00), rate="35%", amount=_yuan(20_30)) in shown.text

    async def is_completed(self) -> None:
        await self.mall.happens("order.completed", "A-1001", completed_at=format_instant(self.mall.clock()))
        shown = await self.earnings(self.jun)
        assert self.say("earnings.pending", amount=_yuan(20_30)) in shown
        assert self.say("earnings.payable", amount=_yuan(0)) in shown

    async def becomes_payable(self) -> None:
        self.mall.clock.advance(days=6, hours=23)
        await self.mall.runs("settle")
        assert self.say("earnings.payable", amount=_yuan(0)) in await self.earnings(self.jun)
        self.mall.clock.advance(hours=2)
        await self.mall.runs("settle")
        for talker, amount in ((self.jun, 20_30), (self.lin, 8_70), (self.mei, 2_90)):
            await talker.hears(self.say("notice.commission_payable", amount=_yuan(amount)))
            assert self.say("earnings.payable", amount=_yuan(amount)) in await self.earnings(talker)

    async def falls_back(self) -> None:
        item = {"sku": SERUM["sku"], "quantity": 1, "amount": SERUM["price"]}
        at = format_instant(self.mall.clock())
        await self.mall.happens("order.refunded", "A-1001", refund_id="R-1", at=at, items=[item])
        reversed_ = self.say("notice.commission_refunded", order_id="A-1001", amount=_yuan(20_30), left=_yuan(0))
        await self.jun.hears(reversed_)
        assert self.say("earnings.payable", amount=_yuan(0)) in await self.earnings(self.jun)

    async def has_tasks(self, talker: Talker) -> None:
        self.mall.clock.advance(hours=1)
        await self.mall.runs("morning_tasks")
        title = "带来今天的第一位访客" if self.locale == "zh" else "Bring today's first visitor"
        assert title in await talker.hears(title)
        today = await talker.says(PHRASES.word(self.locale, "tasks"))
        assert title in today.text

    async def announces(self) -> None:
        """Written, looked at, its audience chosen, confirmed; it reaches everybody who joined."""
        bai, text = self.bai, ANNOUNCED[self.locale]
        await bai.says(PHRASES.word(self.locale, "announce"))
        preview = await bai.says(text)
        assert text in preview.text
        confirm = await bai.taps(self.say("audience.all"))
        assert text in confirm.text
        await bai.taps(self.say("announce.send"))
        await self.mall.runs("announcements")
        for talker in (self.mei, self.lin, self.jun):
            await talker.hears(self.say("announcement", text=text))

    async def earnings(self, talker: Talker) -> str:
        return (await talker.says(PHRASES.word(self.locale, "earnings"))).text

    def say(self, key: str, **params: object) -> str:
        return PHRASES.say(self.locale, key, **params)


def _yuan(minor: int) -> Money:
    return Money(minor, "CNY")


def _qr_code(picture: bytes) -> str:
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return str(cv2.QRCodeDetector().detectAndDecode(image)[0])
