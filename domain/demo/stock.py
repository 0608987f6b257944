"""The demo shop's shelves: what is bought there leaves them, and what comes back is put there again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.schema import Product, Stock


def take(db: Session, sku: str, pieces: int) -> None:
    """Take so many pieces away, from the fullest warehouse first; where there are fewer, all that are left."""
    for warehouse, quantity in db.execute(_shelves(sku).order_by(Stock.quantity.desc(), Stock.warehouse)).all():
        part = min(pieces, quantity)
        taken = db.execute(_at(sku, warehouse).where(Stock.quantity >= part).values(quantity=Stock.quantity - part))
        pieces -= part if taken.rowcount else 0  # type: ignore[attr-defined]


def put_back(db: Session, sku: str, pieces: int) -> None:
    """Put so many pieces back where the most are."""
    fullest = db.execute(_shelves(sku).order_by(Stock.quantity.desc(), Stock.warehouse).limit(1)).one_or_none()
    if fullest is not None:
        db.execute(_at(sku, fullest.warehouse).values(quantity=Stock.quantity + pieces))


def _shelves(sku: str) -> Any:
    return select(Stock.warehouse, Stock.quantity).join(Product).where(Product.sku == sku)


def _at(sku: str, warehouse: str) -> Any:
    product = select(Product.id).where(Product.sku == sku).scalar_subquery()
    return update(Stock).where(Stock.product_id == product, Stock.warehouse == warehouse)
