"""The web side in one place: every address that this program answers, and what holds for all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import perf_counter
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.database import DatabaseUnavailable
from bot.web import openapi, problems
from bot.web.api import CALLS, serving
from bot.web.health import Health
from bot.web.hooks import Hooks
from bot.web.metrics import Metrics
from bot.web.parts import Parts
from bot.web.problem_pages import ProblemPages
from bot.web.problems import Problem
from bot.web.redirect import Redirect
from bot.web.security import Callers, header_setter, headers_for, refuse_unspeakable
from bot.web.static_files import StaticFiles
from bot.web.strict_json import SMALL
from domain.errors import Refusal

STATIC: Final = web.AppKey("static", StaticFiles)
"""Pages ask it for the addresses of their styles and scripts."""

CALLERS: Final = web.AppKey("callers", Callers)
"""Pages that limit how often one address may try ask it who is calling."""

METRICS: Final = web.AppKey("metrics", Metrics)

log = structlog.get_logger(__name__)


def make_web_app(parts: Parts) -> web.Application:
    """Return the web application; serve it with `bot.web.server.Runner`, which guards its front door."""
    metrics, callers, static = Metrics(), Callers(parts), StaticFiles()
    keys = serving.Keys(parts, callers)
    headers = headers_for(parts.settings)
    hooks, redirect = Hooks(parts, metrics), Redirect(parts, metrics, callers, headers)
    app = web.Application(client_max_size=SMALL, middlewares=[_answered(metrics, ProblemPages(parts, static))])
    app[STATIC], app[CALLERS], app[METRICS] = static, callers, metrics

    app.add_routes(redirect.routes())  # /r/{code}
    app.add_routes(hooks.routes())  # /hooks/shop
    app.add_routes(Health(parts, metrics, callers, keys).routes())  # /healthz /readyz /metrics
    app.add_routes(serving.routes(parts, keys, CALLS, openapi.describe(CALLS, parts.settings.public_url)))  # /api/v1
    app.add_routes(static.routes())  # /static
    for routes in parts.extra_routes:  # /chat /shop /telegram /wechat
        app.add_routes(routes)
    app.router.add_get("/", _front)

    async def finish_writing(app: web.Application) -> AsyncIterator[None]:
        yield
        await hooks.finish()
        await redirect.finish()

    app.cleanup_ctx.append(finish_writing)
    app.on_response_prepare.append(header_setter(headers))
    return app


async def _front(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/chat", "Cache-Control": "no-store"})


def _answered(metrics: Metrics, pages: ProblemPages) -> Middleware:
    """Whatever happens is answered, counted and, if it is a bug, logged."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        start = perf_counter()
        response: web.StreamResponse
        try:
            refuse_unspeakable(request.raw_path)
            response = await handler(request)
        except Problem as problem:
            response = pages.response(request, problem)
        except web.HTTPException as error:
            if error.status < 400 or (error.content_type == "text/html" and error.body):
                metrics.request(*_counted(request), error.status, perf_counter() - start)
                raise
            response = pages.response(request, problems.of_http(error))
        except Refusal as refusal:
            response = pages.response(request, problems.of_refusal(refusal))
        except DatabaseUnavailable as trouble:
            log.warning("database.unavailable", route=_counted(request)[1], reason=str(trouble))
            response = pages.response(request, problems.unavailable())
        except ConnectionError:  # the caller has gone: there is nobody to answer
            raise
        except Exception:
            log.exception("web.failed", method=request.method, route=_counted(request)[1])
            response = pages.response(request, problems.unexpected())
        method, route = _counted(request)
        metrics.request(method, route, response.status, perf_counter() - start)
        return response

    return answer


def _counted(request: web.Request) -> tuple[str, str]:
    """Method and route, of which there are few: never what a caller made up."""
    resource = request.match_info.route.resource
    method = request.method if request.method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS") else "other"
    return method, resource.canonical if resource is not None else "none"
