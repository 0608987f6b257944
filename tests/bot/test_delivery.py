"""Delivery: what is in the outbox reaches people, in order, once, and its fate is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bot.channels.outcomes import Closed, Dead, Outcome, Refused, Retry, Sent, Stop, Unknown
from bot.channels.sending import Message, Recipient, Sender, Shelf
from bot.database import Database
from bot.delivery import Delivery
from bot.locks import Alone
from bot.rendering import Texts
from domain.messages import alerts, announcements, outbox
from domain.messages.outbox import Notice
from domain.schema import ChatMessage, Contact, Outbox
from tests.someone import ZONE, chat, member


@dataclass
class Platform:
    """Stands for a platform: answers as it is told to, else accepts, and remembers what arrived."""

    account: str = "telegram:1"
    rate: float = 1000
    answers: dict[str, list[Outcome]] = field(default_factory=dict)
    arrived: list[tuple[str, str]] = field(default_factory=list)
    slowly: float = 0.0

    async def send(self, to: Recipient, message: Message) -> Outcome:
        await asyncio.sleep(self.slowly)
        told = self.answers.get(to.account)
        outcome = told.pop(0) if told else Sent("1")
        if isinstance(outcome, Sent):
            self.arrived.append((to.account, message.rendered.text))
        return outcome


@dataclass
class Page:
    woken: list[set[int]] = field(default_factory=list)

    def put(self, db: Session, to: Recipient, message: Message, *, now: datetime) -> None:
        body = {"text": message.rendered.text}
        db.execute(insert(ChatMessage).values(contact_id=to.contact_id, outgoing=True, body=body, at=now))

    async def wake(self, contacts: Collection[int]) -> None:
        self.woken.append(set(contacts))


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class House:
    database: Database
    texts: Texts
    telegram: Platform = field(default_factory=Platform)
    wechat: Platform = field(default_factory=lambda: Platform("wechat:1"))
    page: Page = field(default_factory=Page)
    clock: Clock = field(default_factory=Clock)
    delivery: Delivery | None = None

    async def open(self) -> None:
        ways: dict[str, Sender | Shelf] = {"telegram": self.telegram, "wechat": self.wechat, "webchat": self.page}
        self.delivery = Delivery(self.database, self.texts, ways, Alone(), self.clock, locale="zh")
        await self.delivery.start()

    async def close(self) -> None:
        if self.delivery is not None:
            await self.delivery.stop()

    def person(self, name: str, *channels: str, locale: str | None = None, operator: bool = False) -> int:
        """A member, the account on each channel named after them; the first channel was used last."""

        def make(db: Session) -> int:
            made = member(db, name, locale=locale, operator=operator)
            for seen, channel in enumerate(reversed(channels)):
                chat(db, made, channel, name, seen=seen)
            return made

        return self.database.write_now(make)

    def tell(self, *notices: Notice) -> None:
        self.database.write_now(lambda db: outbox.put_all(db, notices, now=self.clock()))

    def states(self) -> dict[str, str]:
        return self.database.read_now(
            lambda db: {row.key: row.state for row in db.execute(select(Outbox.key, Outbox.state))}
        )

    async def until(self, holds: Callable[[], bool], seconds: float = 8) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds():
            assert asyncio.get_running_loop().time() < deadline, self.states()
            await asyncio.sleep(0.02)

    async def settled(self, **states: str) -> None:
        await self.until(lambda: {key: self.states().get(key) for key in states} == states)


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    for locale, hello in (("zh", "你好"), ("en", "Hello")):
        (tmp_path / f"{locale}.toml").write_text(
            f'announcement = "{{text}}"\n[notice]\nhello = "{hello} {{n}}"\n', encoding="utf-8"
        )
    return Texts(ZoneInfo("Asia/Shanghai"), tmp_path)


@pytest.fixture
async def house(database: Database, texts: Texts) -> AsyncIterator[House]:
    house = House(database, texts)
    yield house
    await house.close()


def hello(key: str, to: int, n: int = 1, **more: object) -> Notice:
    return Notice(key, to, "notice.hello", {"n": n}, **more)  # type: ignore[arg-type]


async def test_a_notice_arrives_in_the_readers_language_and_on_the_page_for_who_has_only_that(house: House) -> None:
    anna, lin = house.person("anna", "telegram", locale="en"), house.person("lin", "webchat")
    house.tell(hello("a", anna), hello("l", lin, 2))
    await house.open()
    await house.settled(a="sent", l="sent")
    assert house.telegram.arrived == [("anna", "Hello 1")]
    assert house.database.read_now(lambda db: db.scalars(select(ChatMessage.body)).all()) == [{"text": "你好 2"}]
    assert len(house.page.woken) == 1


async def test_one_chats_messages_keep_their_order_through_a_setback(house: House) -> None:
    anna, lin = house.person("anna", "telegram"), house.person("lin", "telegram")
    house.telegram.answers["anna"] = [Retry(0.01, "recipient", "busy")]
    house.tell(*(hello(f"a{n}", anna, n) for n in range(3)), hello("l", lin))
    await house.open()
    await house.settled(l="sent")
    house.clock.ahead = timedelta(minutes=1)
    await house.settled(a0="sent", a1="sent", a2="sent")
    assert [text for to, text in house.telegram.arrived if to == "anna"] == ["你好 0", "你好 1", "你好 2"]


async def test_when_the_platform_says_wait_nothing_goes_there_before_its_time(house: House) -> None:
    people = [house.person(f"p{n}", "telegram") for n in range(5)]
    house.telegram.slowly = 0.05
    house.telegram.answers["p0"] = [Retry(3600, "account", "429")]
    house.tell(hello("first", people[0]))
    await house.open()
    await house.until(lambda: house.states() == {"first": "queued"} and not house.telegram.answers["p0"])
    await asyncio.sleep(0.2)
    house.tell(*(hello(f"n{n}", people[n]) for n in range(1, 5)))
    await asyncio.sleep(0.6)
    assert house.telegram.arrived == []
    await house.close()
    await house.open()  # also after a restart
    await asyncio.sleep(1.5)
    assert house.telegram.arrived == []
    house.clock.ahead = timedelta(hours=2)
    await house.settled(first="sent", n1="sent", n4="sent")


async def test_who_blocked_the_bot_is_reached_another_way_or_at_the_next_contact(house: House) -> None:
    anna, lin = house.person("anna", "telegram", "webchat"), house.person("lin", "telegram")
    house.telegram.answers = {"anna": [Dead("blocked")], "lin": [Dead("blocked")]}
    house.tell(hello("a", anna), hello("l", lin))
    await house.open()
    await house.settled(a="sent", l="deferred")
    assert house.telegram.arrived == []
    gone = house.database.read_now(
        lambda db: db.scalars(select(Contact.account).where(Contact.unreachable_since.is_not(None))).all()
    )
    assert sorted(gone) == ["anna", "lin"]


async def test_a_closed_window_leads_to_the_next_platform_and_never_to_a_page_nobody_looks_at(house: House) -> None:
    anna, lin = house.person("anna", "wechat", "telegram"), house.person("lin", "wechat", "webchat")
    house.wechat.answers = {"anna": [Closed("45015")], "lin": [Closed("45015")]}
    house.tell(hello("a", anna), hello("l", lin))
    await house.open()
    await house.settled(a="sent", l="deferred")
    assert house.telegram.arrived == [("anna", "你好 1")]


async def test_one_poison_message_blocks_nobody_and_a_doubtful_one_is_never_repeated(house: House) -> None:
    boss = house.person("boss", "webchat", operator=True)
    anna, lin, kim = (house.person(name, "telegram") for name in ("anna", "lin", "kim"))
    house.telegram.answers = {"anna": [Refused("message is too long")], "lin": [Unknown("read time-out")]}
    house.tell(hello("poison", anna), hello("doubt", lin), Notice("nowords", kim, "notice.absent"), hello("k", kim))
    await house.open()
    await house.settled(poison="failed", doubt="unknown", nowords="failed", k="sent")
    assert house.telegram.arrived == [("kim", "你好 1")]
    raised = house.database.read_now(lambda db: [alert.key for alert in alerts.open_alerts(db)])
    assert raised == ["outbox_unknown"]
    assert boss in house.database.read_now(lambda db: db.scalars(select(Outbox.member_id)).all())


async def test_a_repetition_that_the_platform_drops_is_tried(house: House) -> None:
    anna = house.person("anna", "wechat")
    house.wechat.answers["anna"] = [Unknown("no answer", repeat_within_seconds=600)]
    house.tell(hello("a", anna))
    await house.open()
    await house.until(lambda: not house.wechat.answers["anna"])
    house.clock.ahead = timedelta(minutes=2)
    await house.settled(a="sent")


async def test_a_refused_account_stops_sending_and_the_operators_know_until_it_works_again(house: House) -> None:
    house.person("boss", "webchat", operator=True)
    anna = house.person("anna", "telegram")
    house.telegram.answers["anna"] = [Stop("token revoked")]
    house.tell(hello("a", anna))
    await house.open()

    def open_keys() -> list[str]:
        return house.database.read_now(lambda db: [alert.key for alert in alerts.open_alerts(db)])

    await house.until(lambda: open_keys() == ["push_failing:telegram"])
    assert house.states()["a"] == "queued"
    house.clock.ahead = timedelta(hours=1)
    await house.settled(a="sent")
    assert open_keys() == []


async def test_a_stop_finishes_what_is_under_way_and_gives_back_the_rest(house: House) -> None:
    people = [house.person(f"p{n}", "telegram") for n in range(40)]
    house.telegram.rate, house.telegram.slowly = 20, 0.1
    house.tell(*(hello(f"n{n}", one) for n, one in enumerate(people)))
    await house.open()
    await house.until(lambda: len(house.telegram.arrived) >= 3)
    await house.close()
    states = list(house.states().values())
    assert states.count("sent") == len(house.telegram.arrived)
    assert states.count("sent") + states.count("queued") == 40
    assert states.count("queued") > 20


async def test_what_a_crash_left_half_sent_is_shown_and_not_sent_again(house: House) -> None:
    anna = house.person("anna", "telegram")
    house.tell(hello("a", anna))
    later = house.clock() + timedelta(seconds=1)

    def crash(db: Session) -> None:
        outbox.choose_ways(db, ["telegram"], limit=9, now=later)
        assert outbox.claim(db, "telegram", limit=9, lease_until=later, now=later, zone=ZONE)

    house.database.write_now(crash)
    if not house.database.sqlite:  # there another process may be alive: its lease must end first
        house.database.write_now(lambda db: outbox.recover(db, before=later + timedelta(days=1), now=later) and None)
    await house.open()
    await house.settled(a="unknown")
    assert house.telegram.arrived == []


async def test_a_cancelled_announcement_stops_within_two_seconds(house: House) -> None:
    for n in range(120):
        house.person(f"p{n}", "telegram")
    house.telegram.rate = 30

    def announce(db: Session) -> int:
        made = announcements.schedule(db, "你好", "all", house.clock(), by="cli", now=house.clock())
        while announcements.enqueue_chunk(db, made, now=house.clock()):
            pass
        return made

    made = house.database.write_now(announce)
    await house.open()
    await house.until(lambda: len(house.telegram.arrived) >= 10)
    house.database.write_now(lambda db: announcements.cancel(db, made, now=house.clock()))
    await asyncio.sleep(2)
    arrived = len(house.telegram.arrived)
    await asyncio.sleep(0.5)
    assert len(house.telegram.arrived) == arrived < 80
    counts = house.database.read_now(lambda db: announcements.progress(db, made))
    assert counts["recipients"] == 120
    assert counts["sent"] + counts["cancelled"] == 120


async def test_a_wait_that_a_wrong_clock_wrote_down_silences_nobody(house: House) -> None:
    anna, lin = house.person("anna", "telegram"), house.person("lin", "telegram")
    house.clock.ahead = timedelta(days=40)
    house.telegram.answers["anna"] = [Retry(3600, "account", "429")]
    house.tell(hello("a", anna))
    await house.open()
    await house.until(lambda: not house.telegram.answers["anna"])
    await house.settled(a="queued")
    house.clock.ahead = timedelta()
    house.tell(hello("l", lin))
    await house.settled(l="sent")
    await house.close()
    house.tell(hello("after a restart", lin))
    await house.open()
    await house.settled(**{"after a restart": "sent"})
