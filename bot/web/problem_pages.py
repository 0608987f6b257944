"""How the web side says no to people: a page in their language with a way on, where programs get a problem as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from bot.rendering import LOCALES, Texts
from bot.web import problems, reader
from bot.web.parts import Parts
from bot.web.problems import Problem
from bot.web.static_files import StaticFiles
from domain.wording import Words

FOLDER: Final = Path(__file__).parent
_FOR_PROGRAMS: Final = ("/api/", "/hooks/", "/chat/api/", "/static/", "/telegram", "/wechat")
_OTHERS: Final = {404: "not_found", 422: "invalid", 500: "unexpected", 503: "unavailable"}


class ProblemPages:
    def __init__(self, parts: Parts, static: StaticFiles) -> None:
        self._default = parts.shop.locale
        self._texts = Texts(parts.shop.timezone, FOLDER / "problem_texts")
        self._static = static
        self._pages = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=select_autoescape(), undefined=StrictUndefined
        )

    def response(self, request: web.Request, problem: Problem) -> web.Response:
        """Return the problem as whoever asks can read it."""
        answer = problems.response(problem)
        if wants_page(request):
            answer.body = self._page(request, problem).encode()
            answer.content_type, answer.charset = "text/html", "utf-8"
            answer.headers[hdrs.CACHE_CONTROL] = "no-store"
        return answer

    def _page(self, request: web.Request, problem: Problem) -> str:
        locale = reader.locale_of(request, self._default)

        def say(key: str, **params: object) -> str:
            return self._texts.say(Words(key, params), locale)

        kind = next(kind for kind in (problem.code, _OTHERS.get(problem.status, ""), "refused") if self._known(kind))
        return self._pages.get_template("problem.html").render(
            say=say,
            heading=say(f"heading.{kind}"),
            text=say(f"text.{kind}", seconds=int(problem.headers.get(hdrs.RETRY_AFTER, "10"))),
            static=self._static.url,
            locale=locale,
            other=next(other for other in LOCALES if other != locale),
            back=came_from(request),
            here=request.path if request.method == "GET" else None,
        )

    def _known(self, kind: str) -> bool:
        return f"heading.{kind}" in self._texts.keys(LOCALES[0])


def wants_page(request: web.Request) -> bool:
    """Say whether a person looks at this: browsers ask for HTML by name, programs do not."""
    asked = "text/html" in request.headers.get(hdrs.ACCEPT, "")
    return asked and not request.path.startswith(_FOR_PROGRAMS)


def came_from(request: web.Request) -> str | None:
    """Return the path of the page of ours on which a form was sent off; None for all else."""
    if request.method != "POST":
        return None
    try:
        before = urlsplit(request.headers.get(hdrs.REFERER, ""))
    except ValueError:
        return None
    ours = before.netloc == request.host and before.path.startswith("/") and not before.path.startswith("//")
    return before.path if ours and "\\" not in before.path else None
