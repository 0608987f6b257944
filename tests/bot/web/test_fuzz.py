"""Whatever strangers, shops and platforms send, nobody is ever answered that it was our fault."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bot import preparing
from bot.web.security import RateLimit
from domain.mall import links
from domain.people import members
from tests.bot.web.house import SECRET, House, furnish
from tests.bot.web.mutations import Ask, as_json, hook_signer, order_events, spoil, wechat_signer
from tests.scenarios.mall import Clock, Mall, free_port, open_mall

SEED = 20261123
IN_FLIGHT = 16
WECHAT_TOKEN = "wechat-token"
SHORT, LONG = 2_000, 100_000


@pytest.fixture
async def mall(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mall]:
    """The whole program with every channel on, Telegram and WeChat out of reach, and nobody slowed down."""
    monkeypatch.setattr(preparing, "load_demo", lambda database, settings, now: database.write_now(furnish))
    monkeypatch.setattr(RateLimit, "take", lambda self, key: 0.0)
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with open_mall(
        sqlite_url,
        Clock(),
        free_port(),
        FENXIAO_DEMO="on",
        FENXIAO_HOOK_SECRETS=SECRET,
        FENXIAO_TELEGRAM__TOKEN="123456:ABC-DEF1234ghIkl",
        FENXIAO_TELEGRAM__WEBHOOK_SECRET="telegram-secret",
        FENXIAO_TELEGRAM__API_URL=nowhere,
        FENXIAO_WECHAT__APP_ID="wx0123",
        FENXIAO_WECHAT__APP_SECRET="secret",
        FENXIAO_WECHAT__TOKEN=WECHAT_TOKEN,
        FENXIAO_WECHAT__API_URL=nowhere,
    ) as mall:
        yield mall


async def sound_requests(mall: Mall) -> list[Ask]:
    """One of everything that can be asked for, as it should be."""

    def code_of_anna(db: Any) -> str:
        anna = members.by_member_id(db, "anna")
        assert anna is not None
        return links.make(db, anna.id, "product", "JP-SERUM-30", now=mall.clock()).code

    code = await mall.app.database.write(code_of_anna)
    json_headers = {"Content-Type": "application/json"}
    hook = hook_signer(SECRET)
    hooks = [Ask("POST", "/hooks/shop", as_json(event), json_headers, hook) for event in order_events()]
    telegram_headers = {**json_headers, "X-Telegram-Bot-Api-Secret-Token": "telegram-secret"}
    person = {"id": 77, "is_bot": False, "first_name": "Ann]]>", "language_code": "en"}
    chat = {"id": 77, "type": "private", "first_name": "Ann"}
    message = {"message_id": 5, "date": 1795400000, "chat": chat, "from": person, "text": f"/start {code}"}
    pressed = {"id": "1", "from": person, "chat_instance": "1", "data": "home", "message": {**message, "text": "menu"}}
    blocked = {"status": "kicked", "user": {**person, "is_bot": True}, "until_date": 0}
    left = {"chat": chat, "from": person, "date": 1795400000, "old_chat_member": blocked, "new_chat_member": blocked}
    updates: tuple[dict[str, Any], ...] = (
        {"message": message},
        {"callback_query": pressed},
        {"my_chat_member": left},
        {"message": {**message, "text": "面膜"}},
    )
    telegram = [
        Ask("POST", "/telegram", as_json({"update_id": number, **update}), telegram_headers)
        for number, update in enumerate(updates, 1)
    ]
    wechat_texts = (
        "<MsgType>text</MsgType><Content>面膜</Content><MsgId>12345</MsgId>",
        "<MsgType>event</MsgType><Event>subscribe</Event><EventKey>qrscene_abc</EventKey>",
        "<MsgType>event</MsgType><Event>CLICK</Event><EventKey>home</EventKey>",
        "<MsgType>image</MsgType><PicUrl>http://x</PicUrl><MediaId>1</MediaId><MsgId>12346</MsgId>",
    )
    envelope = "<ToUserName>gh_1</ToUserName><FromUserName>o-anna</FromUserName><CreateTime>1795400000</CreateTime>"
    wechat = [
        Ask(
            "POST",
            "/wechat",
            f"<xml>{envelope}{text}</xml>".encode(),
            {"Content-Type": "text/xml"},
            wechat_signer(WECHAT_TOKEN),
        )
        for text in wechat_texts
    ]
    page_headers = {**json_headers, "Origin": mall.base, "Cookie": await _cookie(mall)}
    pages = [
        Ask("POST", "/chat/api/say", as_json({"id": "say-1", "text": "/start"}), page_headers),
        Ask("POST", "/chat/api/say", as_json({"id": "say-2", "action": "home", "after": 1}), page_headers),
        Ask("POST", "/chat/api/seat", as_json({"member_id": "anna"}), page_headers),
        Ask("POST", "/chat/api/language", as_json({"locale": "en"}), page_headers),
        Ask("GET", "/chat/api/history?before=10", headers=page_headers),
        Ask("GET", "/chat/pictures/1", headers=page_headers),
        Ask("GET", f"/chat?invite={code}&lang=en", headers=page_headers),
        Ask("GET", "/shop?q=serum&brand=HADA&lang=zh"),
        Ask("GET", f"/shop/JP-SERUM-30?code={code}"),
        Ask("GET", "/shop/pictures/JP-SERUM-30.jpg"),
        Ask(
            "POST",
            "/shop/buy/JP-SERUM-30",
            b"quantity=1&code=abcd",
            {"Content-Type": "application/x-www-form-urlencoded"},
        ),
        Ask("GET", "/shop/orders/abcdefgh"),
        Ask("POST", "/shop/orders/abcdefgh/ship", b"x=1", {"Content-Type": "application/x-www-form-urlencoded"}),
        Ask("GET", f"/r/{code}"),
        Ask("GET", "/static/chat.css?v=1"),
        Ask("GET", "/healthz"),
        Ask("GET", "/metrics"),
    ]
    key = {"Authorization": f"Bearer {mall._key}", **json_headers}
    lists = {
        "products": {
            "sku": "N-1",
            "name": "面膜",
            "price": 990,
            "cost": 500,
            "selling_points": ["a"],
            "image_url": "/x.jpg",
        },
        "members": {
            "member_id": "new",
            "role": "distributor",
            "sponsor_id": "anna",
            "channel": "telegram",
            "account": "9",
        },
        "stock": {"sku": "JP-SERUM-30", "warehouse": "HZ", "quantity": 3},
        "rates": {"currency": "JPY", "from": "2026-01-01T00:00:00Z", "rate": "4.8"},
    }
    api = [Ask("PUT", f"/api/v1/{name}", as_json({"items": [item, item]}), key) for name, item in lists.items()]
    api += [
        Ask("POST", "/api/v1/links", as_json({"member_id": "anna", "sku": "JP-SERUM-30"}), key),
        Ask("POST", "/api/v1/orders/A-1001/hold", as_json({"reason": "look"}), key),
        Ask(
            "POST",
            "/api/v1/announcements",
            as_json({"text": "hello", "audience": "operators", "at": "2030-01-01T00:00:00Z"}),
            key,
        ),
        Ask("POST", "/api/v1/announcements/1/cancel", headers=key),
        *(
            Ask("GET", f"/api/v1/{path}", headers=key)
            for path in (
                "products?query=a&limit=5",
                "members/anna",
                "members/anna/downline?level=1",
                "members/anna/traffic?from=2026-11-01&to=2026-11-23",
                "orders/A-1001",
                "ledger/trial-balance",
                "ledger/entries?member=anna&from=2026-11-01",
                "announcements/1",
                "openapi.json",
            )
        ),
    ]
    return hooks + telegram + wechat + pages + api


async def _cookie(mall: Mall) -> str:
    async with mall.http.get(f"{mall.base}/chat") as answer:
        assert answer.status == 200
        return "; ".join(f"{cookie.key}={cookie.value}" for cookie in answer.cookies.values())


@pytest.mark.parametrize("count", [SHORT, pytest.param(LONG, marks=[pytest.mark.long, pytest.mark.timeout(4 * 3600)])])
async def test_no_spoilt_request_to_any_address_is_our_fault(mall: Mall, count: int):
    asks = await sound_requests(mall)
    connector = aiohttp.TCPConnector(limit=IN_FLIGHT, force_close=True)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http:
        sound = [await _status(http, mall, ask.sign(ask, mall.clock()) if ask.sign else ask) for ask in asks]
        assert max(sound) < 500
        assert sum(status < 400 for status in sound) > len(asks) * 0.8, list(zip(asks, sound, strict=True))
        chance = random.Random(SEED)
        work = (spoil(chance.choice(asks), chance, mall.clock()) for _ in range(count))
        statuses: Counter[int] = Counter()

        async def some(shared: Iterator[Ask]) -> None:
            for ask in shared:
                status = await _status(http, mall, ask)
                statuses[status] += 1
                assert status < 500, repr(ask)

        await asyncio.gather(*(some(shared) for shared in [work] * IN_FLIGHT))
        assert statuses.total() == count
        assert await _status(http, mall, Ask("GET", "/readyz")) == 200
    await mall.is_in_order()


async def _status(http: aiohttp.ClientSession, mall: Mall, ask: Ask) -> int:
    """The status of an answer; 0 where the client itself refuses to send such a thing."""
    try:
        url = URL(mall.base + ask.path, encoded=True)
        async with http.request(ask.method, url, data=ask.body, headers=ask.headers, allow_redirects=False) as answer:
            if answer.content_type != "text/event-stream":
                await answer.read()
            return answer.status
    except (ValueError, aiohttp.InvalidURL):
        return 0


@pytest.mark.parametrize(
    "count", [SHORT // 2, pytest.param(LONG, marks=[pytest.mark.long, pytest.mark.timeout(6 * 3600)])]
)
async def test_no_call_that_the_description_allows_or_forbids_is_our_fault(house: House, count: int):
    pytest.importorskip("schemathesis", reason="schemathesis is not there for this Python")
    async with house.client.get(house.base + "/api/v1/openapi.json") as answer:
        document = await answer.json()
    await house.event("order.paid", {"order_id": "A-1001", **order_events()[0]["data"]})
    await asyncio.to_thread(_explore, house, document, count)


def _explore(house: House, document: dict[str, Any], count: int) -> None:
    """Ask what the description allows, and what it does not, and hold every answer against it."""
    import requests
    import schemathesis
    from hypothesis import HealthCheck, given, settings
    from hypothesis import seed as seeded
    from hypothesis.errors import Unsatisfiable
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.result import Ok
    from schemathesis.specs.openapi import checks

    schema = schemathesis.openapi.from_dict(document)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    modes = list(itertools.product(operations, (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)))
    session = requests.Session()
    held_against = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    for operation, mode in modes:

        @seeded(SEED)
        @settings(
            max_examples=max(1, count // len(modes)),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def explore(case: Any) -> None:
            headers = {"Authorization": f"Bearer {house.keys['write']}"}
            answer = case.call(base_url=house.base, session=session, headers=headers)
            case.validate_response(answer, checks=held_against)

        with contextlib.suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
            explore()
