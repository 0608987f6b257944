"""The database's schema: brought up to date by one process at a time, and never guessed at."""

from __future__ import annotations

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from bot.database import Database
from domain.schema import Base
from domain.sql import is_postgresql


def is_empty(db: Session) -> bool:
    """Say whether there is no table at all."""
    return not inspect(db.connection()).get_table_names()


def is_current(db: Session) -> bool:
    """Say whether the schema is the one that this program was written for."""
    there = set(inspect(db.connection()).get_table_names())
    return set(Base.metadata.tables) <= there and (not is_postgresql(db) or "procrastinate_jobs" in there)


def migrate(database: Database) -> bool:
    """Bring the schema up to date; returns whether anything had to be done."""
    if database.read_now(is_current):
        return False
    Base.metadata.create_all(database.writing)
    if not database.sqlite:
        database.write_now(_make_job_queue)
    return True


def _make_job_queue(db: Session) -> None:
    """Procrastinate's own tables, as its locked version makes them."""
    from procrastinate.schema import SchemaManager

    if db.scalar(text("SELECT to_regclass('procrastinate_jobs')")) is None:
        db.connection().connection.cursor().execute(SchemaManager.get_schema())
