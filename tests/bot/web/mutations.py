"""Requests that go a little, or very, wrong: sound ones to begin with, and ways to spoil them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

TOKENS = (
    b"NaN", b"-Infinity", b"1e400", b"9" * 30, b"9" * 5000, b"-1", b"0", b"true", b"null", b'""', b"[]", b"{}",
    b"[" * 200, b'{"a":' * 200, b"\x00", b"\\u0000", b"\\ud800", b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    b"]]>", b"<!DOCTYPE a>", b"<!ENTITY x 'y'>", b"&lt;&x;", b"%00", b"../", b"//evil.com", b"\r\n", b"{sku}{code}",
    b"'; DROP TABLE member; --", b"=cmd|' /C calc'!A0", "１２".encode(), "٣".encode(), "😀".encode(),
    "\u202e".encode(), b"a" * 3000, b"2026-13-45T99:99:99Z", b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59-14:00",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 10**30, 1.5, 1e308, "", " ", "x", "\x00", "\x7f", "a" * 5000,
    "１２", "😀", "]]>", "<b>", "\u202e", "%00", "null", "2026-11-23T02:00:00Z", "2026-11-23", "1970-01-01T00:00:00Z",
    "anna", "JP-SERUM-30", "A-1001", "CNY", "JPY", "XYZ", [], {}, [[]], [None], {"": None},
    [{"sku": "JP-SERUM-30", "quantity": 1, "amount": 1}] * 3,
)  # fmt: skip
HEADERS = (
    "", "x", "\xff\xfe", "gzip", "application/json; charset=utf-16", "multipart/form-data; boundary=x", "q=;,;=",
    "a" * 4000, "application/x-www-form-urlencoded", "text/html", "zh;q=9,en;q=x", "::::", "webchat=%00; seat=\xe9",
)  # fmt: skip

SignedAs = Callable[["Ask", datetime], "Ask"]


@dataclass(frozen=True)
class Ask:
    """One request. `sign` makes it believable after it was spoiled."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    sign: SignedAs | None = None


def spoil(ask: Ask, chance: random.Random, now: datetime) -> Ask:
    """Return `ask` with something wrong in its body, address, method or headers; signed anew nine times out of ten."""
    kinds: list[Callable[[Ask, random.Random], Ask]] = [_in_address, _in_headers, _in_method]
    if ask.body:
        kinds = [_in_bytes, _in_bytes, _in_values, _in_values, _in_values, *kinds]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        ask = chance.choice(kinds)(ask, chance)
    return ask.sign(ask, now) if ask.sign is not None and chance.random() < 0.9 else ask


def _in_bytes(ask: Ask, chance: random.Random) -> Ask:
    body = ask.body
    at, until = sorted((chance.randrange(len(body) + 1), chance.randrange(len(body) + 1)))
    until = min(until, at + 40)
    spoilt = chance.choice(
        (
            body[:at] + chance.choice(TOKENS) + body[at:],
            body[:at] + chance.choice(TOKENS) + body[until:],
            body[:at] + body[until:],
            body[:at] + body[at:until] * 2 + body[until:],
            body[:at],
            body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :],
        )
    )
    return replace(ask, body=spoilt or b" ")


def _in_values(ask: Ask, chance: random.Random) -> Ask:
    """Where the body is JSON: another value, a key less, a key more, something twice."""
    try:
        document = json.loads(ask.body)
        places = list(_places(document))
        if not places:
            return _in_bytes(ask, chance)
        inside, key = chance.choice(places)
        change = chance.randrange(5)
        if change == 0:
            del inside[key]
        elif change == 1 and isinstance(inside, dict):
            inside[chance.choice(("", "items", "type", "at", "x" * 300, "\x00", str(key).upper()))] = inside[key]
        elif change == 2 and isinstance(inside, list):
            inside.extend(inside * chance.choice((1, 10, 100)))
        else:
            inside[key] = chance.choice(VALUES)
        return replace(ask, body=json.dumps(document, ensure_ascii=chance.random() < 0.5).encode())
    except ValueError:
        return _in_bytes(ask, chance)


def _places(document: Any) -> Any:
    inside = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in list(inside):
        yield document, key
        yield from _places(value)


def _in_address(ask: Ask, chance: random.Random) -> Ask:
    path, _, query = ask.path.partition("?")
    token = quote_from_bytes(chance.choice(TOKENS))[:2000]
    parts = path.split("/")
    where = chance.randrange(1, len(parts))
    match chance.randrange(4):
        case 0:
            parts[where] = token
        case 1:
            parts[where] += token
        case 2:
            parts.insert(where, token)
        case 3:
            query += f"&{chance.choice(('limit', 'cursor', 'from', 'lang', 'code', 'after', token))}={token}"
    return replace(ask, path="/".join(parts) + (f"?{query}" if query else ""))


def _in_headers(ask: Ask, chance: random.Random) -> Ask:
    names = [*ask.headers, "Content-Type", "Accept-Language", "Cookie", "Origin", "X-Forwarded-For", "Content-Encoding"]
    return replace(ask, headers={**ask.headers, chance.choice(names): chance.choice(HEADERS)})


def _in_method(ask: Ask, chance: random.Random) -> Ask:
    return replace(ask, method=chance.choice(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")))


def hook_signer(secret: str) -> SignedAs:
    key = base64.b64decode(secret.removeprefix("whsec_"))

    def sign(ask: Ask, now: datetime) -> Ask:
        webhook_id, seconds = f"w-{random.getrandbits(40)}", str(int(now.timestamp()))
        said = f"{webhook_id}.{seconds}.".encode() + ask.body
        signature = base64.b64encode(hmac.digest(key, said, hashlib.sha256)).decode()
        given = {"webhook-id": webhook_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}
        return replace(ask, headers={**ask.headers, **given})

    return sign


def wechat_signer(token: str) -> SignedAs:
    def sign(ask: Ask, now: datetime) -> Ask:
        seconds, nonce = str(int(now.timestamp())), str(random.getrandbits(40))
        signature = hashlib.sha1("".join(sorted((token, seconds, nonce))).encode()).hexdigest()
        signed = urlencode({"signature": signature, "timestamp": seconds, "nonce": nonce})
        return replace(ask, path=f"/wechat?{signed}") if ask.path.startswith("/wechat") else ask

    return sign


def as_json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def order_events() -> Sequence[dict[str, Any]]:
    """One event of each kind, all of one order."""
    at = "2026-11-23T02:00:00Z"
    line = {"sku": "JP-SERUM-30", "quantity": 2, "amount": 51600}
    paid = {"currency": "CNY", "paid_at": at, "items": [line], "shipping": 100, "buyer_id": "u-77", "ref": "abcd2345"}
    kinds: dict[str, dict[str, Any]] = {
        "order.paid": paid,
        "order.shipped": {"at": at, "parcels": [{"carrier": "SF", "tracking_number": "1", "items": [line]}]},
        "order.customs_cleared": {"at": at},
        "order.delivered": {"at": at},
        "order.completed": {"completed_at": at},
        "order.refunded": {"refund_id": "R-1", "at": at, "items": [{**line, "quantity": 1, "amount": 100}]},
        "order.cancelled": {"at": at},
        "order.case_opened": {"case_id": "C-1", "at": at},
        "order.case_closed": {"case_id": "C-1", "at": at},
    }
    return [{"type": kind, "timestamp": at, "data": {"order_id": "A-1001", **data}} for kind, data in kinds.items()]
