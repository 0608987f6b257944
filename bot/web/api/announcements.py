"""Announcements for scripts: schedule one, see how far it has come, stop it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from sqlalchemy.orm import Session

from bot.web.api.calls import Asked
from bot.web.api.shapes import Answer, Body, Instant, Lines, Text, number_in_path
from domain import audit_log
from domain.messages import announcements
from domain.messages.announcements import MAX_TEXT
from domain.periods import format_instant

Said = Annotated[Lines, Field(min_length=1, max_length=MAX_TEXT)]


class InLanguages(Body):
    """Each reader gets the text in their language; a single one goes to everybody."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    zh: Said = ""
    en: Said = ""

    @model_validator(mode="after")
    def _not_empty(self) -> InLanguages:
        if not self.zh and not self.en:
            raise ValueError("must have zh, en or both")
        return self


def _kind(text: object) -> str | None:
    if isinstance(text, str):
        return "<text>"
    return "<languages>" if isinstance(text, dict | InLanguages) else None


class Wanted(Body):
    """`at` that is missing or past means at once."""

    text: Annotated[
        Annotated[Said, Tag("<text>")] | Annotated[InLanguages, Tag("<languages>")],
        Discriminator(_kind, custom_error_type="text", custom_error_message="should be a text, or texts by language"),
    ]
    audience: Annotated[
        Text,
        Field(
            description="all, distributors, merchants, agents, customers, operators, locale:zh, locale:en or tier:NAME"
        ),
    ] = "all"
    at: Instant | None = None


class Progress(Answer):
    """How many messages are in each state; `recipients` is their sum."""

    id: int
    state: str
    audience: str
    at: datetime
    recipients: int
    queued: int
    sending: int
    sent: int
    failed: int
    unknown: int
    deferred: int
    muted: int
    cancelled: int


def schedule(db: Session, asked: Asked, given: Wanted) -> Progress:
    at = given.at or asked.now
    text, text_en = _texts(given.text)
    made = announcements.schedule(db, text, given.audience, at, text_en=text_en, by=asked.actor, now=asked.now)
    written = announcements.as_written(text, text_en)
    after = {"audience": given.audience, "at": format_instant(max(at, asked.now)), "text": written}
    _audit(db, asked, "announcement.schedule", made, after)
    return _progress(db, made)


def _texts(given: str | InLanguages) -> tuple[str, str | None]:
    """The text for everybody, or the Chinese and the English one."""
    if isinstance(given, str):
        return given, None
    return (given.zh, given.en or None) if given.zh else (given.en, None)


def show(db: Session, asked: Asked, given: None) -> Progress:
    return _progress(db, number_in_path(asked.path["announcement_id"]))


def cancel(db: Session, asked: Asked, given: None) -> Progress:
    which = number_in_path(asked.path["announcement_id"])
    before = announcements.find(db, which).state
    announcements.cancel(db, which, now=asked.now)
    if before != "cancelled":
        _audit(db, asked, "announcement.cancel", which, {"state": "cancelled"}, {"state": before})
    return _progress(db, which)


def _progress(db: Session, which: int) -> Progress:
    found = announcements.find(db, which)
    counts = announcements.progress(db, which)
    return Progress(id=found.id, state=found.state, audience=found.audience, at=found.at, **counts)


def _audit(db: Session, asked: Asked, action: str, which: int, after: object, before: object = None) -> None:
    audit_log.record(
        db,
        actor=asked.actor,
        action=action,
        subject=f"announcement:{which}",
        before=before,
        after=after,
        now=asked.now,
    )
