"""The description of the API is valid, complete, and tells the truth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.web import openapi
from bot.web.api import CALLS
from tests.bot.web.house import House

DOCUMENT = json.loads(openapi.describe(CALLS, "http://localhost:8080"))

PROMISED = {
    "PUT /products", "PUT /members", "PUT /stock", "PUT /rates", "GET /products", "POST /links",
    "GET /members/{member_id}", "GET /members/{member_id}/downline", "GET /members/{member_id}/traffic",
    "GET /orders/{order_id}", "POST /orders/{order_id}/hold", "POST /orders/{order_id}/release",
    "POST /orders/{order_id}/deny", "GET /ledger/trial-balance", "GET /ledger/entries",
    "POST /announcements", "GET /announcements/{announcement_id}", "POST /announcements/{announcement_id}/cancel",
    "POST /announcements/{announcement_id}/resend", "GET /announcements/{announcement_id}/report",
    "GET /audiences", "PUT /audiences", "POST /audiences/count", "DELETE /audiences/{name}",
}  # fmt: skip


def test_every_call_that_was_promised_is_described():
    described = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }
    assert described == PROMISED | {"GET /openapi.json"}


def test_it_is_valid_openapi():
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not there for this Python")
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_every_reference_leads_somewhere_and_every_call_has_a_name_of_its_own():
    schemas = DOCUMENT["components"]["schemas"]
    references = set(_references(DOCUMENT))
    assert {reference.removeprefix("#/components/schemas/") for reference in references} == set(schemas)
    names = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [reference for inner in value.values() for reference in _references(inner)]
    return [reference for inner in value for reference in _references(inner)] if isinstance(value, list) else []


async def test_anybody_may_read_it(house: House):
    async with house.client.get(house.base + "/api/v1/openapi.json") as answer:
        assert answer.status == 200
        assert await answer.json() == DOCUMENT


def test_lists_are_described_item_by_item():
    item = DOCUMENT["components"]["schemas"]["MembersMembers"]["properties"]["items"]["items"]
    assert item["required"] == ["member_id"]
    assert item["properties"]["class"]["anyOf"][0]["enum"][:2] == ["single_product", "single_category"]
    assert DOCUMENT["components"]["schemas"]["MembersMembers"]["properties"]["items"]["maxItems"] == 1000
