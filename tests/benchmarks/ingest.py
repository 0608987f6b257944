"""Order ingest: the whole domain call, 32 in flight, against the databases' own drivers writing the same rows."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from bot.batching import Batcher
from bot.database import Database
from domain.sales import order_events
from domain.sales.order_data import IncomingEvent
from domain.sales.order_events import EventResult
from tests import postgresql
from tests.benchmarks import floors, orders
from tests.benchmarks.figures import Figure

IN_FLIGHT = 32
ORDERS, UNTIMED = 1600, 320
ROUNDS = 3
WANTED_SQLITE, WANTED_POSTGRESQL = 1.5, 1.0


def run() -> list[Figure]:
    return [_on_sqlite(), *_on_postgresql()]


def _work(db: Session, events: list[IncomingEvent]) -> Sequence[EventResult]:
    return order_events.record_events(db, events, now=orders.NOW, settlement_currency="CNY")


async def _ingest(url: str) -> float:
    """Return orders per second; each caller sends the next order when the last one is answered."""
    database = Database(url)
    batcher = Batcher(database, _work)
    events = orders.sales(ORDERS)

    async def some(work: list[IncomingEvent]) -> None:
        while work:
            answer = await batcher.do(work.pop())
            assert answer.status == "applied", answer

    timed, untimed = events[:-UNTIMED], events[-UNTIMED:]
    await asyncio.gather(*(some(untimed) for _ in range(IN_FLIGHT)))
    started = time.perf_counter()
    await asyncio.gather(*(some(timed) for _ in range(IN_FLIGHT)))
    seconds = time.perf_counter() - started
    database.close()
    return (ORDERS - UNTIMED) / seconds


def _fetch(connection: Any, query: str) -> list[Sequence[Any]]:
    return list(connection.execute(query).fetchall())


def _on_sqlite() -> Figure:
    ours, floor = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            one, two = Path(folder) / "ours.db", Path(folder) / "floor.db"
            orders.make_shop(f"sqlite:///{one}")
            orders.make_shop(f"sqlite:///{two}")
            ours.append(asyncio.run(_ingest(f"sqlite:///{one}")))
            with closing(sqlite3.connect(one)) as connection:
                rows, accounts = floors.rows_by_order(partial(_fetch, connection))
            floor.append(floors.sqlite_one_by_one(str(two), rows, accounts, UNTIMED))
    return _figure("order ingest, SQLite", ours, floor, "raw sqlite3 FULL, one transaction each", WANTED_SQLITE)


def _on_postgresql() -> list[Figure]:
    ours, floor = [], []
    try:
        with postgresql.server(durable=True) as server:
            for number in range(ROUNDS):
                one, two = (postgresql.create(server, f"{name}_{number}") for name in ("ours", "floor"))
                orders.make_shop(one)
                orders.make_shop(two)
                ours.append(asyncio.run(_ingest(one)))
                with psycopg.connect(one) as connection:
                    rows, accounts = floors.rows_by_order(partial(_fetch, connection))
                floor.append(asyncio.run(floors.asyncpg_one_by_one(two, rows, accounts, UNTIMED, IN_FLIGHT)))
    except postgresql.NoServer:
        return []
    wanted = WANTED_POSTGRESQL
    return [_figure("order ingest, PostgreSQL", ours, floor, "raw asyncpg, one transaction each", wanted)]


def _figure(name: str, ours: list[float], floor: list[float], floor_name: str, wanted: float) -> Figure:
    ratio = statistics.median(mine / its for mine, its in zip(ours, floor, strict=True))
    return Figure(name, statistics.median(ours), "orders/s", floor_name, ratio, wanted, ratio >= wanted)
