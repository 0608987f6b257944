"""A few words that tests of the domain say often: people, goods, chats."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from domain.mall.product_puts import put_products
from domain.people.member_puts import put_members
from domain.schema import Contact, Member, Product


def people(db: Session, now: datetime, *items: dict[str, Any]) -> dict[str, int]:
    """Make members as `PUT /members` would, distributors unless said otherwise; returns all ids by member id."""
    results = put_members(db, [{"role": "distributor", **item} for item in items], actor="test", now=now)
    assert [result.errors for result in results if result.errors] == []
    return {row.member_id: row.id for row in db.execute(select(Member.member_id, Member.id))}


def goods(db: Session, now: datetime, *items: dict[str, Any]) -> dict[str, int]:
    """Make products as `PUT /products` would; returns all ids by SKU."""
    whole = [{"name": item["sku"], "price": 10_000, **item} for item in items]
    results = put_products(db, whole, actor="test", now=now)
    assert [result.errors for result in results if result.errors] == []
    return {row.sku: row.id for row in db.execute(select(Product.sku, Product.id))}


def contact(db: Session, now: datetime, account: str, channel: str = "webchat", **fields: Any) -> int:
    """Somebody writes for the first time."""
    values = {"channel": channel, "account": account, "state": {}, "first_seen_at": now, "seen_at": now, **fields}
    return db.execute(insert(Contact).values(values).returning(Contact.id)).scalar_one()
