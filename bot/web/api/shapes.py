"""The shapes of what scripts send and get: strict bodies, queries in plain digits, cursors that nobody can misuse."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from domain.errors import NotFound
from domain.periods import InstantInvalid, parse_instant

MAX_INT: Final = 2**53
MAX_LIMIT: Final = 200
MAX_PATH_TEXT: Final = 128

_DIGITS: Final = re.compile(r"[0-9]{1,15}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURSOR: Final = re.compile(r"[0-9]{1,15}(?:,[0-9]{1,15})*")


class Body(BaseModel):
    """What a caller sends: nothing unknown, and nothing turned into what it is not."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Query(BaseModel):
    """The same for the part of an address after the question mark, where everything is text."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=False)


class Answer(BaseModel):
    """What a caller gets. Amounts are minor units, instants UTC."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)


def _plain(text: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("must not contain control characters")
    return text


def _lines(text: str) -> str:
    _plain(text.replace("\n", "").replace("\r", "").replace("\t", ""))
    return text


def _number(text: object) -> int:
    if not isinstance(text, str) or not _DIGITS.fullmatch(text):
        raise ValueError("must be a whole number in plain digits")
    return int(text)


def read_instant(text: object) -> datetime:
    try:
        return parse_instant(text)
    except InstantInvalid as error:
        raise ValueError(str(error)) from None


def read_day(text: object) -> date:
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("must be a day such as 2026-11-23")
    found = date.fromisoformat(text)
    if not 1970 <= found.year <= 2199:
        raise ValueError("must lie between the years 1970 and 2199")
    return found


def _cursor(text: object) -> tuple[int, ...]:
    try:
        said = base64.b64decode(str(text).encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise ValueError("is not a cursor of ours") from None
    if not _CURSOR.fullmatch(said):
        raise ValueError("is not a cursor of ours")
    return tuple(int(part) for part in said.split(","))


def cursor(*place: int) -> str:
    """Return an opaque text for the place in a list where the next page begins."""
    return base64.urlsafe_b64encode(",".join(map(str, place)).encode()).decode()


def two_places(place: Sequence[int]) -> Sequence[int]:
    if len(place) != 2:
        raise ValueError("is not a cursor of ours")
    return place


def one_place(place: Sequence[int]) -> Sequence[int]:
    if len(place) != 1:
        raise ValueError("is not a cursor of ours")
    return place


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Lines = Annotated[str, AfterValidator(_lines)]
"""A longer text, in which lines may end."""

Limit = Annotated[
    int,
    Field(ge=1, le=MAX_LIMIT),
    BeforeValidator(_number),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}),
]
Level = Annotated[
    int, Field(ge=1, le=3), BeforeValidator(_number), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 3})
]
Instant = Annotated[
    AwareDatetime, BeforeValidator(read_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
Day = Annotated[date, BeforeValidator(read_day), WithJsonSchema({"type": "string", "format": "date"})]
_cursor_schema = WithJsonSchema({"type": "string", "description": "`cursor` of the page before"})
Cursor = Annotated[tuple[int, ...], AfterValidator(one_place), BeforeValidator(_cursor), _cursor_schema]
Cursor2 = Annotated[tuple[int, ...], AfterValidator(two_places), BeforeValidator(_cursor), _cursor_schema]
NextCursor = Annotated[str | None, Field(description="where the next page begins; null on the last")]


def number_in_path(text: str) -> int:
    """Return the number of a thing in an address; NotFound for what can be none."""
    if not _DIGITS.fullmatch(text):
        raise NotFound()
    return int(text)


def text_in_path(text: str) -> str:
    """Return an id in an address; NotFound for what can be none."""
    try:
        if len(text) > MAX_PATH_TEXT:
            raise NotFound()
        return _plain(text)
    except ValueError:
        raise NotFound() from None


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's JSON schema to stand inside another's."""
    schema = model.model_json_schema()
    schema.pop("$defs", None)
    return schema
