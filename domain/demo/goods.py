"""The demo shop's goods: invented brands and products with prices, stock and everything a picture is drawn from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy.orm import Session

from domain import sql
from domain.mall import catalog
from domain.schema import Brand

PICTURES: Final = "/shop/pictures"
"""Where the pictures of these products are, on this server."""

_FILE: Final = Path(__file__).with_name("goods.toml")


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """`price` and `cost` are minor units; `kind`, `label` and `colour` are what the picture is drawn from."""

    sku: str
    brand: str
    label: str
    region: str
    category: str
    kind: str
    colour: int
    name: str
    en: str
    price: int
    cost: int
    floor: int | None
    hot: bool
    points: tuple[str, ...]
    points_en: tuple[str, ...]


@cache
def products() -> Mapping[str, DemoProduct]:
    """Return the products by SKU, in the order of the file."""
    brands = {brand["key"]: brand for brand in _read()["brand"]}
    return {one["sku"]: _product(one, brands[one["brand"]]) for one in _read()["product"]}


@cache
def _read() -> Any:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _product(one: Mapping[str, Any], brand: Mapping[str, Any]) -> DemoProduct:
    price = one["price"] * 100
    return DemoProduct(
        one["sku"],
        one["brand"],
        brand["label"],
        brand["region"],
        one["category"],
        one["kind"],
        one["colour"],
        one["name"],
        one["en"],
        price,
        price - price * one["margin"] // 100,
        one["floor"] * 100 if "floor" in one else None,
        one.get("hot", False),
        tuple(one["points"]),
        tuple(one["points_en"]),
    )


def load(db: Session, rng: Random, *, actor: str, now: datetime, currency: str) -> None:
    """Put brands, products and stock into the catalogue."""
    brands = [
        {name: brand[key] for name, key in _BRAND.items()} | {"region": brand["region"]} for brand in _read()["brand"]
    ]
    sql.upsert(db, Brand, brands, key=["name"], change=["name_en", "region", "story", "story_en"])
    goods = products().values()
    catalog.put_products(db, [_put(one) for one in goods], actor=actor, now=now, currency=currency)
    catalog.put_stock(
        db,
        [
            {"sku": one.sku, "warehouse": warehouse, "quantity": _quantity(rng, one)}
            for one in goods
            for warehouse in _read()["warehouses"]
        ],
        actor=actor,
        now=now,
    )


_BRAND: Final = {"name": "key", "name_en": "en", "story": "story", "story_en": "story_en"}


def _put(one: DemoProduct) -> dict[str, object]:
    return {
        "sku": one.sku,
        "name": one.name,
        "name_en": one.en,
        "brand": one.brand,
        "category": one.category,
        "region": one.region,
        "price": one.price,
        "cost": one.cost,
        "hot": one.hot,
        "floor_price": one.floor,
        "image_url": f"{PICTURES}/{one.sku}.jpg",
        "selling_points": list(one.points),
        "selling_points_en": list(one.points_en),
    }


def _quantity(rng: Random, one: DemoProduct) -> int:
    """Much of what is cheap and hot, little of what is dear; now and then nearly nothing."""
    most = 400 if one.hot else 120 if one.price < 30_000 else 40
    return rng.randint(0, 4) if rng.random() < 0.08 else rng.randint(most // 4, most)
