"""Announcements on their way: how much of the allowed rate is used, and what all of it costs beside bare posts."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import uvloop
from pydantic import SecretStr
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bot import migrate
from bot.app import App, clock
from bot.database import Database
from bot.preparing import prepare
from config.groups import TelegramSettings
from config.settings import Settings
from domain.messages import announcements
from domain.schema import Contact, Member, Outbox
from tests.benchmarks.figures import Figure
from tests.benchmarks.http_load import ROOT, serving
from tests.bot.test_app import free_port
from tests.someone import THEN

SECONDS = 60
JITTER = 0.2
WANTED = {30: 0.98, 1_000: 0.95}
UNPACED = 10_000  # the highest that can be set: more than one process can send
MESSAGES, ROUNDS = 6_000, 3
WANTED_OF_BARE = 0.6
TOKEN = "123456:benchmark-token-000000000000000000"


def run() -> list[Figure]:
    return [*(_paced(rate, wanted) for rate, wanted in WANTED.items()), _unpaced()]


def _paced(rate: int, wanted: float) -> Figure:
    with serving("tests.benchmarks.send_floor", "serve", str(JITTER)) as platform:
        _chain(platform.port, rate, round(rate * (SECONDS + 4)))
        times = _times(platform.port)
    start = times[0] + 1.0
    used = sum(start <= moment < start + SECONDS for moment in times) / (rate * SECONDS)
    name = f"announcement at rate {rate}, busiest second {busiest(times)}"
    return Figure(name, used * rate, "messages/s", "the rate", used, wanted, used >= wanted and busiest(times) <= rate)


def _unpaced() -> Figure:
    with serving("tests.benchmarks.send_floor", "serve", "0") as platform:
        pairs = []
        for _ in range(ROUNDS):
            bare = float(_child("tests.benchmarks.send_floor", "bare", str(platform.port), str(MESSAGES)))
            _times(platform.port)
            pairs.append((_chain(platform.port, UNPACED, MESSAGES), bare))
            _times(platform.port)
    ratio = statistics.median(ours / bare for ours, bare in pairs)
    ours = statistics.median(ours for ours, _ in pairs)
    return Figure(
        "announcement unpaced, whole chain", ours, "messages/s", "bare aiohttp posts", ratio, WANTED_OF_BARE,
        ratio >= WANTED_OF_BARE,
    )  # fmt: skip


def busiest(times: Sequence[float]) -> int:
    """The most that arrived in any one second."""
    times, start, most = sorted(times), 0, 0
    for end, moment in enumerate(times):
        while times[start] <= moment - 1.0:
            start += 1
        most = max(most, end - start + 1)
    return most


def _chain(port: int, rate: float, messages: int) -> float:
    """Send an announcement to so many people through the program, and return messages per second until all marked."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'a.db'}"
        _fill(url, messages)
        return float(_child("tests.benchmarks.sending", url, str(port), str(rate)))


def _fill(url: str, messages: int) -> None:
    database = Database(url)
    migrate.migrate(database)

    def fill(db: Session) -> None:
        numbers = range(1, messages + 1)
        people = [{"id": n, "member_id": f"m-{n}", "role": "distributor", "joined_at": THEN} for n in numbers]
        db.execute(insert(Member), people)
        chat = {"channel": "telegram", "first_seen_at": THEN, "seen_at": THEN}
        db.execute(insert(Contact), [chat | {"account": str(100_000 + n), "member_id": n} for n in numbers])
        made = announcements.schedule(db, "公告：明天上午十点上新", "all", clock(), urgent=True, by="cli", now=clock())
        while announcements.enqueue_chunk(db, made, now=clock()):
            pass

    database.write_now(fill)
    database.close()


async def _send_all(url: str, port: int, rate: float) -> float:
    """Be the program until nothing is left to send, and return how many messages a second that were."""
    telegram = TelegramSettings(token=SecretStr(TOKEN), api_url=f"http://127.0.0.1:{port}", rate=rate)
    settings = Settings(
        database_url=SecretStr(url), port=free_port(), demo="off", telegram=telegram, log_level="warning"
    )
    app = App(settings, prepare(settings, clock))
    app.jobs.clear()
    await app.start()
    all_of_them = select(func.count()).select_from(Outbox)

    async def sent() -> int:
        return await app.database.read(lambda db: db.scalar(all_of_them.where(Outbox.state == "sent")) or 0)

    while not await sent():  # noqa: ASYNC110 - another process is what we wait for
        await asyncio.sleep(0.01)
    first, began = await sent(), time.perf_counter()
    total = await app.database.read(lambda db: db.scalar(all_of_them)) or 0
    while (done := await sent()) < total:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.1)
    per_second = (done - first) / (time.perf_counter() - began)
    await app.stop()
    print(f"CPU {time.process_time():.2f} s", file=sys.stderr)
    return per_second


def _times(port: int) -> list[float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/times") as answer:
        return [float(moment) for moment in json.load(answer)]


def _child(module: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    print(arguments[0][:10], done.stdout.strip(), done.stderr.strip()[-300:])
    return done.stdout.strip().splitlines()[-1]


if __name__ == "__main__":
    print(uvloop.run(_send_all(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
