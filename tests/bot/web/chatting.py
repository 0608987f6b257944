"""The whole program with its chat page, and browsers without a screen that talk on it."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
from sqlalchemy.orm import Session

from bot.app import App
from bot.database import Database
from bot.preparing import Prepared
from config.settings import load_settings
from domain.mall import links
from domain.messages import outbox
from domain.messages.outbox import Notice
from domain.people import members
from tests.bot.web.house import NOW, SECRET, furnish

SEATS = (
    {"member_id": "m-lin", "name": "小林 <b>]]>", "role": "distributor", "channel": "webchat", "account": "seat:m-lin"},
    {"member_id": "m-yun", "name": "云姐", "role": "customer", "channel": "webchat", "account": "seat:m-yun"},
)


@dataclass
class Page:
    """A browser with the chat page open: it keeps cookies like any."""

    house: ChatHouse
    http: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def opens(self, path: str = "/chat", **more: Any) -> tuple[int, str]:
        async with self.http.get(self.house.base + path, headers=self.headers, **more) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        given = {"Origin": self.house.base} | self.headers | headers
        async with self.http.post(self.house.base + path, json=body, headers=given) as answer:
            return answer.status, await answer.json(content_type=None)

    async def says(self, text: str = "", id_: str = "", **more: Any) -> list[dict[str, Any]]:
        said = {"text": text} if text else {}
        status, answer = await self.post("/chat/api/say", {"id": id_ or str(uuid.uuid4()), **said, **more})
        assert status == 200, answer
        messages: list[dict[str, Any]] = answer["messages"]
        return messages

    async def history(self, before: int | None = None) -> Any:
        _, text = await self.opens("/chat/api/history" + (f"?before={before}" if before else ""))
        return json.loads(text)

    @asynccontextmanager
    async def listening(self, after: int = 0) -> AsyncIterator[Callable[[], Any]]:
        """What comes by itself: each call of what is yielded waits for the next (kind, message)."""
        url = f"{self.house.base}/chat/api/events?after={after}"
        async with self.http.get(url, headers=self.headers, timeout=aiohttp.ClientTimeout(total=30)) as answer:
            assert answer.content_type == "text/event-stream"

            async def following() -> tuple[str, Any]:
                kind, told = "message", None
                async with asyncio.timeout(10):
                    async for raw in answer.content:
                        line = raw.decode().strip()
                        if line.startswith("event: "):
                            kind = line.removeprefix("event: ")
                        elif line.startswith("data: "):
                            told = json.loads(line.removeprefix("data: "))
                        elif not line and told is not None:
                            return kind, told
                raise EOFError

            yield following


@dataclass
class ChatHouse:
    app: App
    base: str
    now: datetime = NOW

    @property
    def database(self) -> Database:
        return self.app.database

    def write(self, work: Callable[[Session], Any]) -> Any:
        return self.database.write_now(work)

    @asynccontextmanager
    async def page(self, locale: str = "zh", **headers: str) -> AsyncIterator[Page]:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as http:
            yield Page(self, http, {"Accept-Language": locale, **headers})

    def code(self, member_id: str, kind: str = "invite") -> str:
        def make(db: Session) -> str:
            member = members.by_member_id(db, member_id)
            assert member is not None
            return links.make(db, member.id, kind, now=self.now).code

        return str(self.write(make))

    def tell(self, member_id: str, text_key: str = "notice.order_delivered", **params: object) -> None:
        """Something happens that this member is told of."""

        def put(db: Session) -> None:
            member = members.by_member_id(db, member_id)
            assert member is not None
            notice = Notice(f"test:{uuid.uuid4()}", member.id, text_key, params or {"order_id": "A-7"})
            outbox.put_all(db, [notice], now=self.now)

        self.write(put)
        self.app.wake_delivery()


@asynccontextmanager
async def chat_open(
    url: str, *, demo: bool, seats: bool = True, port: int | None = None, **settings: str
) -> AsyncIterator[ChatHouse]:
    """The program as it runs, its clock standing still; `settings` are variables without their prefix."""
    chosen = port or free_port()
    given = {f"FENXIAO_{name}": value for name, value in settings.items()}
    loaded = load_settings({"FENXIAO_DATABASE_URL": url, "FENXIAO_PORT": str(chosen), **given})
    database = Database(url)
    app = App(loaded, Prepared(database, demo, SECRET, first_start=False), clock=lambda: NOW)
    house = ChatHouse(app, f"http://127.0.0.1:{chosen}")
    if seats:
        house.write(furnish)
        house.write(lambda db: members.put_members(db, SEATS, actor="test", now=NOW))
    await app.start()
    try:
        yield house
    finally:
        await app.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
