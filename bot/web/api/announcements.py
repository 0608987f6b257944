"""Announcements for scripts: schedule one, see how far it has come, stop it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from sqlalchemy.orm import Session

from bot import missed_people
from bot.web.api.calls import Asked, Portion, Table
from bot.web.api.shapes import Answer, Body, Instant, Lines, Text, number_in_path
from domain.messages import announcement_report, announcements, announcing
from domain.messages.announcements import MAX_TEXT, Draft

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


def _audience_kind(audience: object) -> str | None:
    if isinstance(audience, str):
        return "<name>"
    return "<description>" if isinstance(audience, dict) else None


class Wanted(Body):
    """`at` that is missing or past means at once."""

    text: Annotated[
        Annotated[Said, Tag("<text>")] | Annotated[InLanguages, Tag("<languages>")],
        Discriminator(_kind, custom_error_type="text", custom_error_message="should be a text, or texts by language"),
    ]
    audience: Annotated[
        Annotated[Text, Tag("<name>")] | Annotated[dict[str, Any], Tag("<description>")],
        Discriminator(_audience_kind, custom_error_type="text", custom_error_message="should be a name or an object"),
        Field(
            description="all, distributors, merchants, agents, customers, operators, locale:zh, locale:en, tier:NAME, "
            "the name of a saved audience, or a description as `PUT /audiences` takes it"
        ),
    ] = "all"
    at: Instant | None = None
    kind: Literal["system", "business", "promotion"] = "promotion"
    urgent: Annotated[bool, Field(description="a promotion that does not wait for the end of quiet hours")] = False
    sku: Annotated[Text | None, Field(description="the product whose picture comes with it")] = None


class Resend(Body):
    """Whom to send it again: those whose message is in one of these states. Unknown: some will read it twice."""

    states: Annotated[
        list[Literal["failed", "cancelled", "deferred", "unknown"]], Field(min_length=1, max_length=4)
    ] = ["failed", "cancelled"]  # noqa: RUF012 - the model is frozen


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
    kind: str
    urgent: bool
    sku: str | None
    resend_of: int | None


def schedule(db: Session, asked: Asked, given: Wanted) -> int:
    at = given.at or asked.now
    text, text_en = _texts(given.text)
    draft = Draft(text, text_en, given.kind, given.urgent, given.sku)
    return announcing.announce(db, draft, given.audience, at, by=asked.actor, now=asked.now)


def resend(db: Session, asked: Asked, given: Resend) -> int:
    which = number_in_path(asked.path["announcement_id"])
    return announcing.send_again(db, which, given.states, by=asked.actor, now=asked.now)


def _texts(given: str | InLanguages) -> tuple[str, str | None]:
    """The text for everybody, or the Chinese and the English one."""
    if isinstance(given, str):
        return given, None
    return (given.zh, given.en or None) if given.zh else (given.en, None)


def show(db: Session, asked: Asked, given: None) -> Progress:
    return progress(db, asked, number_in_path(asked.path["announcement_id"]))


def cancel(db: Session, asked: Asked, given: None) -> int:
    which = number_in_path(asked.path["announcement_id"])
    announcing.stop(db, which, by=asked.actor, now=asked.now)
    return which


def progress(db: Session, asked: Asked, which: int) -> Progress:
    found = announcements.find(db, which)
    counts = announcements.progress(db, which, asked.shop.timezone)
    shown = {name: getattr(found, name) for name in Progress.model_fields if name not in counts}
    return Progress(**shown, **counts)


def report(db: Session, asked: Asked, after: tuple[int, int] | None) -> Portion:
    """Whom it did not reach, a portion at a time."""
    which, zone = number_in_path(asked.path["announcement_id"]), asked.shop.timezone
    found, more = announcement_report.all_missed(db, which, after=after or (0, 0), zone=zone)
    return [missed_people.row(one, asked.texts, asked.locale) for one in found], more


REPORT = Table("not-reached.csv", missed_people.COLUMNS, report)
