"""The keys of scripts: shown once when they are made, kept only as what they can be recognised by."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain import audit_log, sql
from domain.errors import Conflict, Invalid
from domain.items import FieldInvalid, identifier
from domain.schema import ApiKey

READ: Final = "read"
WRITE: Final = "write"
PREFIX: Final = "fx_"

_name = identifier(64)


@dataclass(frozen=True, slots=True)
class Key:
    """Who calls, and whether they may change things."""

    name: str
    scope: str

    def may(self, scope: str) -> bool:
        return self.scope in (scope, WRITE)


def create(
    db: Session,
    name: str,
    scope: str = READ,
    *,
    actor: str,
    now: datetime,
    choose: Callable[[], str] = lambda: secrets.token_urlsafe(32),
) -> str:
    """Make a key of 256 random bits and return it: it is never seen again.

    Raises Invalid for a name or scope that cannot be, Conflict for a name that has a key.
    """
    try:
        _name(name)
    except FieldInvalid as error:
        raise Invalid("name", str(error)) from None
    if scope not in (READ, WRITE):
        raise Invalid("scope", f"must be {READ} or {WRITE}")
    key = PREFIX + choose()
    row = {"name": name, "hash": _hash(key), "scope": scope, "created_at": now}
    if not sql.insert_ignore(db, ApiKey, [row], key=["name"], returning=["id"]):
        raise Conflict(name=name)
    audit_log.record(
        db, actor=actor, action="api_key.create", subject=f"api_key:{name}", after={"scope": scope}, now=now
    )
    return key


def find(db: Session, key: str) -> Key | None:
    """Return whose key this is; None for one that does not exist."""
    wanted = _hash(key)
    row = db.execute(select(ApiKey.name, ApiKey.hash, ApiKey.scope).where(ApiKey.hash == wanted)).one_or_none()
    if row is None or not hmac.compare_digest(row.hash, wanted):
        return None
    return Key(row.name, row.scope)


def _hash(key: str) -> str:
    # A key is random enough that a fast hash cannot be searched through, as a password's could.
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
