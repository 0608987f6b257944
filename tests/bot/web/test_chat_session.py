"""Who is let speak on the chat page, whatever the headers claim."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.bot.web.chatting import ChatHouse, chat_open


@pytest.fixture(params=[True, False], ids=["demo", "real"])
async def house(request: pytest.FixtureRequest, sqlite_url: str) -> AsyncIterator[ChatHouse]:
    async with chat_open(sqlite_url, demo=request.param) as house:
        yield house


@pytest.mark.parametrize("address", ["http://[", "http://[zz]", "null", ""])
async def test_an_origin_that_is_no_address_is_refused_like_a_foreign_one(house: ChatHouse, address: str):
    async with house.page() as page:
        assert (await page.post("/chat/api/say", {"id": "12345678", "text": "1"}, Origin=address))[0] == 403


@pytest.mark.parametrize("host", ["[", "[zz]", "a b", "x:99999"])
async def test_a_host_that_is_no_address_breaks_nothing(house: ChatHouse, host: str):
    async with house.page() as page:
        page.headers["Host"] = host
        for path in ("/chat", "/chat/api/history"):
            assert (await page.opens(path))[0] in (200, 403)
