"""Whoever watches the house learns whether it lives, whether it is ready, and how it fares."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from bot.database import DatabaseUnavailable
from bot.web.security import RateLimit
from bot.web.static_files import StaticFiles
from tests.bot.web.house import House, breaking, payment, running


async def status(house: House, path: str, **headers: str) -> int:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    async with house.client.get(house.base + path, headers=headers, allow_redirects=False) as answer:
        return answer.status


async def test_alive_and_ready(any_house: House):
    assert await status(any_house, "/healthz") == 200
    assert await status(any_house, "/readyz") == 200


async def test_b12_without_its_database_the_house_is_alive_and_not_ready_until_it_is_back(any_house: House):
    house = any_house
    repair = breaking(house.database, DatabaseUnavailable("unable to open"))
    assert await status(house, "/healthz") == 200
    async with house.client.get(house.base + "/readyz") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert (await house.get("/members/anna"))[0] == 503
    async with house.client.get(house.base + "/metrics") as answer:
        assert "fenxiao_database_up 0.0" in await answer.text()
    repair()
    assert await status(house, "/readyz") == 200


async def test_with_an_old_schema_the_house_is_not_ready(sqlite_url: str):
    async with (
        running(sqlite_url, schema_is_current=lambda db: False) as house,
        house.client.get(house.base + "/readyz") as answer,
    ):
        assert answer.status == 503
        assert "fenxiao migrate" in (await answer.json(content_type=None))["title"]


async def test_figures_are_for_this_machine_and_for_those_with_a_key(house: House):
    await house.event("order.paid", payment())
    async with house.client.get(house.base + "/metrics") as answer:
        text = await answer.text()
    assert 'fenxiao_http_request_seconds_count{method="POST",route="/hooks/shop",status="200"} 1.0' in text
    assert 'fenxiao_outbox_messages{state="queued"}' in text
    assert "process_resident_memory_bytes" in text or "process_cpu" in text
    assert await status(house, "/metrics", X_Forwarded_For="127.0.0.1") == 401
    assert await status(house, "/metrics", Host="shop.evil.example") == 401
    assert (
        await status(house, "/metrics", X_Forwarded_For="1.2.3.4", Authorization=f"Bearer {house.keys['read']}") == 200
    )


async def test_what_strangers_make_up_makes_no_new_figures(house: House):
    for number in range(20):
        await status(house, f"/made-up-{number}")
        await status(house, f"/r/madeup{number}")
    async with house.client.get(house.base + "/metrics") as answer:
        text = await answer.text()
    assert "made" not in text
    assert 'fenxiao_http_request_seconds_count{method="GET",route="none",status="404"} 20.0' in text


async def test_a_bug_is_answered_without_its_details_and_counted(sqlite_url: str):
    async def broken(request: web.Request) -> web.Response:
        raise RuntimeError("the password is hunter2")

    async with (
        running(sqlite_url, extra_routes=[[web.get("/broken", broken)]]) as house,
        house.client.get(house.base + "/broken") as answer,
    ):
        assert answer.status == 500
        assert answer.content_type == "application/problem+json"
        assert "hunter2" not in await answer.text()
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


async def test_pages_of_others_are_served_with_the_same_headers_or_stricter_ones(sqlite_url: str):
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="hello", headers={"Content-Security-Policy": "default-src 'none'"})

    async def missing(request: web.Request) -> web.Response:
        raise web.HTTPNotFound(text="<h1>Not here</h1>", content_type="text/html")

    async with running(sqlite_url, extra_routes=[[web.get("/page", page)], [web.get("/missing", missing)]]) as house:
        async with house.client.get(house.base + "/page") as answer:
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with house.client.get(house.base + "/missing") as answer:
            assert (answer.status, await answer.text()) == (404, "<h1>Not here</h1>")
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("public_url", "told"), [("https://go.example.com", True), ("http://localhost:8080", False)])
async def test_only_over_https_browsers_are_told_to_stay_with_it(sqlite_url: str, public_url: str, told: bool):
    async with (
        running(sqlite_url, PUBLIC_URL=public_url) as house,
        house.client.get(house.base + "/healthz") as answer,
    ):
        assert ("Strict-Transport-Security" in answer.headers) is told


def test_a_style_sheet_is_kept_by_browsers_until_it_changes(tmp_path: Path):
    (tmp_path / "chat.css").write_text("body {}")
    before = StaticFiles(tmp_path).url("chat.css")
    (tmp_path / "chat.css").write_text("body { color: black }")
    assert StaticFiles(tmp_path).url("chat.css") != before
    with pytest.raises(KeyError):
        StaticFiles(tmp_path).url("../chat.css")


async def test_static_files_say_how_long_they_last(sqlite_url: str, tmp_path: Path):
    (tmp_path / "chat.js").write_text("'use strict'")
    static = StaticFiles(tmp_path)
    routes = [web.get("/files/{name:.+}", static.serve)]
    async with running(sqlite_url, extra_routes=[routes]) as house:
        url = static.url("chat.js").replace("/static/", "/files/")
        async with house.client.get(house.base + url) as answer:
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
            tag = answer.headers["ETag"]
        async with house.client.get(house.base + "/files/chat.js", headers={"If-None-Match": tag}) as answer:
            assert (answer.status, answer.headers["Cache-Control"]) == (304, "no-cache")
        for name in ("../app.py", "%2e%2e/app.py", ".hidden", "chat.css"):
            assert await status(house, f"/files/{name}") == 404


def test_a_key_may_burst_and_then_has_to_wait_while_others_need_not():
    time = [0.0]
    limit = RateLimit(2.0, 3, timer=lambda: time[0])
    assert [limit.take("anna") for _ in range(3)] == [0, 0, 0]
    assert limit.take("anna") == pytest.approx(0.5)
    assert limit.take("boss") == 0
    time[0] = 0.5
    assert limit.take("anna") == 0
    assert limit.take("anna") > 0
    time[0] = 60.0
    assert [limit.take("anna") for _ in range(3)] == [0, 0, 0]


def test_the_limit_remembers_no_more_keys_than_it_has_room_for():
    limit = RateLimit(1.0, 1, most=100, timer=lambda: 0.0)
    for number in range(1000):
        limit.take(str(number))
    assert limit.take("999") > 0
    assert limit.take("0") == 0
