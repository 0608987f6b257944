"""The description of `/api/v1` that anybody may read, made from the calls themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bot.web.api.calls import BASE, Call
from bot.web.api.shapes import MAX_PATH_TEXT
from bot.web.problems import CONTENT_TYPE

VERSION: Final = "1"
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_MEANINGS: Final = {
    "400": "The request cannot be read",
    "401": "No good key",
    "403": "The key may only read",
    "404": "There is no such thing",
    "408": "The request took too long to arrive",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "422": "Some values are not accepted",
    "429": "Too many requests",
    "503": "The database cannot be reached; try again",
}
_BODY_ONLY: Final = ("408", "413", "415")


def describe(calls: Sequence[Call], public_url: str) -> bytes:
    """Return the OpenAPI 3.1 document of `calls` as JSON."""
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Fenxiao",
            "version": VERSION,
            "description": "Amounts are integers in minor units, instants RFC 3339 in UTC, errors RFC 9457.",
        },
        "servers": [{"url": public_url}],
        "security": [{"key": []}],
        "paths": _paths(calls),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _PROBLEM, **_schemas(calls)},
        },
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def schema_name(model: type[BaseModel]) -> str:
    """A model's name in the document: its file's and its own, since files name things as briefly as they can."""
    return model.__module__.rpartition(".")[2].capitalize() + model.__name__


def _schemas(calls: Sequence[Call]) -> dict[str, Any]:
    bodies = {call.given for call in calls if call.given is not None and call.writes}
    answers = {call.answer for call in calls if call.answer is not None}
    found: dict[str, Any] = {}
    for mode, models in (("validation", bodies), ("serialization", answers)):
        for model in sorted(models, key=schema_name):
            _, schema = models_json_schema([(model, mode)], ref_template=_REF)  # type: ignore[list-item]
            for name, inner in schema["$defs"].items():
                found[schema_name(model) if name == model.__name__ else f"{schema_name(model)}_{name}"] = _renamed(
                    inner, schema_name(model), model.__name__
                )
    return found


def _renamed(schema: Any, prefix: str, own: str) -> Any:
    """References inside a model's schema, under the names that its parts have in the document."""
    if isinstance(schema, dict):
        kept = {name: _renamed(value, prefix, own) for name, value in schema.items()}
        if isinstance(kept.get("$ref"), str):
            target = kept["$ref"].rpartition("/")[2]
            kept["$ref"] = _REF.format(model=prefix if target == own else f"{prefix}_{target}")
        return kept
    return [_renamed(value, prefix, own) for value in schema] if isinstance(schema, list) else schema


def _paths(calls: Sequence[Call]) -> dict[str, Any]:
    paths: dict[str, Any] = {
        f"{BASE}/openapi.json": {
            "get": {
                "operationId": "get_openapi",
                "summary": "This description",
                "security": [],
                "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {}}}}},
            }
        }
    }
    for call in calls:
        paths.setdefault(BASE + call.path, {})[call.method.lower()] = _operation(call)
    return paths


def _operation(call: Call) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": call.summary,
        "tags": [call.path.split("/")[1]],
        "parameters": [*_in_path(call), *([] if call.writes else _in_query(call))],
        "responses": _responses(call),
    }
    if call.writes and call.given is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=schema_name(call.given))}}},
        }
    return operation


def _in_path(call: Call) -> list[dict[str, Any]]:
    text = {"type": "string", "minLength": 1, "maxLength": MAX_PATH_TEXT}
    number = {"type": "integer", "minimum": 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": number if name == "announcement_id" else text}
        for name in re.findall(r"\{(\w+)\}", call.path)
    ]


def _in_query(call: Call) -> list[dict[str, Any]]:
    if call.given is None:
        return []
    schema = call.given.model_json_schema(mode="validation")
    found = []
    for name, inner in schema["properties"].items():
        # In an address a value is given or left out; it is never null.
        choices = [each for each in inner.get("anyOf", [inner]) if each.get("type") != "null"]
        plain = {key: value for key, value in choices[0].items() if key not in ("title", "default")}
        found.append({"name": name, "in": "query", "required": False, "schema": plain})
    return found


def _responses(call: Call) -> dict[str, Any]:
    problem = {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    has_body = call.writes and call.given is not None
    refused = [code for code in _MEANINGS if has_body or code not in _BODY_ONLY]
    answer: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}
    if call.answer is not None:
        answer = {"application/json": {"schema": {"$ref": _REF.format(model=schema_name(call.answer))}}}
    return {
        str(call.status): {"description": "Done", "content": answer},
        **{code: {"description": _MEANINGS[code], "content": problem} for code in refused},
    }
