"""The whole program on a port of its own: a shop with signed events, scripts with a key, a clock that can be set."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from standardwebhooks import Webhook

from bot.app import App
from bot.job_runner import JobRunner
from bot.preparing import prepare
from bot.scheduler import newest
from config.settings import load_settings
from domain import api_keys, audit
from domain.money import plans
from domain.periods import format_instant

SECRET = "whsec_" + base64.b64encode(b"a secret that only the shop has").decode()
ZONE = ZoneInfo("Asia/Shanghai")
BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"

PLAN = """
name = "autumn"
base = "margin"
levels_bp = [3500, 1500, 500]
max_margin_share_bp = 6000
freeze_days = 7
[compliance]
market = "CN"
acknowledged_by = "the owner"
"""

SERUM = {
    "sku": "JP-SERUM-30",
    "name": "樱花玻尿酸精华 30ml",
    "name_en": "Sakura hyaluron serum 30 ml",
    "brand": "朝露",
    "category": "skincare",
    "price": 25_800,
    "cost": 20_000,
    "currency": "CNY",
    "hot": True,
    "selling_points": ["一夜水润，早上上妆不起皮"],
    "selling_points_en": ["Plump by morning"],
}


class Clock:
    """Time goes on as it does, from a Monday at seven in the morning in Shanghai; a test may let days pass."""

    def __init__(self) -> None:
        self._start = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began)

    def advance(self, **step: float) -> None:
        self._start += timedelta(**step)


class Mall:
    def __init__(self, app: App, clock: Clock, base: str, http: aiohttp.ClientSession, key: str) -> None:
        self.app, self.clock, self.base, self.http = app, clock, base, http
        self._key = key
        self._numbers = itertools.count(1)

    async def put(self, what: str, *items: Mapping[str, Any]) -> None:
        """A script of the shop's puts `what`: products, stock, members."""
        headers = {"Authorization": f"Bearer {self._key}"}
        url = f"{self.base}/api/v1/{what}"
        async with self.http.put(url, json={"items": list(items)}, headers=headers) as answer:
            said = await answer.json(content_type=None)
            assert answer.status == 200, said
            assert all(result["status"] in ("created", "updated", "unchanged") for result in said["results"]), said

    async def post(self, what: str, **body: Any) -> None:
        """A script posts one thing, such as an announcement."""
        headers = {"Authorization": f"Bearer {self._key}"}
        async with self.http.post(f"{self.base}/api/v1/{what}", json=body, headers=headers) as answer:
            assert answer.status in (200, 201, 202), await answer.text()

    async def happens(self, type_: str, order_id: str, **data: Any) -> None:
        """The shop posts a signed order event."""
        now = self.clock()
        event = {"type": type_, "timestamp": format_instant(now), "data": {"order_id": order_id, **data}}
        body = json.dumps(event)
        webhook_id = f"evt-{next(self._numbers)}"
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(webhook_id, now, body),
            "content-type": "application/json",
        }
        async with self.http.post(f"{self.base}/hooks/shop", data=body, headers=headers) as answer:
            assert (answer.status, await answer.json(content_type=None)) == (200, {"status": "applied"})

    async def visit(self, link: str) -> str:
        """Somebody follows a link on their phone; returns where they were led."""
        headers = {"User-Agent": BROWSER}
        async with self.http.get(link, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 302, answer.status
            return answer.headers["Location"]

    async def runs(self, name: str) -> Mapping[str, Any]:
        """`fenxiao job NAME`, now."""
        loop, app = asyncio.get_running_loop(), self.app

        def in_turn(work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(app.database.write(work), loop).result()

        runner = JobRunner(in_turn, app.database.read_now, self.clock, ZONE)
        job, now = app.jobs[name], self.clock()
        period = job.when.period(newest(job.when, now, ZONE), ZONE)
        return await asyncio.to_thread(runner.run_by_hand, job, period, at=now)

    async def is_in_order(self) -> None:
        """`fenxiao audit` finds nothing wrong."""
        assert await self.app.database.read(audit.violations) == []


@asynccontextmanager
async def open_mall(database_url: str, clock: Clock, port: int, **environ: str) -> AsyncIterator[Mall]:
    """The shop with one serum on the shelf and a plan in force; `environ` switches channels on."""
    settings = load_settings(
        {
            "FENXIAO_DATABASE_URL": database_url,
            "FENXIAO_PORT": str(port),
            "FENXIAO_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "FENXIAO_SHOP_URL": "https://shop.example.com/p/{sku}?ref={code}",
            "FENXIAO_HOOK_SECRETS": SECRET,
            "FENXIAO_DEMO": "off",
        }
        | environ
    )
    app = App(settings, prepare(settings, clock), clock=clock)
    key = await app.database.write(lambda db: api_keys.create(db, "shop", "write", by="test", now=clock()))
    await app.database.write(
        lambda db: plans.publish(db, PLAN, effective_from=clock(), by="test", accept_guard=True, now=clock())
    )
    await app.start()
    try:
        async with aiohttp.ClientSession() as http:
            mall = Mall(app, clock, f"http://127.0.0.1:{port}", http, key)
            await mall.put("products", SERUM)
            await mall.put("stock", {"sku": SERUM["sku"], "warehouse": "宁波", "quantity": 200})
            yield mall
    finally:
        await app.stop()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
