"""What a page's form brings: read within a size and a time like everything that strangers send."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from bot.web import problems, strict_json
from bot.web.problems import Problem

MOST_FIELDS: Final = 50
CONTENT_TYPE: Final = "application/x-www-form-urlencoded"


async def read(request: web.Request) -> dict[str, str]:
    """Return the form's fields, of repeated ones the first; Problem for whatever is not a plain form in UTF-8."""
    raw = await strict_json.body(request)
    if raw and request.content_type != CONTENT_TYPE:
        raise Problem(415, "not_a_form", "This takes a form")
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise problems.invalid("", "this is not a form in UTF-8", status=400) from None
    if any("\x00" in value for _, value in pairs):
        raise problems.invalid("", "a field holds a NUL", status=400)
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found
