"""Lists that are put: up to a thousand items in one call, each answered by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from bot.web.api.shapes import Answer, schema_of
from domain.items import MAX_ITEMS, PutResult


class FieldProblem(Answer):
    field: str
    reason: str


class Result(Answer):
    """What became of one item; a refused one changed nothing."""

    id: str
    status: Literal["created", "updated", "unchanged", "refused"]
    errors: list[FieldProblem]


class Results(Answer):
    results: list[Result]


def items_like(model: type[BaseModel]) -> Any:
    """A list whose items are described by `model` and judged one by one by the domain, so that good ones go in."""
    return Annotated[list[Annotated[Any, WithJsonSchema(schema_of(model))]], Field(max_length=MAX_ITEMS)]


def results(found: Sequence[PutResult]) -> Results:
    return Results(
        results=[
            Result(
                id=result.id,
                status=result.status,
                errors=[FieldProblem(field=error.field, reason=error.reason) for error in result.errors],
            )
            for result in found
        ]
    )
