"""A person at their phone, the same on every channel: what they say, tap and see."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from bot.rendering import Texts
from domain.wording import Words
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_chat import Chat, Message, User
from tests.fakes.wechat import AES_KEY, APP_ID, APP_SECRET, FakeWeChat
from tests.fakes.wechat import TOKEN as WECHAT_TOKEN
from tests.fakes.wechat_person import Person
from tests.scenarios.mall import ZONE, Clock

PATIENCE_SECONDS = 8.0
LANGUAGES = {"zh": "zh-hans", "en": "en-GB"}


@dataclass(frozen=True)
class Seen:
    """What a screen shows."""

    text: str
    picture: bytes | None = None


class Talker(Protocol):
    """One person on one channel. Labels and words are what they see, in their language."""

    name: str
    account: str
    locale: str

    async def starts(self, code: str | None = None) -> Seen:
        """Begin to talk, perhaps with the code of an invitation."""

    async def says(self, text: str) -> Seen: ...

    async def taps(self, label: str) -> Seen: ...

    async def hears(self, words: str) -> str:
        """Wait for something that comes by itself, looking after what was kept for them; return its text."""


class Stage(Protocol):
    """A channel with its people."""

    channel: str

    def environ(self) -> dict[str, str]: ...

    def talker(self, name: str, locale: str) -> Talker: ...

    def opened(self, base: str) -> None:
        """The program answers there."""


class Phrases:
    """The product's own words, so that a story can name what is tapped and seen without a language."""

    def __init__(self) -> None:
        self._texts = Texts(ZONE)

    def say(self, locale: str, key: str, **params: object) -> str:
        return self._texts.say(Words(key, params), locale)

    def word(self, locale: str, route: str) -> str:
        """The first written word that leads to `route`."""
        return str(self._texts.template(f"words.{route}", locale)[0])


PHRASES = Phrases()


# Telegram


class TelegramTalker:
    def __init__(self, user: User, name: str, locale: str) -> None:
        self._user = user
        self.name, self.locale = name, locale
        self.account = str(user.id)

    @property
    def chat(self) -> Chat:
        return self._user.chat

    async def starts(self, code: str | None = None) -> Seen:
        if code is None:
            return _seen(await self._user.sends("/start"))
        return _seen(await self._user.opens(f"https://t.me/fenxiao_bot?start={code}"))

    async def says(self, text: str) -> Seen:
        return _seen(await self._user.sends(text))

    async def taps(self, label: str) -> Seen:
        return _seen(await self._user.taps(label))

    async def blocks(self) -> None:
        await self._user.blocks_bot()

    async def returns(self) -> None:
        await self._user.returns()

    async def hears(self, words: str) -> str:
        return (await self._user.hears(words, within=PATIENCE_SECONDS)).text


def _seen(message: Message) -> Seen:
    return Seen(message.text, message.photo)


class TelegramStage:
    channel = "telegram"

    def __init__(self, fake: FakeTelegram) -> None:
        self.fake = fake

    def environ(self) -> dict[str, str]:
        return {
            "FENXIAO_TELEGRAM__TOKEN": self.fake.token,
            "FENXIAO_TELEGRAM__API_URL": self.fake.api_url,
            "FENXIAO_TELEGRAM__WEBHOOK_SECRET": "a-long-random-word",
        }

    def talker(self, name: str, locale: str) -> TelegramTalker:
        user = self.fake.user(name, language=LANGUAGES[locale])
        user.patience = PATIENCE_SECONDS
        return TelegramTalker(user, name, locale)

    def opened(self, base: str) -> None:
        self.fake.webhook_at = f"{base}/telegram"


# WeChat


class WeChatTalker:
    def __init__(self, person: Person, name: str, locale: str) -> None:
        self._person = person
        self.name, self.locale = name, locale
        self.account = person.openid

    @property
    def person(self) -> Person:
        return self._person

    async def starts(self, code: str | None = None) -> Seen:
        """WeChat does not say what people speak: they choose it, and then scan the code."""
        if self.locale == "zh":
            return self._shown(await self._person.follows(scene=code))
        await self._person.follows()
        await self.says("language")
        await self.taps(PHRASES.say("en", "language.en"))
        return self._shown(await self._person.scans(code)) if code else await self.says("0")

    async def says(self, text: str) -> Seen:
        return self._shown(await self._person.says(text))

    async def taps(self, label: str) -> Seen:
        return self._shown(await self._person.chooses(label))

    async def hears(self, words: str) -> str:
        """What could not be pushed, because the window is shut, is offered at the next contact."""
        for _ in range(4):
            with contextlib.suppress(AssertionError):
                return (await self._person.hears(words, within=PATIENCE_SECONDS / 4)).text
            shown = await self._person.says("0")
            while offered := [label for label in shown.choices.values() if label.startswith("📬")]:
                shown = await self._person.chooses(offered[0])
                if words in shown.text:
                    return shown.text
        raise AssertionError(f"{self.name} never heard {words!r}\n{self._person}")

    @staticmethod
    def _shown(answer: Any) -> Seen:
        return Seen(answer.text, answer.picture)


class WeChatStage:
    channel = "wechat"

    def __init__(self, fake: FakeWeChat) -> None:
        self.fake = fake

    def environ(self) -> dict[str, str]:
        return {
            "FENXIAO_WECHAT__APP_ID": APP_ID,
            "FENXIAO_WECHAT__APP_SECRET": APP_SECRET,
            "FENXIAO_WECHAT__TOKEN": WECHAT_TOKEN,
            "FENXIAO_WECHAT__AES_KEY": AES_KEY,
            "FENXIAO_WECHAT__API_URL": self.fake.api_url,
        }

    def talker(self, name: str, locale: str) -> WeChatTalker:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return WeChatTalker(self.fake.person(f"o{digest}"), name, locale)

    def opened(self, base: str) -> None:
        self.fake.bot_url = f"{base}/wechat"


# The chat page


class WebTalker:
    """A browser with the chat page: its cookie is the account."""

    def __init__(self, stage: WebStage, name: str, locale: str) -> None:
        self._stage = stage
        self._token = secrets.token_urlsafe(32)
        self._messages: dict[int, dict[str, Any]] = {}
        self.name, self.locale = name, locale
        self.account = "web:" + hashlib.sha256(self._token.encode()).hexdigest()

    @property
    def messages(self) -> dict[int, dict[str, Any]]:
        """What the page was given, by number."""
        return self._messages

    async def looks(self) -> None:
        """The page asks for what has come by itself."""
        status, body = await self._get("/chat/api/history")
        assert status == 200, body
        self._keep(json.loads(body)["messages"])

    async def starts(self, code: str | None = None) -> Seen:
        status, page = await self._get("/chat" + (f"?invite={code}" if code else ""))
        assert status == 200, page
        return await self._say(start=code or "")

    async def says(self, text: str) -> Seen:
        return await self._say(text=text)

    async def taps(self, label: str) -> Seen:
        for message in sorted(self._messages.values(), key=lambda m: -m["id"]):
            buttons = [button for row in message["rows"] for button in row if "action" in button]
            found = [b for b in buttons if b["label"] == label] or [b for b in buttons if label in b["label"]]
            if found:
                return await self._say(action=found[0]["action"], message=message["id"])
        raise AssertionError(f"no message has the button [{label}]\n{self}")

    async def hears(self, words: str) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            await self.looks()
            for message in reversed(list(self._messages.values())):
                if words in message["text"] and not message["mine"]:
                    return str(message["text"])
            await asyncio.sleep(0.1)
        raise AssertionError(f"{self.name} never heard {words!r}\n{self}")

    def __str__(self) -> str:
        said = [f"{'me' if m['mine'] else 'bot':>4}: {m['text']}" for m in self._messages.values()]
        return "\n".join([f"--- web chat of {self.name} ---", *said])

    async def _say(self, **said: Any) -> Seen:
        after = max(self._messages, default=0)
        body = {"id": str(uuid.uuid4()), "after": after, **said}
        url = f"{self._stage.base}/chat/api/say"
        headers = {**self._headers(), "Origin": self._stage.base}
        async with self._stage.http.post(url, json=body, headers=headers) as answer:
            told = await answer.json(content_type=None)
            assert answer.status == 200, told
        self._keep(told["messages"])
        last = [message for message in told["messages"] if not message["mine"]][-1]
        picture = None
        if last["picture"]:
            async with self._stage.http.get(self._stage.base + last["picture"], headers=self._headers()) as answer:
                assert answer.status == 200
                picture = await answer.read()
        return Seen(last["text"], picture)

    def _keep(self, messages: list[dict[str, Any]]) -> None:
        self._messages |= {message["id"]: message for message in messages}

    async def _get(self, path: str) -> tuple[int, str]:
        async with self._stage.http.get(self._stage.base + path, headers=self._headers()) as answer:
            return answer.status, await answer.text()

    def _headers(self) -> dict[str, str]:
        return {"Cookie": f"fenxiao-chat={self._token}", "Accept-Language": self.locale}


class WebStage:
    channel = "webchat"

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.base = ""

    def environ(self) -> dict[str, str]:
        return {}

    def talker(self, name: str, locale: str) -> WebTalker:
        return WebTalker(self, name, locale)

    def opened(self, base: str) -> None:
        self.base = base


@asynccontextmanager
async def stage(channel: str, clock: Clock) -> AsyncIterator[Stage]:
    """The platform behind a channel, on this machine."""
    if channel == "telegram":
        async with FakeTelegram(now=clock, rate=30) as telegram:
            yield TelegramStage(telegram)
    elif channel == "wechat":
        async with FakeWeChat(now=clock, aes_key=AES_KEY) as wechat:
            yield WeChatStage(wechat)
    else:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            yield WebStage(http)
