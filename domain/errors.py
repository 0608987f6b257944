"""The polite no: every refusal that a person may meet, each with a code that the texts know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class Refusal(Exception):
    """An expected no. `code` names its words in the texts (`refusal.<code>`); `params` fill them in.

    Anything that is not a Refusal is a bug and escapes.
    """

    code: ClassVar[str] = "refused"

    def __init__(self, **params: object) -> None:
        super().__init__(self.code, params)
        self.params: Mapping[str, object] = params

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.code}({details})"


class NotFound(Refusal):
    """Missing and foreign things are answered alike, so nobody can probe for what exists."""

    code = "not_found"


class NotAllowed(Refusal):
    """This person may not do this."""

    code = "not_allowed"


class Invalid(Refusal):
    """Input that cannot be accepted as it stands: which field, and why."""

    code = "invalid"

    def __init__(self, field: str, reason: str, **params: object) -> None:
        super().__init__(field=field, reason=reason, **params)
        self.field = field
        self.reason = reason


class Conflict(Refusal):
    """The same key was used before with other content."""

    code = "conflict"
