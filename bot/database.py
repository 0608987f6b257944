"""The one door to the database: short writing transactions in groups, readers beside them, safe on both engines."""

from __future__ import annotations

import asyncio
import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

T = TypeVar("T")
Work = Callable[[Session], T]

GROUP_LIMIT = 64
POSTGRES_WRITERS = 8
READERS = 4
CHECKPOINT_SECONDS = 2.0
MOST_WAL_PAGES = 16_000  # 64 MB: only if the thread that moves them cannot keep up does a commit wait for it
_RETRIED_STATES = {"40001", "40P01"}
_MAX_TRIES = 6


class DatabaseUnavailable(Exception):
    """The database is locked, full, read-only or gone; nothing was written. Worth trying again a little later."""


@dataclass(slots=True)
class _Unit:
    work: Work[Any]
    done: Future[Any]


class Database:
    """Runs units of work, each a plain function of a Session, each in one transaction.

    A unit must bear being run again: on SQLite concurrent units share one commit, and are run one by one if any of
    them fails; on PostgreSQL serialization failures and deadlocks are retried.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        if self.sqlite:
            # One connection for writing, opened and kept by the writer; readers have their own, read-only.
            self.writing = _sqlite_engine(url, begin="BEGIN IMMEDIATE", read_only=False)
            self.reading = _sqlite_engine(url, begin="BEGIN", read_only=True)
            self._queue: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
            self._writer: threading.Thread | None = None
            self._checkpoints = _Checkpoints(parsed.database or "")
        else:
            url = parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
            self.writing = _postgres_engine(url, POSTGRES_WRITERS, read_only=False)
            self.reading = _postgres_engine(url, READERS, read_only=True)
            self._writers = ThreadPoolExecutor(POSTGRES_WRITERS, thread_name_prefix="db-write")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        self._lock = threading.Lock()

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a writing transaction off the loop; what it returns is committed durably."""
        if self.sqlite:
            unit = _Unit(work, Future())
            self._start_writer()
            self._queue.put(unit)
            return await asyncio.wrap_future(unit.done)
        return await asyncio.get_running_loop().run_in_executor(self._writers, self.write_now, work)

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a read-only transaction off the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    def write_now(self, work: Work[T]) -> T:
        """The same for callers without a loop: commands, jobs in threads, tests."""
        for attempt in range(1, _MAX_TRIES + 1):
            try:
                with self.transaction() as db:
                    return work(db)
            except DBAPIError as error:
                if attempt == _MAX_TRIES or getattr(error.orig, "sqlstate", None) not in _RETRIED_STATES:
                    raise _classified(error) from error
                time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - a pause, not a secret
        raise AssertionError("unreachable")

    def read_now(self, work: Work[T]) -> T:
        try:
            with Session(self.reading) as db:
                return work(db)
        except DBAPIError as error:
            raise _classified(error) from error

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One writing transaction: commits at the end, rolls back on any exception."""
        with (
            Session(self.writing, expire_on_commit=False) as db,
            db.begin(),
        ):
            yield db
        if self.sqlite:
            self._checkpoints.wanted = True

    def _start_writer(self) -> None:
        with self._lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_groups, name="db-writer", daemon=True)
                self._writer.start()
                self._checkpoints.start()

    def _write_groups(self) -> None:
        while (unit := self._queue.get()) is not None:
            group = [unit]
            stop = False
            while len(group) < GROUP_LIMIT and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    stop = True
                    break
                group.append(following)
            self._write_group([unit for unit in group if unit.done.set_running_or_notify_cancel()])
            if stop:
                return

    def _write_group(self, group: list[_Unit]) -> None:
        if len(group) > 1:
            try:
                with self.transaction() as db:
                    results = [_run(unit.work, db) for unit in group]
                for unit, result in zip(group, results, strict=True):
                    unit.done.set_result(result)
                return
            except Exception:  # noqa: BLE001, S110 - one fails: below each is run again alone and answers for itself
                pass
        for unit in group:
            try:
                unit.done.set_result(self.write_now(unit.work))
            except BaseException as error:  # noqa: BLE001 - whoever waits for the unit gets it
                unit.done.set_exception(error)

    def close(self) -> None:
        """Finish what is queued, then let go of every connection."""
        if self.sqlite:
            with self._lock:
                if self._writer is not None:
                    self._queue.put(None)
                    self._writer.join()
                    self._writer = None
                    self._checkpoints.stop()
        else:
            self._writers.shutdown()
        self._readers.shutdown()
        self.writing.dispose()
        self.reading.dispose()


class _Checkpoints:
    """Moves what was committed from SQLite's write-ahead log into the database file, beside the writer.

    Left to SQLite, one commit in some hundred does it for all the others, and whoever waits for that one waits long.
    """

    def __init__(self, path: str) -> None:
        self.wanted = False
        self._path = path
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._keep_moving, name="db-checkpoints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None

    def _keep_moving(self) -> None:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            while not self._stopping.wait(CHECKPOINT_SECONDS):
                if self.wanted:
                    self.wanted = False
                    with suppress(sqlite3.Error):  # locked, full or read-only: commits say so, and the next one tries
                        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _run(work: Work[T], db: Session) -> T:
    """Units of one group share a session, but nothing that one of them loaded."""
    result = work(db)
    db.flush()
    db.expunge_all()
    return result


def _classified(error: DBAPIError) -> Exception:
    """SQLite's and PostgreSQL's ways of being unavailable, as one; anything else stays what it is."""
    message = str(error.orig).lower()
    state = getattr(error.orig, "sqlstate", None) or ""
    gone = error.connection_invalidated or state[:2] in ("08", "53", "57") or state == "25006"
    stuck = (
        "locked",
        "disk is full",
        "disk full",
        "readonly",
        "read-only",
        "disk i/o",
        "unable to open",
        "refused",
    )
    if gone or any(word in message for word in stuck):
        return DatabaseUnavailable(message.splitlines()[0])
    return error


def _sqlite_engine(url: str, *, begin: str, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # an error that is logged names no person
        poolclass=QueuePool,
        pool_size=READERS if read_only else 1,
        max_overflow=0 if not read_only else READERS,
        connect_args={
            "timeout": 10,
            "check_same_thread": False,
            "cached_statements": 512,
        },
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: Python's default begins too late to be safe
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "busy_timeout = 10000",
            "cache_size = -65536",
            "temp_store = MEMORY",
            f"wal_autocheckpoint = {MOST_WAL_PAGES}",
            *(["query_only = ON"] if read_only else []),
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def say_begin(connection: Any) -> None:
        connection.connection.driver_connection.execute(begin)

    return engine


def _postgres_engine(url: str, size: int, *, read_only: bool) -> Engine:
    engine = create_engine(
        url, hide_parameters=True, pool_size=size, max_overflow=size, pool_pre_ping=True, pool_recycle=1800
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.read_only = read_only
        with connection.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
            cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
        connection.commit()

    return engine
