"""How a call of `/api/v1` is served: whose key it is, what was given, one transaction, the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from bot.exports import csv_lines
from bot.rendering import LOCALES, choose_locale
from bot.web import problems, strict_json
from bot.web.api.calls import BASE, Asked, Call, Portion, Table
from bot.web.parts import Parts
from bot.web.problems import Problem
from bot.web.security import Callers, RateLimit
from domain import api_keys
from domain.api_keys import KnownKey
from domain.errors import Refusal
from domain.items import FieldError

_BEARER: Final = re.compile(r"[Bb]earer +([A-Za-z0-9_~+/.=-]{8,200})")
_CONTENT_TYPES: Final = ("application/json", "application/octet-stream")  # the second: none was said

FAILURES_PER_SECOND: Final = 0.5
FAILURES_AT_ONCE: Final = 30
"""How often one address may come with a key that does not exist."""


class Keys:
    """Finds out whose key a request carries."""

    def __init__(self, parts: Parts, callers: Callers) -> None:
        self._parts = parts
        self._callers = callers
        self._failures = RateLimit(FAILURES_PER_SECOND, FAILURES_AT_ONCE)

    async def required(self, request: web.Request, scope: str) -> KnownKey:
        """Return the caller's key; Problem 401 without a good one, 403 if it may only read."""
        found = _BEARER.fullmatch(request.headers.get(hdrs.AUTHORIZATION, ""))
        text = found[1] if found else None
        known = await self._parts.database.read(lambda db: api_keys.find(db, text)) if text else None
        if known is None:
            self._failures.check(self._callers.address(request))
            raise Problem(401, "no_key", "A good API key is needed", headers={"WWW-Authenticate": "Bearer"})
        if scope not in (known.scope, "read"):
            raise Problem(403, "read_only", "This key may only read")
        return known


def routes(parts: Parts, keys: Keys, calls: Sequence[Call], description: bytes) -> Iterable[web.AbstractRouteDef]:
    """The routes of `calls`, and `/openapi.json`, which describes them to anybody."""

    async def openapi(request: web.Request) -> web.Response:
        return web.Response(body=description, content_type="application/json")

    return [
        web.get(f"{BASE}/openapi.json", openapi),
        *(web.route(call.method, BASE + call.path, _handler(parts, keys, call)) for call in calls),
    ]


def _handler(parts: Parts, keys: Keys, call: Call) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        key = await keys.required(request, "write" if call.writes else "read")
        given = await _given(request, call)
        locale = _locale(request, parts.shop.locale)
        asked = Asked(key, parts.clock(), locale, dict(request.match_info), parts.shop, parts.texts)
        if isinstance(call.work, Table):
            return await _stream(request, parts, call.work, asked)
        work = call.work
        run = parts.database.write if call.writes else parts.database.read
        try:
            answer = await run(lambda db: work(db, asked, given))
            if (shows := call.shows) is not None:
                answer = await parts.database.read(lambda db: shows(db, asked, answer))
        except Refusal as refusal:
            raise problems.of_refusal(refusal, call.fields) from None
        if call.writes:
            parts.wake_delivery()
        return web.Response(
            status=call.status,
            text=answer.model_dump_json(by_alias=True),
            content_type="application/json",
            headers={"Cache-Control": "no-store", "Content-Language": locale},
        )

    return handle


async def _stream(request: web.Request, parts: Parts, table: Table, asked: Asked) -> web.StreamResponse:
    """Send a table while it is read: however long it is, memory stays flat and nobody else waits for it."""

    async def read(after: Any) -> Portion:
        return await parts.database.read(lambda db: table.portion(db, asked, after))

    try:
        rows, after = await read(None)
    except Refusal as refusal:
        raise problems.of_refusal(refusal) from None
    answer = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: "text/csv; charset=utf-8",
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="{table.file}"',
            hdrs.CACHE_CONTROL: "no-store",
            hdrs.CONTENT_LANGUAGE: asked.locale,
        }
    )
    await answer.prepare(request)
    await answer.write(csv_lines([table.columns], first=True))
    while True:
        await answer.write(csv_lines(rows))
        if after is None:
            break
        rows, after = await read(after)
    await answer.write_eof()
    return answer


async def _given(request: web.Request, call: Call) -> BaseModel | None:
    if call.writes:
        if call.given is None:
            return None
        if request.content_type not in _CONTENT_TYPES and not request.content_type.endswith("+json"):
            raise Problem(415, "not_json", "This call takes JSON")
        raw = await strict_json.read(request, strict_json.LARGE if call.takes_list else strict_json.SMALL)
        return _validated(call.given, raw)
    query = request.query
    if len(query) != len(set(query)):
        raise problems.invalid(next(name for name in query if len(query.getall(name)) > 1), "is given twice")
    said = {name: value for name, value in query.items() if value}
    if call.given is None:
        if said:
            raise problems.invalid(next(iter(said)), "is not known here")
        return None
    return _validated(call.given, said)


def _validated(model: type[BaseModel], raw: Any) -> BaseModel:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)
        raise problems.wrong_fields([FieldError(_path(each["loc"]), _reason(each)) for each in wrong]) from None


def _path(where: tuple[int | str, ...]) -> str:
    """The field in the caller's terms; a step in angle brackets is one of several shapes that it may have."""
    path = ""
    for step in where:
        if isinstance(step, str) and step.startswith("<"):
            continue
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _reason(error: Any) -> str:
    plain = {"missing": "is missing", "extra_forbidden": "is not known here"}
    return plain.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ")


def _locale(request: web.Request, usual: str) -> str:
    """The first language of Accept-Language that we speak, in the caller's order of preference."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate(request.headers.get(hdrs.ACCEPT_LANGUAGE, "").split(",")[:20]):
        name, _, weight = part.strip().partition(";")
        found = re.fullmatch(r"\s*q=([01](?:\.[0-9]{0,3})?)\s*", weight)
        quality = float(found[1]) if found else 1.0
        if quality > 0 and name.replace("_", "-").split("-")[0].strip().lower() in LOCALES:
            ranked.append((-quality, position, name.strip()))
    return choose_locale(*(name for _, _, name in sorted(ranked)), usual)
