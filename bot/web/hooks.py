"""What the shop reports about orders: signed, taken in together with what arrives at the same time, answered singly."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from aiohttp import web
from sqlalchemy.orm import Session

from bot.batching import Batcher
from bot.web import problems, strict_json
from bot.web.metrics import Metrics
from bot.web.parts import Parts
from bot.web.problems import Problem
from domain.sales import order_events
from domain.sales.order_data import IncomingEvent
from domain.sales.order_events import APPLIED, CONFLICT, DUPLICATE, REFUSED, WAITING, EventResult

TOLERANCE_SECONDS: Final = 300
MAX_SIGNATURES: Final = 20

# What is signed is id.timestamp.body: a dot inside an id would let it be split in another way.
_ID: Final = re.compile(r"[!-\-/-~]{1,128}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")
_STATUS: Final = {APPLIED: 200, DUPLICATE: 200, WAITING: 202}


class Hooks:
    """`POST /hooks/shop`. Without a secret there is no such address."""

    def __init__(self, parts: Parts, metrics: Metrics) -> None:
        self._parts = parts
        self._secrets = [_secret_bytes(secret) for secret in parts.hook_secrets]
        self._batcher = Batcher(parts.database, self._record, on_group=lambda size: metrics.group("order_events", size))

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [web.post("/hooks/shop", self.receive)]

    async def finish(self) -> None:
        await self._batcher.finish()

    async def receive(self, request: web.Request) -> web.Response:
        if not self._secrets:
            raise problems.not_found()
        raw = await strict_json.body(request)
        webhook_id = signed_id(request, raw, self._secrets, now=self._parts.clock())
        strict_json.check_charset(request)
        result = await self._batcher.put(_event(webhook_id, strict_json.parse(raw)))
        self._parts.wake_delivery()
        if result.status == CONFLICT:
            raise Problem(409, "conflict", "The same was told before, with other content", result.errors)
        if result.status == REFUSED:
            raise problems.wrong_fields(result.errors)
        return web.json_response({"status": result.status}, status=_STATUS[result.status])

    def _record(self, db: Session, events: Sequence[IncomingEvent]) -> Sequence[EventResult]:
        currency = self._parts.shop.currency
        return order_events.record_events(db, events, now=self._parts.clock(), settlement_currency=currency)


def signed_id(request: web.BaseRequest, raw: bytes, secrets: Sequence[bytes], *, now: datetime) -> str:
    """Return the webhook id of a request that one of `secrets` has signed within five minutes of `now`; else 401."""
    headers = request.headers
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(webhook_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise _unsigned()
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise _unsigned()
    said = f"{webhook_id}.{timestamp}.".encode() + raw
    given = _signatures(headers.get("webhook-signature", ""))
    right = [hmac.digest(secret, said, hashlib.sha256) for secret in secrets]
    matches = [hmac.compare_digest(expected, signature) for expected in right for signature in given]
    if not any(matches):
        raise _unsigned()
    return webhook_id


def _signatures(header: str) -> list[bytes]:
    """The signatures of version 1 in a header such as `v1,base64 v1,base64`; what cannot be one is left out."""
    found = []
    for part in header.split(" ")[:MAX_SIGNATURES]:
        version, _, encoded = part.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(encoded.encode("ascii"), validate=True))
            except (binascii.Error, UnicodeEncodeError):
                continue
    return found


def _secret_bytes(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_") + "==")


def _unsigned() -> Problem:
    # One answer for everything that can be wrong with a signature: nobody is helped to make a better one.
    return Problem(401, "unsigned", "The signature is missing, wrong or stale")


def _event(webhook_id: str, body: Any) -> IncomingEvent:
    """What was sent, as far as it is an event at all; the rest is judged, and kept for the operator, by the domain."""
    if not isinstance(body, dict):
        return IncomingEvent(webhook_id, "", "", {"body": body})
    type_, timestamp, data = body.get("type"), body.get("timestamp"), body.get("data")
    return IncomingEvent(
        webhook_id,
        type_ if isinstance(type_, str) else "",
        timestamp if isinstance(timestamp, str) else "",
        {} if data is None else data,  # nothing says as little as an empty object
    )
