"""Whoever looks with a browser reads in their language what went wrong and where to go; programs get JSON as ever."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot.web import problem_pages
from bot.web.problem_pages import came_from
from tests.bot.web.chatting import ChatHouse, chat_open
from tests.bot.web.house import House

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def seen(house: House | ChatHouse, client: Any, path: str, **headers: str) -> tuple[int, str, str]:
    async with client.get(house.base + path, headers=BROWSER | headers) as answer:
        return answer.status, answer.content_type, await answer.text()


async def test_an_address_that_leads_nowhere_is_a_page_for_people_and_a_problem_for_programs(house: House):
    status, kind, html = await seen(house, house.client, "/nope", **{"Accept-Language": "en"})
    assert (status, kind) == (404, "text/html")
    assert "There is nothing here" in html
    assert 'href="/chat"' in html
    _, _, html = await seen(house, house.client, "/nope", **{"Accept-Language": "zh-CN,zh;q=0.9"})
    assert "这里什么也没有" in html
    _, _, html = await seen(house, house.client, "/nope?lang=en", **{"Accept-Language": "zh"})
    assert "There is nothing here" in html
    async with house.client.get(house.base + "/nope") as answer:
        assert answer.content_type == "application/problem+json"
        assert (await answer.json(content_type=None))["type"] == "urn:fenxiao:problem:not_found"


@pytest.mark.parametrize("path", ["/api/v1/members/nope", "/hooks/shop", "/telegram"])
async def test_what_is_made_for_programs_answers_them_alike_however_it_is_looked_at(house: House, path: str):
    status, kind, _ = await seen(house, house.client, path)
    assert status >= 400
    assert kind == "application/problem+json"


async def test_b5_what_stands_in_the_address_is_text(house: House):
    status, _, html = await seen(house, house.client, "/<script>alert(1)</script>")
    assert status == 404
    assert "<script>" not in html


async def test_without_https_whoever_runs_the_house_is_told_what_to_set(sqlite_url: str):
    async with chat_open(sqlite_url, demo=False, PUBLIC_URL="http://shop.example") as house, house.page() as page:
        page.headers |= BROWSER | {"Host": "shop.example"}
        status, html = await page.opens("/chat")
    assert status == 403
    assert "FENXIAO_PUBLIC_URL" in html
    assert "聊天需要 https" in html


class _Request:
    method, host = "POST", "shop.example"

    def __init__(self, referer: str) -> None:
        self.headers = {"Referer": referer}


@pytest.mark.parametrize(
    ("referer", "path"),
    [
        ("https://shop.example/shop/orders/abcd?x=1", "/shop/orders/abcd"),
        ("https://evil.example/shop", None),
        ("https://shop.example//evil.example", None),
        ("https://shop.example/\\evil.example", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_b8_the_way_back_leads_to_a_page_of_ours_or_is_not_there(referer: str, path: str | None):
    assert came_from(_Request(referer)) == path  # type: ignore[arg-type]


def test_the_pages_have_the_same_words_in_both_languages():
    folder = Path(problem_pages.__file__).parent / "problem_texts"
    zh, en = (tomllib.loads((folder / f"{locale}.toml").read_text(encoding="utf-8")) for locale in ("zh", "en"))
    assert [*zh] == [*en]
    for section in ("heading", "text"):
        assert set(zh[section]) == set(en[section]) == set(zh["heading"])
