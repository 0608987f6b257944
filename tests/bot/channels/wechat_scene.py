"""One official account with people before it: the fake WeChat, the shop of the conversation tests, the channel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update

from bot.channels.outcomes import Outcome
from bot.channels.sending import Message, Recipient
from bot.channels.wechat import WeChatChannel, make_channel
from bot.rendering import Rendered
from domain.messages import alerts, allowances
from domain.schema import Contact, Inbox, Member
from tests import someone
from tests.bot.channels.office import Office
from tests.fakes.wechat import APP_ID, APP_SECRET, TOKEN, FakeWeChat
from tests.fakes.wechat_person import Person
from tests.fakes.wechat_wire import to_xml
from tests.handlers.house import House


@dataclass
class Scene:
    fake: FakeWeChat
    office: Office
    channel: WeChatChannel

    def knows(self, person: Person, member_id: str, locale: str = "zh") -> None:
        """The person of this openid is that member."""
        with self.office.database.transaction() as db:
            mine = select(Member.id).where(Member.member_id == member_id).scalar_subquery()
            this = (Contact.channel == "wechat", Contact.account == person.openid)
            db.execute(update(Contact).where(*this).values(member_id=mine, state={}, locale=locale))

    def recipient(self, person: Person) -> Recipient:
        with self.office.database.transaction() as db:
            contact = db.execute(select(Contact.id).where(Contact.account == person.openid)).scalar_one()
        return Recipient(contact, person.openid, "zh")

    async def sends(self, to: Person, key: str, kind: str = "notice.commission_payable", **params: Any) -> Outcome:
        """Push one notice as the delivery does, its text the key."""
        return await self.channel.send(self.recipient(to), Message(key, kind, params, Rendered(f"佣金 {key}")))

    def left(self, person: Person) -> list[str]:
        """The kinds of which the quota book has something left for this person."""
        contact = self.recipient(person).contact_id
        with self.office.database.transaction() as db:
            return allowances.open_kinds(db, contact, now=self.office.clock())

    def followers(self, count: int) -> list[Person]:
        """So many members who follow the account and have just written, without a word to the bot."""
        people = [self.fake.person(f"p{n}", follows=True) for n in range(count)]
        now = self.office.clock()
        with self.office.database.transaction() as db:
            for person in people:
                member = someone.member(db, person.openid)
                contact = someone.chat(db, member, "wechat", person.openid, locale="zh")
                allowances.open_window(db, contact, allowances.MESSAGE, now=now)
                person.opens_window()
        return people

    def alerts(self) -> set[str]:
        with self.office.database.transaction() as db:
            return {one.key for one in alerts.open_alerts(db) if one.key.startswith("wechat")}

    def counted(self) -> tuple[int, int]:
        with self.office.database.transaction() as db:
            inbox = db.scalar(select(func.count()).select_from(Inbox))
            people = db.scalar(select(func.count()).select_from(Member))
            return inbox or 0, people or 0

    def text(self, person: str, text: str, **fields: Any) -> bytes:
        whole = {"ToUserName": self.fake.account, "FromUserName": person, "CreateTime": 1, "MsgType": "text"}
        return to_xml({**whole, "Content": text, "MsgId": 7, **fields})


@asynccontextmanager
async def scene(
    house: House, *, aes_key: str | None = None, settings: dict[str, str] | None = None, **options: Any
) -> AsyncIterator[Scene]:
    async with FakeWeChat(aes_key=aes_key, now=lambda: house.now, **options) as fake:
        environ = {
            "FENXIAO_WECHAT__APP_ID": APP_ID,
            "FENXIAO_WECHAT__APP_SECRET": APP_SECRET,
            "FENXIAO_WECHAT__TOKEN": TOKEN,
            "FENXIAO_WECHAT__API_URL": fake.base_url,
            **({"FENXIAO_WECHAT__AES_KEY": aes_key} if aes_key else {}),
            **(settings or {}),
        }
        office = Office(house, **environ)
        channel = make_channel(office)
        async with office.serving(channel) as url:
            fake.bot_url = f"{url}/wechat"
            await channel.start(may_poll=lambda: True)
            yield Scene(fake, office, channel)


async def seller(at: Scene, openid: str = "o-lin", member_id: str = "lin", locale: str = "zh") -> Person:
    """Somebody who sells already, with the home screen before them."""
    person = at.fake.person(openid)
    await person.follows()
    at.knows(person, member_id, locale)
    await person.says("0")
    return person
