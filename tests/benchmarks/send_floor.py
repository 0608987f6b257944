"""A Telegram that does nothing but answer, and the least that sending to it costs: aiohttp posts, no more."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

import aiohttp
import uvloop
from aiohttp import web

from tests.benchmarks.http_load import answer_for_cpu

ANSWER = (
    b'{"ok":true,"result":{"message_id":7,"date":1,"text":"x","chat":{"id":1001,"type":"private","first_name":"Li"},'
    b'"from":{"id":123456,"is_bot":true,"first_name":"Fenxiao","username":"fenxiao_bot"}}}'
)
IN_FLIGHT = 64


class Server:
    """Notes when each message arrived; answers after up to `jitter` seconds."""

    def __init__(self, jitter: float) -> None:
        self.jitter = jitter
        self.arrived: list[float] = []

    async def send(self, request: web.Request) -> web.Response:
        self.arrived.append(time.monotonic())
        await request.read()
        if self.jitter:
            await asyncio.sleep(random.uniform(0, self.jitter))
        return web.Response(body=ANSWER, content_type="application/json")

    async def other(self, request: web.Request) -> web.Response:
        """Nobody writes to this bot; it has a name, and whatever else it asks for is well."""
        method = request.match_info["method"]
        if method == "getUpdates":
            await asyncio.sleep(25)
        me = {"id": 123456, "is_bot": True, "first_name": "Fenxiao", "username": "fenxiao_bot"}
        result = {"getUpdates": [], "getMe": me}.get(method, True)
        return web.json_response({"ok": True, "result": result})

    async def times(self, request: web.Request) -> web.Response:
        times, self.arrived = self.arrived, []
        return web.json_response(times)


async def serve(jitter: float) -> None:
    server = Server(jitter)
    app = web.Application()
    app.add_routes(
        [
            web.get("/times", server.times),
            web.post("/bot{token}/sendMessage", server.send),
            web.post("/bot{token}/{method}", server.other),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await answer_for_cpu(runner.addresses[0][1])
    await runner.cleanup()


async def bare(port: int, count: int) -> None:
    """Post `count` messages as fast as they go and print how many a second that were."""
    body = {
        "chat_id": 1001,
        "text": "公告：明天上午十点上新",
        "link_preview_options": json.dumps({"is_disabled": True}),
    }
    url = f"http://127.0.0.1:{port}/bot123456:x/sendMessage"
    numbers = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT)) as session:

        async def post() -> None:
            for _ in numbers:
                async with session.post(url, data=body) as response:
                    assert (await response.json())["ok"]

        began = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(IN_FLIGHT)))
        print(count / (time.perf_counter() - began), flush=True)
        print(f"CPU {time.process_time():.2f} s", file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(serve(float(sys.argv[2])))
    else:
        uvloop.run(bare(int(sys.argv[2]), int(sys.argv[3])))
