"""A tap on a menu in Telegram: over the webhook into the house, committed, answered; beside an aiohttp that echoes."""

from __future__ import annotations

import json
import logging
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
import uvloop
from aiohttp import web
from sqlalchemy import event, func, select

from bot.channels.telegram import make_channel
from bot.database import Database
from bot.web.app import make_web_app
from bot.web.server import Runner
from domain.schema import Base, Inbox
from tests.benchmarks.figures import Figure
from tests.benchmarks.http_load import Load, Server, answer_for_cpu, load, serving
from tests.bot.channels.office import Office
from tests.handlers.house import House, furnish
from tests.someone import chat

TAPS, UNTIMED, ROUNDS, CHATS = 1_500, 300, 5, 200
SECRET = "a-long-random-word"
TOKEN = "123456:benchmark-token-000000000000000000"
MENU = ("products", "home", "earnings", "home", "team", "home", "help")
MOST_STATEMENTS = 6.0
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'menu_tap.db'}"
        _prepare(url)
        with (
            serving("tests.benchmarks.http_floors", "echo") as floor,
            serving("tests.benchmarks.menu_tap", "platform") as platform,
            serving("tests.benchmarks.menu_tap", url, str(platform.port)) as ours,
        ):
            requests = [_tap(number) for number in range(UNTIMED + TAPS * ROUNDS)]
            for server in (floor, ours):
                load(server, requests[:UNTIMED], UNTIMED)
            time.sleep(1.5)
            before, pairs = _counts(ours) + _counts(platform), []
            for at in range(UNTIMED, len(requests), TAPS):
                part = requests[at : at + TAPS]
                pairs.append((load(floor, part, TAPS), load(ours, part, TAPS)))
            time.sleep(1.5)  # the last answers, and the fates of all
            spent = _counts(ours) + _counts(platform)
            spent.subtract(before)
        _check(url, len(requests))
    return figures(pairs, spent)


def figures(pairs: Sequence[tuple[Load, Load]], spent: Counter[str]) -> list[Figure]:
    taps = TAPS * ROUNDS
    cpu = statistics.median(ours.cpu_us / floor.cpu_us for floor, ours in pairs)
    ours_us = statistics.median(ours.cpu_us for _, ours in pairs)
    statements, commits, calls = (spent[name] / taps for name in ("statements", "commits", "calls"))
    # Fates of answers are written down in groups, beside the taps: a hundredth of a statement each.
    slack = 1.02
    return [
        Figure("menu tap, server CPU", ours_us, "µs/tap", "bare aiohttp echo", cpu, float("inf"), True),
        Figure(
            "menu tap, SQL statements", statements, "per tap", "six", statements / MOST_STATEMENTS, slack,
            statements <= MOST_STATEMENTS * slack,
        ),
        Figure("menu tap, commits", commits, "per tap", "one", commits, slack, commits <= slack),
        Figure("menu tap, outgoing calls", calls, "per tap", "one", calls, 1.0, calls <= 1.0),
    ]  # fmt: skip


def _tap(number: int) -> bytes:
    account = 1000 + number % CHATS
    chat = {"id": account, "type": "private", "first_name": "Li"}
    person = {"id": account, "is_bot": False, "first_name": "Li", "language_code": "zh-hans"}
    message = {"message_id": 5, "date": 1, "chat": chat, "text": "…", "from": {"id": 123456, "is_bot": True}}
    query = {"id": str(number), "from": person, "message": message, "data": MENU[number // CHATS % len(MENU)]}
    body = json.dumps({"update_id": 1_000_000 + number, "callback_query": query}).encode()
    head = f"POST /telegram HTTP/1.1\r\nHost: x\r\nX-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _counts(server: Server) -> Counter[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/counts") as answer:
        return Counter(json.load(answer))


def _prepare(url: str) -> None:
    database = Database(url)
    Base.metadata.create_all(database.writing)
    house = House(database, NOW)
    furnish(house)
    lin = house.member("lin")
    with database.transaction() as db:
        for number in range(CHATS):
            chat(db, lin, "telegram", str(1000 + number))
    database.close()


def _check(url: str, taps: int) -> None:
    database = Database(url)
    handled = database.read_now(
        lambda db: db.scalar(select(func.count()).select_from(Inbox).where(Inbox.channel == "telegram"))
    )
    database.close()
    assert handled == taps, f"{handled} of {taps} taps were handled"


class _Parts(Office):
    """The composition root's part for this measurement: the web side with one channel."""

    hook_secrets: Sequence[str] = ()
    extra_routes: Sequence[Any] = ()

    @staticmethod
    def schema_is_current(_db: object) -> bool:
        return True


async def main(url: str, platform_port: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    database = Database(url)
    parts = _Parts(
        House(database, NOW),
        FENXIAO_TELEGRAM__TOKEN=TOKEN,
        FENXIAO_TELEGRAM__API_URL=f"http://127.0.0.1:{platform_port}",
        FENXIAO_TELEGRAM__WEBHOOK_SECRET=SECRET,
    )
    spent = Counter[str]()
    for engine in (database.writing, database.reading):
        event.listen(engine, "before_cursor_execute", lambda *_: spent.update(["statements"]))
    event.listen(database.writing, "commit", lambda _: spent.update(["commits"]))
    channel = make_channel(parts)

    async def counts(_request: web.Request) -> web.Response:
        return web.json_response(spent)

    parts.extra_routes = [channel.routes(), [web.get("/counts", counts)]]
    runner = Runner(make_web_app(parts))
    [(_, port)] = await runner.listen("127.0.0.1", 0)
    await channel.start(may_poll=lambda: True)
    await answer_for_cpu(port)
    await runner.cleanup()
    await channel.stop()
    database.close()


async def platform() -> None:
    """A Telegram that takes everything at once."""
    me = {"id": 123456, "is_bot": True, "first_name": "Fenxiao", "username": "fenxiao_bot"}
    spent = Counter[str]()

    async def counts(_request: web.Request) -> web.Response:
        return web.json_response(spent)

    async def take(request: web.Request) -> web.Response:
        await request.read()
        spent["calls"] += 1
        result = me if request.path.endswith("/getMe") else True
        return web.Response(body=json.dumps({"ok": True, "result": result}, separators=(",", ":")).encode())

    app = web.Application()
    app.add_routes([web.post("/{rest:.*}", take), web.get("/counts", counts)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await answer_for_cpu(runner.addresses[0][1])
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(platform() if sys.argv[1] == "platform" else main(*sys.argv[1:]))
