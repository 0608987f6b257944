"""The whole program as a process: starts, says where to look, answers, and stops in order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import migrate
from bot.database import Database
from domain import facts
from domain.work import job_runs

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Program:
    """One process of the product, its log in a file."""

    process: subprocess.Popen[bytes]
    port: int
    out: Path
    err: Path

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def until_ready(self, seconds: float = 30) -> float:
        """Wait for /readyz and return how long it took."""
        began = time.monotonic()
        while self.status("/readyz") != 200:
            assert self.process.poll() is None, self.err.read_text()
            assert time.monotonic() - began < seconds, self.err.read_text()
            time.sleep(0.05)
        return time.monotonic() - began

    def until_logged(self, event: str, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while f'"{event}"' not in self.err.read_text():
            assert self.process.poll() is None, self.err.read_text()
            assert time.monotonic() < deadline, self.err.read_text()
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=15)


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Program] = []

    def start(self, url: str, *arguments: str, port: int | None = None, **settings: str) -> Program:
        port = port or free_port()
        number = len(self.running)
        out, err = self.folder / f"{number}.out", self.folder / f"{number}.err"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("FENXIAO_")}
        environ |= {"FENXIAO_DATABASE_URL": url, "FENXIAO_PORT": str(port), "FENXIAO_DEMO": "off"}
        environ |= {f"FENXIAO_{name}": value for name, value in settings.items()} | {"FENXIAO_LOG_FORMAT": "json"}
        with out.open("wb") as to_out, err.open("wb") as to_err:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "run", *arguments], cwd=ROOT, env=environ, stdout=to_out, stderr=to_err
            )
        program = Program(process, port, out, err)
        self.running.append(program)
        return program


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    for program in house.running:
        if program.process.poll() is None:
            program.process.kill()
            program.process.wait()


def test_a_first_start_sets_itself_up_and_a_stop_ends_in_order(house: House, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'fenxiao.db'}"
    program = house.start(url, LOCALE="en")
    program.until_ready()
    assert program.status("/healthz") == 200
    program.until_logged("started")
    assert "/chat" in program.out.read_text()
    assert program.stop() == 0
    assert '"stopped"' in program.err.read_text()
    database = Database(url)
    assert database.read_now(migrate.is_current)
    assert database.read_now(lambda db: facts.get(db, facts.DEMO)) == "off"
    database.close()


def test_a_second_start_is_quick_small_and_says_so_when_the_port_is_taken(house: House, sqlite_url: str) -> None:
    first = house.start(sqlite_url)
    first.until_ready()
    if sys.platform == "linux":
        memory = Path(f"/proc/{first.process.pid}/status").read_text().split("VmRSS:")[1].split()[0]
        assert int(memory) < 150 * 1024
    second = house.start(sqlite_url, port=first.port)
    assert second.process.wait(timeout=30) == 1
    said = [line for line in second.err.read_text().splitlines() if not line.startswith("{")]
    assert len(said) == 1
    assert str(first.port) in said[0]
    assert first.stop(signal.SIGINT) == 0


def test_several_processes_need_postgresql(house: House, sqlite_url: str) -> None:
    program = house.start(sqlite_url, "--role", "worker")
    assert program.process.wait(timeout=30) == 1
    assert "PostgreSQL" in program.err.read_text()


@pytest.mark.postgresql
def test_on_postgresql_the_roles_share_the_work(house: House, postgresql_url: str) -> None:
    for role in ("worker", "scheduler"):
        house.start(postgresql_url, "--role", role).until_logged("started")
    web = house.start(postgresql_url, "--role", "web")
    web.until_ready()
    database = Database(postgresql_url)
    deadline = time.monotonic() + 30
    while not {"settle", "visit_rollup"} <= set(database.read_now(job_runs.last_done)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    database.close()
    assert [program.stop() for program in house.running] == [0, 0, 0]


@pytest.mark.postgresql
def test_a_postgresql_database_of_another_version_is_left_alone(house: House, postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.transaction() as db:
        db.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    program = house.start(postgresql_url)
    assert program.process.wait(timeout=30) == 1
    assert "fenxiao migrate" in program.err.read_text()
    with database.transaction() as db:
        db.connection().exec_driver_sql(f"UPDATE alembic_version SET version_num = '{migrate.newest()}'")
    database.close()
