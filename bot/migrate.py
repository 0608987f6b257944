"""The database's schema: brought up to date by one process at a time, and never guessed at."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from bot.database import Database
from domain.sql import is_postgresql, one_at_a_time

MIGRATIONS = Path(__file__).parent.parent / "migrations"


@lru_cache(maxsize=1)
def newest() -> str:
    """Return the revision that this program was written for: migrations are numbered, 0001_what.py and so on."""
    return max(file.stem.split("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def is_empty(db: Session) -> bool:
    """Say whether there is no table at all."""
    return not inspect(db.connection()).get_table_names()


def is_current(db: Session) -> bool:
    """Say whether the schema is the one that this program was written for."""
    if not _has_table(db, "alembic_version"):
        return False
    return bool(db.scalar(text("SELECT version_num FROM alembic_version")) == newest())


def migrate(database: Database) -> bool:
    """Bring the schema up to date in one transaction; returns whether anything had to be done."""
    if database.read_now(is_current):
        return False
    return database.write_now(_upgrade)


def _upgrade(db: Session) -> bool:
    one_at_a_time(db, "migrate")
    if is_current(db):
        return False  # another process was faster
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells every plugin it loads
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = db.connection()
    command.upgrade(config, "head")
    make_job_queue(db)
    return True


def _has_table(db: Session, name: str) -> bool:
    return bool(inspect(db.connection()).has_table(name))


def make_job_queue(db: Session) -> None:
    """Make Procrastinate's own tables, as its locked version has them; PostgreSQL only, twice is harmless."""
    if not is_postgresql(db) or _has_table(db, "procrastinate_jobs"):
        return
    from procrastinate.schema import SchemaManager

    db.connection().exec_driver_sql(SchemaManager.get_schema(), execution_options={"no_parameters": True})
