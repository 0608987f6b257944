"""Settlement killed at any instruction and run again ends as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from bot.database import Database
from domain import audit, dump
from domain.money.settlement import settle
from domain.schema import Base
from tests import postgresql
from tests.benchmarks.due import THEN, fill

T = TypeVar("T")

MEMBERS, LINES = 600, 60
COMMISSIONS = {"sqlite": 20_000, "postgresql": 4_000}
EVERY_NTH_POINT = {"sqlite": 1, "postgresql": 3}
SIGKILLS = {"sqlite": 50, "postgresql": 12}
KILLED_AT_A_POINT = 77

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed, which needs fork"),
]


class Shop:
    """A shop with everything due, copied for each round; what an uninterrupted settlement makes of it is `wanted`."""

    def __init__(self, kind: str, folder: Path, server: str | None) -> None:
        self.kind, self._folder, self._server = kind, folder, server
        self._template = f"crash_{os.getpid()}"
        database = Database(self._make(self._template))
        Base.metadata.create_all(database.writing)
        fill(database, COMMISSIONS[kind], MEMBERS, lines=LINES)
        database.close()
        with self.copy() as url:
            started = time.perf_counter()
            run(url)
            self.seconds = time.perf_counter() - started
            self.wanted = digest(url)
            assert books_hold(url)

    def _make(self, name: str, template: str | None = None) -> str:
        if self._server:
            return postgresql.create(self._server, name, template=template)
        if template:
            shutil.copy(self._folder / f"{template}.db", self._folder / f"{name}.db")
        return f"sqlite:///{self._folder / name}.db"

    @contextmanager
    def copy(self) -> Iterator[str]:
        url = self._make(f"{self._template}_round", self._template)
        yield url
        if self._server:
            postgresql.drop(self._server, f"{self._template}_round")
        for left in self._folder.glob(f"{self._template}_round.db*"):
            left.unlink()

    def close(self) -> None:
        if self._server:
            postgresql.drop(self._server, self._template)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None
    shop = Shop(request.param, tmp_path_factory.mktemp("crash"), server)
    yield shop
    shop.close()


def run(url: str, at: Callable[[str], None] = lambda _: None, *, late: timedelta = timedelta()) -> None:
    """Settle; `at` is told before and after each statement and each commit of a writing transaction."""
    database = Database(url)
    engine = database.writing
    event.listen(engine, "before_cursor_execute", lambda *_: at("before a statement"))
    event.listen(engine, "after_cursor_execute", lambda *_: at("after a statement"))
    event.listen(engine, "commit", lambda *_: at("before a commit"))

    def write(work: Callable[[Session], T]) -> T:
        result = database.write_now(work)
        at("after a commit")
        return result

    settle(write, database.read_now, as_of=THEN, now=THEN + late)
    database.close()


def digest(url: str) -> str:
    """The whole dump in short."""
    database = Database(url)
    seen = hashlib.sha256()

    def read(db: Session) -> None:
        for line in dump.lines(db):
            seen.update(line.encode() + b"\n")

    database.read_now(read)
    database.close()
    return seen.hexdigest()


def books_hold(url: str) -> bool:
    """Whether what settlement writes is sound; the orders themselves are only sketched here."""
    database = Database(url)
    broken = {each.rule.number for each in database.read_now(audit.violations)}
    database.close()
    return broken.isdisjoint({"1", "2", "3", "4", "13"})


def in_child(work: Callable[[], Any]) -> int:
    """Run `work` in a process of its own and return its id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def killed_at(point: int) -> Callable[[str], None]:
    left = point

    def at(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os._exit(KILLED_AT_A_POINT)  # nothing is closed, nothing is rolled back

    return at


def all_points(url: str) -> list[str]:
    points: list[str] = []
    run(url, points.append)
    return points


def test_killed_at_each_statement_and_commit_and_run_again_it_ends_the_same(shop: Shop):
    with shop.copy() as url:
        points = all_points(url)
    assert points.count("after a commit") >= (2 if shop.kind == "sqlite" else 1)
    assert len(points) >= 20
    for point, name in list(enumerate(points))[:: EVERY_NTH_POINT[shop.kind]]:
        with shop.copy() as url:
            child = in_child(lambda url=url, point=point: run(url, killed_at(point)))  # type: ignore[misc]
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED_AT_A_POINT
            run(url, late=timedelta(hours=1))
            assert digest(url) == shop.wanted, f"killed {name}, the {point}th point"


def test_killed_by_the_system_at_random_moments_and_run_again_it_ends_the_same(shop: Shop):
    chance = random.Random(20_000)
    interrupted, longest = 0, shop.seconds
    for number in range(SIGKILLS[shop.kind]):
        wait = chance.uniform(0, longest)
        with shop.copy() as url:
            if killed_after(url, wait) == -signal.SIGKILL:
                interrupted += 1
            else:  # it was done before: it goes faster now than when it was measured, on a machine that had other work
                longest = (longest + wait) / 2
            run(url, late=timedelta(hours=1))
            assert digest(url) == shop.wanted, f"round {number}, killed {wait * 1e3:.1f} ms after its first statement"
    assert interrupted >= SIGKILLS[shop.kind] // 3


def killed_after(url: str, wait: float) -> int:
    """Settle in another process and kill it so many seconds after its first statement; return how it ended."""
    started, told = os.pipe()
    first = True

    def tell(_: str) -> None:
        nonlocal first
        if first:
            first = False
            os.write(told, b"1")

    child = in_child(lambda: run(url, tell))
    os.close(told)
    os.read(started, 1)
    os.close(started)
    time.sleep(wait)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
