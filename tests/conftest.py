"""What tests stand on: a real, empty database of each kind, and one instant that is now."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from bot import migrate
from bot.database import Database
from domain.schema import Base
from tests import postgresql

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "postgresql: needs a PostgreSQL server")


@pytest.fixture
def now() -> datetime:
    """Ten in the morning in Shanghai, a Monday."""
    return datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a database on a server where others can be made; one server per test process."""
    running = postgresql.server()
    try:
        url = running.__enter__()
    except postgresql.NoServer as reason:
        pytest.skip(str(reason))
    yield url
    running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    _make_schema(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _postgresql_pool(postgresql_server: str) -> Iterator[postgresql.Pool]:
    name = f"fenxiao_{uuid.uuid4().hex[:12]}"
    _make_schema(postgresql.create(postgresql_server, name))
    pool = postgresql.Pool(postgresql_server, name, f"test_{name}")
    yield pool
    pool.drop_all()
    postgresql.drop(postgresql_server, name)


def _make_schema(url: str) -> None:
    database = Database(url)
    Base.metadata.create_all(database.writing)  # faster than the migrations, whose result is compared with it
    with database.transaction() as db:
        db.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        db.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": migrate.newest()})
        migrate.make_job_queue(db)
    database.close()


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database with its schema: the test runs once on SQLite and once on PostgreSQL.

    Whoever changes the schema takes `bare_database_url`: this one is emptied and used again.
    """
    yield from _made(request, tmp_path, request.param)


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same on SQLite alone, where the database is not what the test is about."""
    yield from _made(request, tmp_path, "sqlite")


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same on PostgreSQL alone."""
    yield from _made(request, tmp_path, "postgresql")


@pytest.fixture(params=BOTH)
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bare.db'}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = f"bare_{uuid.uuid4().hex[:12]}"
    yield postgresql.create(server, name)
    postgresql.drop(server, name)


def _made(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> Iterator[str]:
    if kind == "sqlite":
        path = tmp_path / "fenxiao.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    pool: postgresql.Pool = request.getfixturevalue("_postgresql_pool")
    url = pool.take()
    yield url
    pool.give_back(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database with its schema, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """A session in one writing transaction, committed at the end of the test."""
    with database.transaction() as db:
        yield db


@pytest.fixture
def count_statements() -> Callable[[Session], AbstractContextManager[list[str]]]:
    """`with count_statements(db) as seen: …; assert len(seen) <= 3`: how often the database was asked."""
    return _counting


@contextmanager
def _counting(db: Session) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    engine = db.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
