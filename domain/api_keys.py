"""Keys for scripts: shown once when they are made, kept only as a hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain import audit_log
from domain.errors import Conflict, Invalid
from domain.schema import ApiKey
from domain.sql import insert_ignore

SCOPES: Final = ("read", "write")
PREFIX: Final = "fx_"  # lets people and scanners recognize a key that lies where it should not


@dataclass(frozen=True, slots=True)
class KnownKey:
    name: str
    scope: str


def create(db: Session, name: str, scope: str, *, by: str, now: datetime) -> str:
    """Make a key called `name` and return it; it cannot be shown again. A name that is taken raises Conflict."""
    if not name.strip() or len(name) > 100:
        raise Invalid("name", "length")
    if scope not in SCOPES:
        raise Invalid("scope", "unknown")
    key = PREFIX + secrets.token_urlsafe(32)
    row = {"name": name.strip(), "hash": digest(key), "scope": scope, "created_at": now}
    if not insert_ignore(db, ApiKey, [row], key=["name"], returning=["id"]):
        raise Conflict(name=name)
    audit_log.record(
        db, actor=by, action="api_key.create", subject=name.strip(), before=None, after={"scope": scope}, now=now
    )
    return key


def find(db: Session, key: str) -> KnownKey | None:
    """Return whose key this is; None for an unknown one. The hash is looked up, so timing tells nothing of the key."""
    row = db.execute(select(ApiKey.name, ApiKey.scope).where(ApiKey.hash == digest(key))).one_or_none()
    return None if row is None else KnownKey(row.name, row.scope)


def digest(key: str) -> str:
    """A plain hash is enough: the key has 256 random bits, nobody guesses those."""
    return hashlib.sha256(key.encode()).hexdigest()
