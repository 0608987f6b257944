"""Stock for scripts: what each warehouse has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from bot.web.api import lists
from bot.web.api.calls import Asked
from bot.web.api.shapes import Body
from domain.mall import catalog


class StockItem(BaseModel):
    """What one warehouse has of one product; null takes the product out of that warehouse."""

    sku: Annotated[str, Field(min_length=1, max_length=64)]
    warehouse: Annotated[str, Field(min_length=1, max_length=64)]
    quantity: Annotated[int | None, Field(ge=0, le=1_000_000_000)] = None


if TYPE_CHECKING:
    Items = list[Any]
else:
    Items = lists.items_like(StockItem)


class Stocks(Body):
    items: Items


def put(db: Session, asked: Asked, given: Stocks) -> lists.Results:
    return lists.results(catalog.put_stock(db, given.items, actor=asked.actor, now=asked.now))
