"""The database's schema: brought up to date by one process at a time, and never guessed at."""

from __future__ import annotations

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from bot.database import Database
from domain.schema import Base


def is_empty(db: Session) -> bool:
    """Say whether there is no table at all."""
    return not inspect(db.connection()).get_table_names()


def is_current(db: Session) -> bool:
    """Say whether the schema is the one that this program was written for."""
    return set(Base.metadata.tables) <= set(inspect(db.connection()).get_table_names())


def migrate(database: Database) -> bool:
    """Bring the schema up to date; returns whether anything had to be done."""
    if database.read_now(is_current):
        return False
    Base.metadata.create_all(database.writing)
    return True
