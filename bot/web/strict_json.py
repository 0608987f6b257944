"""JSON from strangers: read within a size and a time, and only if it means the same to every reader."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from aiohttp import ClientError, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.web import problems
from domain.items import FieldError

SMALL: Final = 64 * 1024
LARGE: Final = 8 * 1024 * 1024
"""Bytes that a body may have, after it was unpacked if it came compressed."""

MOST_SECONDS: Final = {SMALL: 10.0, LARGE: 60.0}
IDLE_SECONDS: Final = 10.0
"""How long a body may take altogether, and how long nothing of it may arrive."""

MAX_DEPTH: Final = 32
MAX_DIGITS: Final = 19
MAX_ERRORS: Final = 50


async def body(request: web.Request, limit: int = SMALL) -> bytes:
    """Return the body, never holding more than `limit` bytes of it; Problem 413, 408 or 400 otherwise."""
    if request.content_length is not None and request.content_length > limit:
        raise problems.too_large(limit)
    stream, found = request.content, bytearray()
    try:
        async with asyncio.timeout(MOST_SECONDS.get(limit, IDLE_SECONDS)):
            while not stream.at_eof():
                async with asyncio.timeout(IDLE_SECONDS):
                    found += await stream.readany()
                if len(found) > limit:
                    raise problems.too_large(limit)
    except TimeoutError:
        raise problems.too_slow() from None
    except (HttpProcessingError, web.RequestPayloadError, ClientError, ConnectionError):
        errors = [FieldError("", "the body is cut off or wrongly encoded")]
        raise problems.Problem(400, "malformed", "This cannot be read", errors, {"Connection": "close"}) from None
    return bytes(found)


async def read(request: web.Request, limit: int = SMALL) -> Any:
    """Return the body's JSON value; a Problem that names every offending field otherwise."""
    check_charset(request)
    raw = await body(request, limit)
    return await parsed(raw)


async def parsed(raw: bytes) -> Any:
    """Parse off the loop what is too large to be parsed in passing."""
    return parse(raw) if len(raw) <= SMALL else await asyncio.to_thread(parse, raw)


def check_charset(request: web.Request) -> None:
    try:
        charset = request.charset
    except (ValueError, LookupError):
        charset = "unreadable"
    if charset is not None and charset.lower().replace("_", "-") not in ("utf-8", "utf8", "us-ascii"):
        raise problems.invalid(hdrs.CONTENT_TYPE, "JSON is sent in UTF-8", status=400)


class _Refused:
    """Stands where something stood that must not be taken, until the path to it is known."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


_NOT_FINITE = _Refused("is not a number that JSON knows")
_TOO_LONG = _Refused(f"has more than {MAX_DIGITS} digits")
_TWICE = _Refused("is said twice")
_TOO_DEEP = _Refused(f"is nested deeper than {MAX_DEPTH} levels")
_SURROGATE = _Refused("holds half a character")


def parse(raw: bytes) -> Any:
    """Return the JSON value of `raw`; Problem 400 with the path of whatever is ambiguous, endless or not JSON."""
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise problems.invalid("", f"is not UTF-8 at byte {error.start}", status=400) from None
    except json.JSONDecodeError as error:
        raise problems.invalid("", f"is not JSON at character {error.pos}: {error.msg}", status=400) from None
    except RecursionError:
        raise problems.invalid("", _TOO_DEEP.reason, status=400) from None
    harmless = _NUMBERS if b"\\ud" in raw or b"\\uD" in raw else _NUMBERS | _TEXTS
    errors = [
        FieldError(path, refused.reason) for path, refused in islice(_offences(value, "", 1, harmless), MAX_ERRORS)
    ]
    if errors:
        raise problems.wrong_fields(errors, status=400)
    return value


def _integer(digits: str) -> int | _Refused:
    return int(digits) if len(digits.lstrip("-")) <= MAX_DIGITS else _TOO_LONG


def _fraction(digits: str) -> float | _Refused:
    number = float(digits)
    return number if math.isfinite(number) else _NOT_FINITE


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                found[name] = _TWICE
            seen.add(name)
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=lambda name: _NOT_FINITE,
)


_NUMBERS: Final[frozenset[type]] = frozenset({int, float, bool, type(None)})
_TEXTS: Final[frozenset[type]] = frozenset({str})


def _offences(value: Any, path: str, depth: int, harmless: frozenset[type]) -> Iterator[tuple[str, _Refused]]:
    """Walk to whatever must not be taken; values of the `harmless` types need no look."""
    if isinstance(value, _Refused):
        yield path, value
    elif isinstance(value, str):
        if not _speakable(value):
            yield path, _SURROGATE
    elif isinstance(value, dict | list) and depth > MAX_DEPTH:
        yield path, _TOO_DEEP
    elif isinstance(value, dict):
        for name, entry in value.items():
            if str not in harmless and not _speakable(name):
                yield path, _SURROGATE
            elif type(entry) not in harmless:
                yield from _offences(entry, f"{path}.{name}" if path else name, depth + 1, harmless)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            if type(entry) not in harmless:
                yield from _offences(entry, f"{path}[{number}]", depth + 1, harmless)


def _speakable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
