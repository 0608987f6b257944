"""What follows from a platform's answer: sent, another try, another way, or a person must look at it."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from bot.channels.outcomes import Closed, Dead, Outcome, Refused, Retry, Sent, Stop, Unknown
from domain.messages import alerts, doubts, outbox
from domain.messages.outbox import Claimed, Mark
from domain.wording import words

MAX_ATTEMPTS = 20  # with pauses up to a quarter of an hour: more than three hours of a platform being out of order
LONGEST_PAUSE_SECONDS = 900.0
REPEATS = 3  # of a message whose fate is unknown, where the platform drops repetitions


UNKNOWN_WORDS = words("alert.outbox_unknown")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one claimed message. No outcome: it was not tried, and goes back as it was, until `not_before`."""

    message: Claimed
    outcome: Outcome | None
    at: datetime
    not_before: datetime | None = None


def record(db: Session, fates: Sequence[Fate], *, pushing: Collection[str], now: datetime) -> None:
    """Write down `fates` in one transaction. `pushing` are the channels that reach a person by themselves."""
    outbox.record(db, [mark(db, fate, pushing) for fate in fates], now=now)
    for channel in {fate.message.channel for fate in fates if isinstance(fate.outcome, Sent)}:
        alerts.clear_alert(db, _failing(channel), now=now)
    for fate in fates:
        match fate.outcome:
            case Stop(reason) | Closed(reason, alert=True) | Refused(reason, alert=True):
                said = words("alert.push_failing", channel=fate.message.channel, reason=reason)
                alerts.raise_alert(db, _failing(fate.message.channel), said, now=now)
            case Unknown(repeat_within_seconds=0):
                alerts.raise_alert(db, doubts.UNKNOWN_ALERT, UNKNOWN_WORDS, now=now)
            case Dead(moved_to=None):
                outbox.gone(db, [fate.message.contact_id], now=now)
            case Dead(moved_to=str(address)):
                outbox.moved(db, fate.message.contact_id, address, now=now)


def _failing(channel: str) -> str:
    return f"push_failing:{channel}"


def mark(db: Session, fate: Fate, pushing: Collection[str]) -> Mark:
    """Return the message's next state. A message that nobody can be sure about is never sent again by itself."""
    message = fate.message
    match fate.outcome:
        case Sent():
            return Mark(message.id, message.taken, "sent")
        case None:
            return _back(message, not_before=fate.not_before) if message.reachable else _anew(message, "unreachable")
        case Retry(after, "account", reason):
            return _back(message, reason, fate.at + timedelta(seconds=after))
        case Retry(after, _, reason):
            return _try_again(message, reason, fate.at, after)
        case Stop(reason):
            return _back(message, reason)
        case Dead(reason):
            return _anew(message, reason)
        case Closed(reason):
            way = outbox.next_way(db, message.member, message.contact_id, pushing, message=message.id)
            if way is None:
                return Mark(message.id, message.taken, "deferred", error=reason)
            return Mark(
                message.id, message.taken, "queued", error=reason, contact_id=way[0], channel=way[1], counted=False
            )
        case Refused(reason):
            return _ended(message, "failed", reason)
        case Unknown(reason, repeat_within_seconds):
            if repeat_within_seconds and message.attempts <= REPEATS:
                return _try_again(message, reason, fate.at, repeat_within_seconds / 20)
            return _ended(message, "unknown", reason)


def _back(message: Claimed, reason: str | None = None, not_before: datetime | None = None) -> Mark:
    """Queued again as if nothing had been tried: it was not this message's fault."""
    return Mark(
        message.id, message.taken, "queued", reason, not_before, message.contact_id, message.channel, counted=False
    )


def _anew(message: Claimed, reason: str) -> Mark:
    return Mark(message.id, message.taken, "queued", error=reason, counted=False)


def _ended(message: Claimed, state: str, reason: str) -> Mark:
    return Mark(message.id, message.taken, state, reason, contact_id=message.contact_id, channel=message.channel)


def _try_again(message: Claimed, reason: str, at: datetime, after_seconds: float) -> Mark:
    if message.attempts >= MAX_ATTEMPTS:
        return _ended(message, "failed", reason)
    pause = max(after_seconds, min(LONGEST_PAUSE_SECONDS, 2.0**message.attempts))
    pause *= random.uniform(1, 1.2)  # noqa: S311 - so that what failed together does not return together
    return Mark(
        message.id,
        message.taken,
        "queued",
        error=reason,
        not_before=at + timedelta(seconds=pause),
        contact_id=message.contact_id,
        channel=message.channel,
    )
