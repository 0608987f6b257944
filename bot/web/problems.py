"""How the web side says no: RFC 9457 problems with a stable type and, field by field, what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from aiohttp import web

from domain.errors import Conflict, Invalid, NotAllowed, NotFound, Refusal
from domain.items import FieldError

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:fenxiao:problem:"
RETRY_AFTER_SECONDS = 5
MAX_ERRORS = 100
MAX_FIELD = 200

_STATUS = {NotFound: 404, NotAllowed: 403, Conflict: 409}


class Problem(Exception):
    """A request that is answered with an error. `code` is the stable end of its type."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.title = title
        self.errors = tuple(errors)
        self.headers = headers or {}


def invalid(field: str, reason: str, *, status: int = 422) -> Problem:
    """A problem with one field; 422 unless the request could not even be read."""
    return wrong_fields([FieldError(field, reason)], status=status)


def wrong_fields(errors: Iterable[FieldError], *, status: int = 422) -> Problem:
    code, title = ("malformed", "This cannot be read") if status == 400 else ("invalid", "Some values are not accepted")
    return Problem(status, code, title, errors)


def not_found() -> Problem:
    """Missing and foreign things are answered alike."""
    return Problem(404, "not_found", "There is no such thing here")


def too_large(limit: int) -> Problem:
    return Problem(413, "too_large", f"A body has at most {limit} bytes here", headers={"Connection": "close"})


def too_slow() -> Problem:
    return Problem(408, "too_slow", "The request took too long to arrive", headers={"Connection": "close"})


def unavailable(title: str = "The database cannot be reached at the moment") -> Problem:
    return Problem(503, "unavailable", title, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def unexpected() -> Problem:
    """A bug of ours: what it is stands in the log, never in the answer."""
    return Problem(500, "unexpected", "Something went wrong on our side")


def of_refusal(refusal: Refusal, fields: Mapping[str, str] | None = None) -> Problem:
    """Turn an expected no into a problem; `fields` names the field that a refusal's code is about."""
    if isinstance(refusal, Invalid):
        return invalid(refusal.field, refusal.reason.replace("_", " "))
    for kind, status in _STATUS.items():
        if isinstance(refusal, kind):
            return not_found() if status == 404 else Problem(status, refusal.code, _sentence(refusal.code))
    field = (fields or {}).get(refusal.code, "")
    return Problem(422, refusal.code, _sentence(refusal.code), [FieldError(field, refusal.code.replace("_", " "))])


def of_http(error: web.HTTPException) -> Problem:
    """Turn what aiohttp itself refuses (no such path, wrong method, too large) into a problem."""
    if error.status == 404:
        return not_found()
    kept = {name: error.headers[name] for name in ("Allow", "Retry-After", "WWW-Authenticate") if name in error.headers}
    if error.status in (408, 413):
        kept["Connection"] = "close"
    phrase = HTTPStatus(error.status).phrase
    return Problem(error.status, phrase.lower().replace(" ", "_").replace("-", "_"), phrase, headers=kept)


def body_of(problem: Problem) -> bytes:
    said = {
        "type": TYPE_PREFIX + problem.code,
        "title": problem.title,
        "status": problem.status,
        "errors": [{"field": e.field[:MAX_FIELD], "reason": e.reason} for e in problem.errors[:MAX_ERRORS]],
    }
    # What a client sent may stand in it: escaped, no character can break the encoding.
    return json.dumps(said, ensure_ascii=True).encode()


def response(problem: Problem) -> web.Response:
    answer = web.Response(
        status=problem.status, body=body_of(problem), content_type=CONTENT_TYPE, headers=dict(problem.headers)
    )
    if problem.headers.get("Connection") == "close":
        answer.force_close()
    return answer


def _sentence(code: str) -> str:
    return code.replace("_", " ").capitalize()
