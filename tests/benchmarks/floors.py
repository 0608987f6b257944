"""What the databases themselves need for the rows of an order: raw drivers, nothing computed, one transaction each."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]

TABLES = ("orders", "order_line", "commission", "binding", "order_event", "entry", "posting", "outbox")

Rows = dict[str, list[tuple[Any, ...]]]
"""The rows of one order by table, and under `balances` the changes of members' accounts: (account, amount)."""


def rows_by_order(fetch: Callable[[str], Iterable[Sequence[Any]]]) -> tuple[list[Rows], list[tuple[Any, ...]]]:
    """Take the rows that really were written apart into those of each order; also return the accounts, at zero."""
    accounts = [tuple(row) for row in fetch("SELECT id, kind, member_id, currency, 0 FROM account")]
    of_member = {row[0] for row in accounts if row[2]}
    orders: dict[int, str] = {row[0]: row[1] for row in fetch("SELECT id, order_id FROM orders")}
    entries: dict[int, str] = {row[0]: row[1] for row in fetch("SELECT id, cause FROM entry")}
    order_of: dict[str, Callable[[Sequence[Any]], str | None]] = {
        "orders": lambda row: str(row[1]),
        "order_line": lambda row: orders[row[0]],
        "commission": lambda row: orders[row[1]],
        "binding": lambda row: orders[row[0]],
        "order_event": lambda row: str(row[3]),
        "entry": lambda row: str(row[3]),
        "posting": lambda row: entries[row[0]],
        "outbox": lambda row: row[1].split(":")[1] if row[1].startswith("commission") else None,
    }
    found: dict[str, Rows] = {order_id: {} for order_id in orders.values()}
    for table in TABLES:
        for row in fetch(f"SELECT * FROM {table} ORDER BY 1"):
            order_id = order_of[table](row)
            if order_id is not None:
                found[order_id].setdefault(table, []).append(tuple(row))
    for rows in found.values():
        rows["balances"] = sorted((row[1], row[2]) for row in rows.get("posting", ()) if row[1] in of_member)
    return list(found.values()), accounts


def sqlite_one_by_one(path: str, orders: Sequence[Rows], accounts: Sequence[tuple[Any, ...]], untimed: int) -> float:
    """Return orders per second with sqlite3 itself, `synchronous = FULL`, the rows of an order in one transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executemany("INSERT INTO account VALUES (?, ?, ?, ?, ?)", accounts)
    started = 0.0
    for number, rows in enumerate(orders):
        if number == untimed:
            started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            if table in rows:
                places = ", ".join("?" for _ in rows[table][0])
                connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows[table])
        changes = [(amount, account) for account, amount in rows["balances"]]
        connection.executemany("UPDATE account SET balance = balance + ? WHERE id = ?", changes)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    return (len(orders) - untimed) / seconds


async def asyncpg_one_by_one(
    url: str, orders: Sequence[Rows], accounts: Sequence[tuple[Any, ...]], untimed: int, in_flight: int
) -> float:
    """Return orders per second with asyncpg itself, the rows of an order in one transaction, `in_flight` at a time."""
    pool = await asyncpg.create_pool(url, min_size=in_flight, max_size=in_flight)
    await pool.executemany("INSERT INTO account VALUES ($1, $2, $3, $4, $5)", accounts)

    async def some(work: Iterator[Rows]) -> None:
        for rows in work:
            async with pool.acquire() as connection, connection.transaction():
                await _write(connection, rows)

    await asyncio.gather(*(some(shared) for shared in [iter(orders[:untimed])] * in_flight))
    started = time.perf_counter()
    await asyncio.gather(*(some(shared) for shared in [iter(orders[untimed:])] * in_flight))
    seconds = time.perf_counter() - started
    await pool.close()
    return (len(orders) - untimed) / seconds


async def _write(connection: Any, rows: Rows) -> None:
    for table in TABLES:
        if table in rows:
            places = ", ".join(f"${number + 1}" for number in range(len(rows[table][0])))
            await connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows[table])
    await connection.executemany("UPDATE account SET balance = balance + $2 WHERE id = $1", rows["balances"])
