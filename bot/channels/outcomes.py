"""What became of a message that we tried to send: it arrived, should wait, can never arrive, or nobody knows.

Both platform clients answer with one of these values, so that the delivery loop never sees a platform's own errors.
A `reason` is for operators: it names the platform's answer and never contains a token, a secret or a recipient.
"""

from dataclasses import dataclass
from typing import Literal

Scope = Literal["recipient", "account"]


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform accepted the message; `message_id` is its name there, None where the platform gives none."""

    message_id: str | None


@dataclass(frozen=True, slots=True)
class Retry:
    """Surely not sent; nothing may go to `scope` before `after_seconds` have passed, then the same message may.

    `recipient` parks this recipient only, `account` everything that goes out through this channel account. `asked`:
    the platform itself named the time.
    """

    after_seconds: float
    scope: Scope
    reason: str
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """Surely not sent: this way is shut for this message, take the next route and never retry this one.

    `alert`: the way is shut for everyone until an operator changes something at the platform.
    """

    reason: str
    alert: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """The recipient blocked us, left or never existed: suppress the channel for this person until they return.

    `moved_to` is the recipient's new address where the platform tells one.
    """

    reason: str
    moved_to: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The platform will never take this message, whoever it is for: set it aside, go on with the others.

    `alert`: every message of its kind will be refused until an operator changes something (a template, for example).
    """

    reason: str
    alert: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message may or may not have arrived: show it to an operator, never send it again by ourselves.

    The exception is a platform that drops repetitions: within `repeat_within_seconds` of the first try
    the same message with the same idempotency key may be sent again. 0 means never.
    """

    reason: str
    repeat_within_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """Our account is refused (token revoked, account blocked): send nothing more through it and alert an operator."""

    reason: str


Outcome = Sent | Retry | Closed | Dead | Refused | Unknown | Stop


class SendFailed(Exception):
    """A call to a platform did not succeed; `outcome` says what to do about it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{type(outcome).__name__}: {getattr(outcome, 'reason', '')}")
        self.outcome = outcome
