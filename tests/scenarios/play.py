"""A story played on one channel in one language, and written down as everybody in it saw it."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import pytest
from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from bot.channels import telegram, wechat
from bot.live import LiveScreens
from bot.scheduler import Scheduler
from domain.people import members
from domain.periods import format_instant
from domain.schema import Outbox
from tests.scenarios.mall import SERUM, ZONE, Clock, Mall, free_port, open_mall
from tests.scenarios.talkers import (
    PHRASES,
    Seen,
    Stage,
    Talker,
    TelegramTalker,
    WebStage,
    WebTalker,
    WeChatTalker,
    stage,
)
from tests.scenarios.transcript import Line, Placeholders, watch, written

PUBLIC: Final = "https://mall.example"
NAMES: Final = {
    "mei": ("小梅", "May"),
    "lin": ("小林", "Lynn"),
    "jun": ("阿俊", "Jun"),
    "zhou": ("老周", "Joe"),
    "bai": ("小白", "Bai"),
}
WIDTH: Final = 78
BETWEEN_ACTS: Final = timedelta(seconds=20)
PATIENCE_SECONDS: Final = 20.0
_STEP_SECONDS: Final = 0.015

Script = Callable[["Play"], Awaitable[None]]


class StillClock(Clock):
    """Time stands still while things are under way, so that what is written down does not depend on the machine."""

    def __call__(self) -> datetime:
        return self._start


@dataclass
class Actor:
    """Somebody in a story. What they tap and write is named by the texts' keys, so that no language is written here."""

    play: Play
    talker: Talker
    name: str
    seen: Seen = field(default_factory=lambda: Seen(""))

    def __post_init__(self) -> None:
        self.watcher = watch(self.talker)

    async def starts(self, code: str | None = None) -> str:
        return await self._acts(self.talker.starts(code))

    async def says(self, zh: str, en: str | None = None) -> str:
        """Write something: the same in both languages if only one is given."""
        return await self._acts(self.talker.says(zh if en is None or self.play.locale == "zh" else en))

    async def asks(self, route: str) -> str:
        """Write the word that leads to a screen."""
        return await self.says(PHRASES.word(self.play.locale, route))

    async def taps(self, key: str, **params: object) -> str:
        return await self.chooses(self.play.say(key, **params))

    async def chooses(self, label: str) -> str:
        """Tap a button by what stands on it."""
        taps = [Line(f"[{label}]", said=True)] if isinstance(self.talker, TelegramTalker) else []
        return await self._acts(self.talker.taps(label), taps)

    async def comes_back(self) -> str:
        """Look in again; on WeChat this is where what could not be sent is read."""
        shown = await self.asks("home")
        while isinstance(self.talker, WeChatTalker) and "📬" in shown:
            number = re.search(r"^(\d+) 📬", shown, re.M)
            if number is None:
                break
            shown = await self.says(number[1])
        return shown

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.seen.text)
        assert match, f"{pattern!r} is not in what {self.name} sees:\n{self.seen.text}"
        return match[1]

    async def _acts(self, act: Awaitable[Seen], before: Sequence[Line] = ()) -> str:
        self.seen = await act
        await self.play.settle(self, before)
        return self.seen.text


class Play:
    def __init__(self, mall: Mall, people: Stage, page: WebStage, locale: str) -> None:
        self.mall, self.people, self.locale = mall, people, locale
        self.channel = people.channel
        self._page = page
        self._actors: list[Actor] = []
        self._places = Placeholders()
        self._lines: list[str] = []
        self._shown_at = ""

    # The people

    def actor(self, who: str) -> Actor:
        return self._enters(self.people.talker(self.name(who), self.locale), self.name(who))

    def on_the_page(self, who: str) -> Actor:
        """The same person at a browser."""
        return self._enters(self._page.talker(self.name(who), self.locale), f"{self.name(who)} (at a browser)")

    def name(self, who: str) -> str:
        return NAMES[who][self.locale == "en"]

    def _enters(self, talker: Talker, name: str) -> Actor:
        actor = Actor(self, talker, name)
        self._actors.append(actor)
        return actor

    async def member(self, who: str, role: str, **more: Any) -> Actor:
        """Somebody whom the shop has told us of, with this chat."""
        actor = self.actor(who)
        known = {"channel": self.channel, "account": actor.talker.account, "locale": self.locale}
        await self.mall.put("members", {"member_id": who, "name": actor.name, "role": role, **known, **more})
        return actor

    async def operator(self, who: str) -> Actor:
        actor = await self.member(who, "customer")
        now = self.mall.clock()

        def grant(db: Session) -> None:
            member = members.by_member_id(db, who)
            assert member is not None
            members.set_operator(db, member.id, True, actor="test", now=now)

        await self.mall.app.database.write(grant)
        return actor

    async def joins(self, actor: Actor, code: str) -> None:
        """By an invitation; whose name is not known is asked for it."""
        await actor.starts(code)
        shown = await actor.taps("join.yes")
        if self.say("join.ask_name") in shown:
            await actor.says(actor.name)

    def say(self, key: str, **params: object) -> str:
        return PHRASES.say(self.locale, key, **params)

    # What is written down

    def scene(self, what: str) -> None:
        """A heading: what happens next."""
        self._lines += ["", "", f"== {what} ".ljust(WIDTH, "=")]

    def direction(self, what: str) -> None:
        """What happens outside of the chats."""
        self._lines += ["", f"* {what}"]

    def transcript(self) -> str:
        return "\n".join(self._lines).strip("\n") + "\n"

    def hide(self, code: str) -> str:
        """A code that differs from run to run, written down under a name."""
        self._places.learn("CODE", code)
        return code

    # What happens outside of the chats

    async def later(self, what: str = "", **step: float) -> None:
        self.mall.clock.advance(**step)
        at = self.mall.clock().astimezone(ZONE)
        self.direction(f"{what or 'Later'} ({at:%a %d %b, %H:%M})")
        await self.settle()

    async def at(self, hour: int, minute: int = 0, *, days: int = 0) -> None:
        """Let time pass until that hour in Shanghai, so many days on."""
        now = self.mall.clock().astimezone(ZONE)
        then = now.replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(days=days)
        assert then > now, f"it is {now} already"
        await self.later(seconds=(then - now).total_seconds())

    async def visits(self, link: str) -> None:
        self.direction("Somebody follows the link to the shop")
        await self.mall.visit(link.replace(PUBLIC, self.mall.base))
        await self.settle()

    async def sold(self, order_id: str, link: str, quantity: int = 1, buyer: str = "u-77") -> None:
        self.direction(f"The shop reports: order {order_id} is paid")
        now = format_instant(self.mall.clock())
        paid = {"buyer_id": buyer, "ref": link.rsplit("/", 1)[1], "currency": "CNY", "paid_at": now}
        item = {"sku": SERUM["sku"], "quantity": quantity, "amount": int(str(SERUM["price"])) * quantity}
        await self.mall.happens("order.paid", order_id, **paid, items=[item], shipping=12_00)
        await self.settle()

    async def happens(self, what: str, order_id: str, **data: Any) -> None:
        self.direction(f"The shop reports: order {order_id} is {what.replace('_', ' ')}")
        at = "completed_at" if what == "completed" else "at"
        await self.mall.happens(f"order.{what}", order_id, **{at: format_instant(self.mall.clock())}, **data)
        await self.settle()

    async def runs(self, job: str) -> None:
        await self.mall.runs(job)
        await self.settle()

    # When everything has arrived

    async def settle(self, actor: Actor | None = None, before: Sequence[Line] = ()) -> None:
        """Wait until what was set in motion has arrived; write down what everybody sees now, the actor first."""
        await self._quiet()
        for one in self._actors:
            if isinstance(one.talker, WebTalker):
                await one.talker.looks()
        others = [one for one in self._actors if one is not actor]
        for one in [actor, *others] if actor is not None else others:
            lines = [*(before if one is actor else ()), *one.watcher.news()]
            self._lines += written(one.name, lines, self._places)
        self.mall.clock.advance(seconds=BETWEEN_ACTS.total_seconds())

    async def _quiet(self) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while await self.mall.app.database.read(self._under_way) or _answering():
            assert asyncio.get_running_loop().time() < deadline, "something is under way for ever"
            self.mall.app.wake_delivery()
            await asyncio.sleep(_STEP_SECONDS)

    def _under_way(self, db: Session) -> bool:
        now = self.mall.clock()
        due = (
            (Outbox.state == "queued")
            & (Outbox.not_before <= now)
            & or_(Outbox.channel.is_(None), Outbox.channel != "later")
        )
        return bool(db.execute(select(exists().where(or_(Outbox.state == "sending", due)))).scalar())


def _answering() -> bool:
    """Whether an answer, or the words that follow its picture, are still on their way."""
    names = (task.get_name() for task in asyncio.all_tasks())
    return any(name == "telegram-answer" or name.startswith(("words ", "late ")) for name in names)


@contextmanager
def _unhurried() -> Iterator[None]:
    """Jobs, and screens that renew themselves, wait for the story to say so; pace is what other tests are about."""

    async def nothing(_self: object) -> None:
        pass

    with pytest.MonkeyPatch.context() as patch:
        for one in (Scheduler, LiveScreens):
            patch.setattr(one, "start", nothing)
            patch.setattr(one, "stop", nothing)
        patch.setattr(telegram, "_pause_of_chat", lambda _chat: 0.0)
        patch.setattr(wechat, "AFTER_PICTURE_SECONDS", 0.0)
        yield


@asynccontextmanager
async def opened(database_url: str, channel: str, locale: str) -> AsyncIterator[Play]:
    """The product with this channel and the chat page; the clock's jobs run when the story says so."""
    clock = StillClock()
    async with AsyncExitStack() as stack:
        stack.enter_context(_unhurried())
        people = await stack.enter_async_context(stage(channel, clock))
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        page = people if isinstance(people, WebStage) else WebStage(http)
        environ = people.environ() | {"FENXIAO_PUBLIC_URL": PUBLIC}
        mall = await stack.enter_async_context(open_mall(database_url, clock, free_port(), **environ))
        people.opened(mall.base)
        page.opened(mall.base)
        yield Play(mall, people, page, locale)


def difference(wanted: str, got: str, name: str) -> str:
    lines = difflib.unified_diff(wanted.splitlines(), got.splitlines(), name, "now", lineterm="", n=4)
    return "\n".join(lines)
