"""A link followed: the visit committed before the answer, against aiohttp answering a bare 302 on uvloop."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import uvloop
from sqlalchemy import func, select

from bot.database import Database
from bot.web.app import make_web_app
from bot.web.server import Runner
from config.settings import load_settings
from domain.mall import links
from domain.schema import Base, Visit
from tests.benchmarks.figures import Figure
from tests.benchmarks.http_load import Load, answer_for_cpu, load, serving
from tests.bot.web.house import NOW, House, furnish

REQUESTS, UNTIMED, ROUNDS = 12_000, 2_000, 5
WANTED, WANTED_P99 = 0.5, 2.0


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'redirect.db'}"
        code = _prepare(url)
        with (
            serving("tests.benchmarks.http_floors", "redirect") as floor,
            serving("tests.benchmarks.redirect", url) as ours,
        ):
            requests = [_request(code, number) for number in range(200)]
            for server in (floor, ours):
                load(server, requests, UNTIMED)
            pairs = [(load(floor, requests, REQUESTS), load(ours, requests, REQUESTS)) for _ in range(ROUNDS)]
        _check(url)
    return figures(pairs)


def figures(pairs: list[tuple[Load, Load]]) -> list[Figure]:
    cpu = statistics.median(floor.cpu_us / ours.cpu_us for floor, ours in pairs)
    slow = statistics.median(ours.p99_ms / floor.p99_ms for floor, ours in pairs)
    ours_us, ours_ms = (
        statistics.median(values) for values in zip(*((o.cpu_us, o.p99_ms) for _, o in pairs), strict=True)
    )
    floor = "bare aiohttp 302 on uvloop"
    return [
        Figure("redirect, server CPU", ours_us, "µs/request", floor, cpu, WANTED, cpu >= WANTED),
        Figure("redirect, 99 of 100 within", ours_ms, "ms", floor, slow, WANTED_P99, slow <= WANTED_P99),
    ]


def _request(code: str, number: int) -> bytes:
    agent = f"Mozilla/5.0 (iPhone; CPU iPhone OS 19_{number} like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
    return f"GET /r/{code} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n".encode()


def _prepare(url: str) -> str:
    database = Database(url)
    Base.metadata.create_all(database.writing)
    database.write_now(furnish)
    code = database.write_now(lambda db: links.make(db, 3, "product", "JP-SERUM-30", now=NOW).code)
    database.close()
    return code


def _check(url: str) -> None:
    database = Database(url)
    assert (
        database.read_now(lambda db: db.scalar(select(func.count()).select_from(Visit))) == UNTIMED + ROUNDS * REQUESTS
    )
    database.close()


async def main(url: str) -> None:
    settings = load_settings(
        {"FENXIAO_DATABASE_URL": url, "FENXIAO_SHOP_URL": "https://shop.example.com/p/{sku}?ref={code}"}
    )
    database = Database(url)
    runner = Runner(make_web_app(House(settings, database)))
    [(_, port)] = await runner.listen("127.0.0.1", 0)
    await answer_for_cpu(port)
    await runner.cleanup()
    database.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
