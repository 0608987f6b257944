"""Whom an announcement did not reach, as a table: the same columns in the interface's file and the command's."""

from __future__ import annotations

from typing import Final

from bot.rendering import Texts
from domain.messages.announcement_report import Missed
from domain.periods import format_instant
from domain.wording import words

COLUMNS: Final = ("member_id", "name", "state", "reason", "why", "channel", "error", "at")
"""`reason` is for programs, `why` for people."""


def row(one: Missed, texts: Texts, locale: str) -> tuple[str | None, ...]:
    why = texts.say(words(f"announce.reason.{one.reason}"), locale)
    at = None if one.at is None else format_instant(one.at)
    return (one.member_id, one.name, one.state, one.reason, why, one.channel, one.error, at)
