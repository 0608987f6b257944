"""What strangers may send, by the numbers of the bad-input table: refused in words, and nobody else notices.

B6 stands with the order events, B8, B9 and B12 with the redirect; the channels and the importer have theirs.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import resource
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.web import strict_json
from bot.web.strict_json import LARGE, SMALL
from tests.bot.web.house import SECRET, House, furnish, payment, running, signed


def paid(quantity: str = "2", amount: str = "51600") -> str:
    data = json.dumps(payment()).replace('"quantity": 2', f'"quantity": {quantity}')
    data = data.replace('"amount": 51600', f'"amount": {amount}')
    return f'{{"type": "order.paid", "data": {data}}}'


AMBIGUOUS = {
    "NaN": (paid(amount="NaN"), "data.items[0].amount"),
    "Infinity": (paid(amount="-Infinity"), "data.items[0].amount"),
    "1e400": (paid(amount="1e400"), "data.items[0].amount"),
    "2^63": (paid(amount=str(2**63)), "items[0].amount"),
    "2^53 and one": (paid(amount=str(2**53 + 1)), "items[0].amount"),
    "a fraction": (paid(amount="51600.0"), "items[0].amount"),
    "true as a number": (paid(quantity="true"), "items[0].quantity"),
    "a number as a text": (paid(amount='"51600"'), "items[0].amount"),
    "full-width digits": (paid(amount="５１６００"), ""),
    "full-width digits as a text": (paid(amount='"５１６００"'), "items[0].amount"),
    "duplicate keys": ('{"type": "order.paid", "data": {"order_id": "A", "order_id": "B"}}', "data.order_id"),
    "deep nesting": (
        '{"type": "order.paid", "data": {"order_id": %s}}' % ("[" * 100 + "]" * 100),
        "data.order_id" + "[0]" * 30,
    ),
    "very deep nesting": ("[" * 30_000 + "]" * 30_000, ""),
    "half of deep nesting": ('{"a":' * 10_000, ""),
    "a lone surrogate": (paid().replace("A-1001", "A-\\ud83d"), "data.order_id"),
    "a lone surrogate as a key": ('{"type": "order.paid", "data": {"\\udc00": 1}}', "data"),
    "a NUL": (paid().replace("A-1001", "A-\\u0000"), "order_id"),
    "5,000 digits": (paid(amount="9" * 5000), "data.items[0].amount"),
    "5,000 digits below zero": (paid(amount="-" + "9" * 5000), "data.items[0].amount"),
    "nothing": ("", ""),
    "half of it": (paid()[:-1], ""),
    "two at once": (paid() * 2, ""),
    "a comment": (paid() + "// done", ""),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_b1_json_that_means_different_things_to_different_readers_is_refused_with_the_field(
    house: House, name: str
):
    body, field = AMBIGUOUS[name]
    status, problem = await house.hook(body.encode(), signed(body, "w-1", house.now))
    assert status in (400, 422)
    assert problem["status"] == status
    assert [error["field"] for error in problem["errors"]] == [field]
    assert (await house.get("/orders/A-1001"))[0] == 404


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_b1_the_same_in_the_api(house: House, name: str):
    body, _ = AMBIGUOUS[name]
    status, problem = await house.call(
        "POST", "/links", data=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert status in (400, 422)
    assert problem["errors"]


async def test_b1_other_encodings_are_refused(house: House):
    for body, content_type in (
        (paid().encode("utf-16"), "application/json; charset=utf-16"),
        (paid().encode(), "application/json; charset=gb18030"),
        (paid().encode(), "application/json; charset=\xff"),
        (b"\xef\xbb\xbf" + paid().encode(), "application/json"),
        (paid().encode().replace(b"A-1001", b"A-\xff\xfe"), "application/json"),
        (paid().encode().replace(b"A-1001", b"A-\xed\xa0\xbd"), "application/json"),
    ):
        headers = signed(body.decode("latin-1"), "w-1", house.now)
        headers |= {"content-type": content_type}
        headers["webhook-signature"] = _signature(house, body)
        assert (await house.hook(body, headers))[0] == 400, content_type


def _signature(house: House, body: bytes) -> str:
    said = f"w-1.{int(house.now.timestamp())}.".encode() + body
    secret = base64.b64decode(SECRET.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.digest(secret, said, hashlib.sha256)).decode()


async def test_b1_bad_items_in_a_list_are_refused_singly_and_a_bad_list_as_a_whole(house: House):
    items: list[Any] = [
        {"sku": "A", "name": "好", "price": 2**63},
        {"sku": "B", "name": "好", "price": True},
        {"sku": "C"},
    ]
    status, answer = await house.call("PUT", "/products", json={"items": items})
    assert (status, {one["status"] for one in answer["results"]}) == (200, {"refused"})
    for body in (
        '{"items": [{"sku": "A", "price": NaN}]}',
        '{"items": {}}',
        '{"items": []',
        '{"itms": []}',
        "[]",
        "null",
    ):
        status, problem = await house.call("PUT", "/products", data=body, headers={"Content-Type": "application/json"})
        assert status in (400, 422), body
        assert problem["errors"], body
    status, _ = await house.call("PUT", "/products", data="items=1", headers={"Content-Type": "text/csv"})
    assert status == 415


PUBLIC = ("/hooks/shop", "/api/v1/links")


@pytest.mark.parametrize("path", PUBLIC)
async def test_b2_a_body_over_64_kib_is_refused(house: House, path: str):
    for body in (b"x" * (SMALL + 1), _in_chunks(SMALL + 1)):
        assert await _post(house, path, body) == 413


async def test_b2_lists_may_have_8_mib_and_no_more(house: House):
    long = json.dumps({"items": [{"sku": "A", "name": "x" * (LARGE - 200), "price": 1}]}).encode()
    headers = {"Content-Type": "application/json"}
    status, answer = await house.call("PUT", "/products", data=long, headers=headers)
    assert (status, answer["results"][0]["status"]) == (200, "refused")
    status, _ = await house.call("PUT", "/products", data=_in_chunks(LARGE + 1), headers=headers)
    assert status == 413
    assert await _post(house, "/api/v1/products", b"x" * (LARGE + 1), method="PUT") == 413


@pytest.mark.parametrize("path", PUBLIC)
async def test_b2_a_gzip_bomb_is_not_unpacked(house: House, path: str):
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b"0" * 1_000_000) for _ in range(60)) + packer.flush()
    assert len(bomb) < SMALL
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert await _post(house, path, bomb, {"Content-Encoding": "gzip"}) == 413
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
    assert await _post(house, path, b"\x1f\x8bnot gzip at all", {"Content-Encoding": "gzip"}) == 400


async def _in_chunks(size: int) -> AsyncIterator[bytes]:
    while size > 0:
        part = min(size, 16_384)
        yield b"x" * part
        size -= part


async def _post(house: House, path: str, body: Any, headers: dict[str, str] | None = None, method: str = "POST") -> int:
    given = {"Authorization": f"Bearer {house.keys['write']}", "Content-Type": "application/json"} | (headers or {})
    async with house.client.request(method, house.base + path, data=body, headers=given) as answer:
        assert answer.content_type == "application/problem+json"
        return answer.status


@pytest.fixture
async def brisk(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """A house whose patience is measured in tenths of seconds."""
    monkeypatch.setattr(strict_json, "IDLE_SECONDS", 0.3)
    monkeypatch.setitem(strict_json.MOST_SECONDS, SMALL, 1.0)
    front_door = {"header_seconds": 0.5, "idle_seconds": 1.0, "linger_seconds": 0.2, "most": 40}
    async with running(sqlite_url, front_door=front_door) as house:
        house.write(furnish)
        yield house


async def _say(house: House, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send `parts`, then nothing more; return all that comes back until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    heard = bytearray()

    async def listen() -> None:
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(65_536):
                heard.extend(part)

    listening = asyncio.create_task(listen())
    for part in parts:
        if not listening.done():
            writer.write(part)
            await asyncio.sleep(pause)
    await asyncio.wait_for(listening, 20)
    writer.close()
    return bytes(heard).replace(b"HTTP/1.0 ", b"HTTP/1.1 ")


async def test_b2_headers_that_never_end_are_answered_408(brisk: House):
    assert (await _say(brisk, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")).startswith(b"HTTP/1.1 408 ")
    drops = [b"GET /healthz HTTP/1.1\r\n", *(b"X-%d: y\r\n" % number for number in range(50))]
    assert (await _say(brisk, *drops, pause=0.05)).startswith(b"HTTP/1.1 408 ")


async def test_b2_headers_of_a_second_request_that_never_end_are_answered_408(brisk: House):
    heard = await _say(brisk, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /heal", pause=0.1)
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in heard


async def test_b2_a_connection_on_which_nothing_is_said_is_closed(brisk: House):
    assert await _say(brisk) == b""


@pytest.mark.parametrize("path", ["/hooks/shop", "/api/v1/links"])
async def test_b2_a_body_that_never_ends_is_answered_408(brisk: House, path: str):
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {brisk.keys['write']}\r\n".encode()
    stopped = head + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    assert (await _say(brisk, stopped)).startswith(b"HTTP/1.1 408 ")
    dripping = head + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b"HTTP/1.1 408 " in await _say(brisk, dripping, *([b"1\r\n{\r\n"] * 100), pause=0.05)


async def test_b2_a_body_that_nobody_asked_for_is_not_waited_for(brisk: House):
    heard = await _say(brisk, b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    assert heard.startswith(b"HTTP/1.1 200 ")


async def test_b2_others_are_served_while_hundreds_dawdle(brisk: House):
    dawdlers = [asyncio.create_task(_say(brisk, b"GET / HTTP/1.1\r\nX-Slow: ")) for _ in range(200)]
    await asyncio.sleep(0.1)
    for _ in range(5):
        assert (await brisk.get("/members/anna"))[0] == 200
    heard: list[Any] = await asyncio.gather(*dawdlers, return_exceptions=True)
    assert all(isinstance(one, OSError) or one == b"" or one.startswith(b"HTTP/1.1 408 ") for one in heard)
    assert (await brisk.get("/members/anna"))[0] == 200


async def test_what_is_not_http_is_answered_as_a_problem(brisk: House):
    for said in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 10_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(500)) + b"\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /hooks/shop HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ):
        heard = await _say(brisk, said)
        assert heard.startswith(b"HTTP/1.1 4"), said[:60]
        assert b"application/problem+json" in heard


@pytest.mark.parametrize(
    "target",
    [b"/members/a%00b", b"/\xff\xfe", b"/api/v1/members/%ED%A0%80", b"/r/%00", b"/static/..%2f..%2fapp.py", b"*"],
)
async def test_addresses_that_no_database_could_hold_are_refused(brisk: House, target: bytes):
    key = brisk.keys["read"].encode()
    headers = b"Host: x\r\nConnection: close\r\nAuthorization: Bearer " + key
    heard = await _say(brisk, b"GET " + target + b" HTTP/1.1\r\n" + headers + b"\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 4")


async def test_every_answer_has_the_security_headers_and_no_secret(house: House):
    for path in (
        "/healthz",
        "/r/abcd1234",
        "/no-such-page",
        "/api/v1/openapi.json",
        "/api/v1/members/anna",
        "/metrics",
    ):
        async with house.client.get(house.base + path, allow_redirects=False) as answer:
            headers, text = answer.headers, await answer.text()
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] == "fenxiao"
        for secret in (*house.keys.values(), *house.hook_secrets, str(house.database.writing.url.database)):
            assert secret not in text + str(headers)
