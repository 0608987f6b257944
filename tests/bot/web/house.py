"""A web side that runs: real sockets, a real database, a clock that the test sets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import aiohttp
from aiohttp import web
from sqlalchemy import event, insert
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from bot.database import Database
from bot.rendering import Texts
from bot.web.app import make_web_app
from bot.web.server import Runner
from config.settings import Settings, load_settings
from domain import api_keys
from domain.mall import catalog
from domain.people import members
from domain.schema import PlanVersion
from handlers.routing import Shop

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret that only the shop has").decode()
PLAN = """
name = "autumn"
base = "margin"
levels_bp = [3500, 1500, 500]
max_margin_share_bp = 6000
freeze_days = 7
binding = { policy = "last", days = 30 }
self_purchase = "hold"
compression = "none"
"""


@dataclass
class House:
    """What the composition root gives, and how a test gets at it from outside."""

    settings: Settings
    database: Database
    now: datetime = NOW
    hook_secrets: Sequence[str] = (SECRET,)
    extra_routes: Sequence[Iterable[web.AbstractRouteDef]] = ()
    schema_is_current: Callable[[Session], bool] = lambda db: True
    woken: int = 0
    shop: Shop = field(init=False)
    texts: Texts = field(init=False)
    base: str = ""
    client: aiohttp.ClientSession = field(init=False)
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.texts = Texts(self.settings.timezone)
        self.shop = Shop(
            public_url=self.settings.public_url,
            shop_url=self.settings.shop_url or f"{self.settings.public_url}/shop/{{sku}}?code={{code}}",
            timezone=self.settings.timezone,
            locale=self.settings.locale,
            currency=self.settings.currency,
            demo=False,
        )

    def clock(self) -> datetime:
        return self.now

    def wake_delivery(self) -> None:
        self.woken += 1

    def write(self, work: Callable[[Session], Any]) -> Any:
        return self.database.write_now(work)

    @property
    def port(self) -> int:
        return int(self.base.rpartition(":")[2])

    async def get(self, path: str, **more: Any) -> tuple[int, Any]:
        return await self.call("GET", path, **more)

    async def call(self, method: str, path: str, *, scope: str = "write", **more: Any) -> tuple[int, Any]:
        """An API call with a key; returns the status and the JSON of the answer."""
        headers = {"Authorization": f"Bearer {self.keys[scope]}"} | more.pop("headers", {})
        async with self.client.request(method, self.base + "/api/v1" + path, headers=headers, **more) as answer:
            return answer.status, await answer.json(content_type=None)

    async def event(self, type_: str, data: Any, webhook_id: str = "", **headers: str) -> tuple[int, Any]:
        """An order event, signed."""
        body = json.dumps({"type": type_, "timestamp": "2026-11-23T02:00:00Z", "data": data})
        webhook_id = webhook_id or f"w-{hashlib.sha256(body.encode()).hexdigest()[:20]}"
        return await self.hook(body.encode(), signed(body, webhook_id, self.now) | headers)

    async def hook(self, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        async with self.client.post(self.base + "/hooks/shop", data=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)


def signed(body: str, webhook_id: str, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """The headers that the shop's own Standard Webhooks library makes."""
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
        "content-type": "application/json",
    }


@asynccontextmanager
async def running(url: str, *, front_door: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[House]:
    """A house with keys, open to callers; `more` are settings in capitals and parts of the house otherwise."""
    given = {f"FENXIAO_{name}": value for name, value in more.items() if name.isupper()}
    settings = load_settings({"FENXIAO_DATABASE_URL": url, **given})
    database = Database(url)
    house = House(settings, database, **{name: value for name, value in more.items() if not name.isupper()})
    for scope, name in (("read", "reader"), ("write", "writer")):
        make = partial(api_keys.create, name=name, scope=scope, by="test", now=house.now)
        house.keys[scope] = house.write(make)
    runner = Runner(make_web_app(house), **(front_door or {}))
    [(_, port)] = await runner.listen("127.0.0.1", 0)
    house.base = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as house.client:
        yield house
    await runner.cleanup()
    database.close()


def furnish(db: Session) -> None:
    """A distributor below a merchant below an agent, a serum on the shelf, and a plan."""
    people = [
        {"member_id": "boss", "role": "agent", "name": "Boss"},
        {"member_id": "merchant", "role": "merchant", "name": "小林", "sponsor_id": "boss"},
        {"member_id": "anna", "role": "distributor", "name": "Anna", "sponsor_id": "merchant"},
        {"member_id": "carl", "role": "customer", "name": "Carl", "buyer_id": "u-77"},
    ]
    serum = {
        "sku": "JP-SERUM-30",
        "name": "玻尿酸精华 30ml",
        "name_en": "Hyaluronic serum",
        "brand": "HADA",
        "category": "skincare",
        "price": 25800,
        "cost": 20000,
    }
    assert {result.status for result in members.put_members(db, people, actor="test", now=NOW)} == {"created"}
    assert {result.status for result in catalog.put_products(db, [serum], actor="test", now=NOW)} == {"created"}
    db.execute(
        insert(PlanVersion).values(
            effective_from=datetime(2026, 1, 1, tzinfo=UTC),
            name="autumn",
            source=PLAN,
            published_at=NOW,
            published_by="test",
        )
    )


def payment(order_id: str = "A-1001", **more: Any) -> dict[str, Any]:
    """The data of an `order.paid`."""
    return {
        "order_id": order_id,
        "currency": "CNY",
        "paid_at": "2026-11-23T02:00:00Z",
        "items": [{"sku": "JP-SERUM-30", "quantity": 2, "amount": 51600}],
        "shipping": 1200,
    } | more


def breaking(database: Database, error: Exception) -> Callable[[], None]:
    """Let every statement fail with `error` until the returned function is called."""

    def fail(*_arguments: object) -> None:
        raise error

    engines = (database.writing, database.reading)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", fail)

    def repair() -> None:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", fail)

    return repair


async def until(reached: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that happens soon, though not at once."""
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110 - what is waited for lies in the database
            await asyncio.sleep(0.05)
