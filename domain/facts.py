"""What this installation remembers about itself, such as whether it is a demo."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.schema import Fact
from domain.sql import insert_ignore, upsert

DEMO = "demo"  # on | off, decided at the first start and never again


def get(db: Session, name: str) -> str | None:
    return db.scalar(select(Fact.value).where(Fact.name == name))


def put(db: Session, name: str, value: str) -> None:
    upsert(db, Fact, [{"name": name, "value": value}], key=["name"], change=["value"])


def put_once(db: Session, name: str, value: str) -> str:
    """Remember `value` unless something is remembered already, and return what is remembered now."""
    insert_ignore(db, Fact, [{"name": name, "value": value}], key=["name"])
    return get(db, name) or value
