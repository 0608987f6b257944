"""The catalogue for scripts: search it, put products into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from bot.web.api import lists
from bot.web.api.calls import Asked
from bot.web.api.shapes import MAX_INT, Answer, Body, Cursor, Limit, NextCursor, Query, Text, cursor
from domain.mall import catalog

Amount = Annotated[int, Field(ge=0, le=MAX_INT, description="minor units")]


class ProductItem(BaseModel):
    """Fields left out stay, null clears; a new product needs a name and a price."""

    sku: Annotated[str, Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(max_length=200)] = ""
    name_en: Annotated[str | None, Field(max_length=200)] = None
    brand: Annotated[str | None, Field(max_length=100)] = None
    category: Annotated[str | None, Field(max_length=100)] = None
    region: Annotated[str | None, Field(max_length=50)] = None
    price: Amount = 0
    cost: Amount | None = None
    currency: Annotated[str | None, Field(pattern="^[A-Z]{3}$")] = None
    on_shelf: bool | None = None
    hot: bool | None = None
    floor_price: Amount | None = None
    image_url: Annotated[str | None, Field(max_length=1000)] = None
    selling_points: Annotated[list[str] | None, Field(max_length=20)] = None
    selling_points_en: Annotated[list[str] | None, Field(max_length=20)] = None


if TYPE_CHECKING:
    Items = list[Any]
else:
    Items = lists.items_like(ProductItem)


class Products(Body):
    items: Items


class Search(Query):
    query: Text | None = None
    brand: Text | None = None
    category: Text | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class Product(Answer):
    """Amounts are minor units of `currency`; `stock` is what all warehouses have together, null if nobody said."""

    sku: str
    name: str
    name_en: str | None
    brand: str | None
    category: str | None
    region: str | None
    price: int
    cost: int | None
    currency: str
    on_shelf: bool
    hot: bool
    floor_price: int | None
    image_url: str | None
    selling_points: list[str]
    selling_points_en: list[str]
    stock: int | None


class Found(Answer):
    items: list[Product]
    total: int
    cursor: NextCursor


def search(db: Session, asked: Asked, given: Search) -> Found:
    """Products that contain every word of the query, on the shelf or not, in the order in which they were made."""
    after = given.cursor[0] if given.cursor else 0
    page = catalog.browse(
        db,
        text=given.query,
        brand=given.brand,
        category=given.category,
        on_shelf=None,
        sort="id",
        after=after,
        limit=given.limit + 1,
    )
    shown = page.items[: given.limit]
    return Found(
        items=[_shown(row) for row in shown],
        total=page.total,
        cursor=cursor(shown[-1].id) if len(page.items) > given.limit else None,
    )


def _shown(row: catalog.ProductRow) -> Product:
    values = {name: getattr(row, name) for name in Product.model_fields}
    for name in ("selling_points", "selling_points_en"):
        values[name] = values[name] or []
    return Product(**values)


def put(db: Session, asked: Asked, given: Products) -> lists.Results:
    return lists.results(
        catalog.put_products(db, given.items, actor=asked.actor, now=asked.now, currency=asked.shop.currency)
    )
