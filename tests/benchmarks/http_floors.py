"""The least that an answer over HTTP costs: aiohttp on uvloop, no access log, nothing done.

`redirect` answers `/r/{code}` with a 302; `echo` answers POST / with the body it got.
"""

from __future__ import annotations

import sys

import uvloop
from aiohttp import web

from tests.benchmarks.http_load import answer_for_cpu


async def redirect(request: web.Request) -> web.Response:
    location = f"https://shop.example.com/p/JP-SERUM-30?ref={request.match_info['code']}"
    return web.Response(status=302, headers={"Location": location})


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def main(kind: str) -> None:
    app = web.Application()
    app.add_routes([web.get("/r/{code}", redirect)] if kind == "redirect" else [web.post("/{rest:.*}", echo)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await answer_for_cpu(runner.addresses[0][1])
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
