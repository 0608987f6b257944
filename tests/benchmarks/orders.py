"""A shop with people and products, and any number of its sales, the same every time."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from sqlalchemy import insert

from bot.database import Database
from domain.money import plans
from domain.sales.order_data import IncomingEvent
from domain.schema import Base, Link, Member, Product

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
MEMBERS, PRODUCTS = 500, 200
PLAN = """
name = "bench"
base = "margin"
levels_bp = [3500, 1500, 500]
[category.skincare]
levels_bp = [4000, 1500, 500]
[tier.gold]
bonus_bp = 300
"""


def make_shop(url: str) -> None:
    """A network three levels deep and more, a catalogue and a plan, in an empty database."""
    database = Database(url)
    Base.metadata.create_all(database.writing)
    with database.transaction() as db:
        db.execute(insert(Member), [_member(number) for number in range(1, MEMBERS + 1)])
        links = [
            {"code": _code(number), "member_id": number, "kind": "shop", "target": "", "created_at": NOW}
            for number in range(1, MEMBERS + 1)
        ]
        db.execute(insert(Link), links)
        db.execute(insert(Product), [_product(number) for number in range(PRODUCTS)])
        plans.publish(db, PLAN, by="cli", accept_guard=True, now=NOW)
    database.close()


def sales(count: int) -> list[IncomingEvent]:
    """Paid orders of one to three lines by many buyers through many distributors."""
    dice = random.Random(7)
    return [_sale(dice, number, count) for number in range(count)]


def _sale(dice: random.Random, number: int, count: int) -> IncomingEvent:
    items = [
        {"sku": f"SKU-{product}", "quantity": dice.randint(1, 3), "amount": dice.randint(5000, 40000)}
        for product in dice.sample(range(PRODUCTS), dice.choice((1, 1, 2, 3)))
    ]
    data = {
        "order_id": f"A-{number}",
        "buyer_id": f"u-{dice.randint(1, count)}",
        "ref": _code(dice.randint(1, MEMBERS)),
        "currency": "CNY",
        "paid_at": f"2026-11-23T02:{number // 60 % 60:02}:{number % 60:02}Z",
        "items": items,
        "shipping": 1200,
    }
    return IncomingEvent(f"msg-{number}", "order.paid", "", data)


def _code(number: int) -> str:
    return f"code{number:04}"


def _member(number: int) -> dict[str, object]:
    above = [number // 3**level or None for level in (1, 2, 3)]
    return {
        "id": number,
        "member_id": f"m-{number}",
        "name": f"成员{number}",
        "role": "distributor",
        "sponsor_id": above[0],
        "sponsor2_id": above[1],
        "sponsor3_id": above[2],
        "tier": "gold" if number % 5 == 0 else None,
        "joined_at": NOW,
    }


def _product(number: int) -> dict[str, object]:
    return {
        "sku": f"SKU-{number}",
        "name": f"精华{number}",
        "brand": "HADA",
        "category": "skincare" if number % 2 else None,
        "price": 10000 + number,
        "cost": 4000,
        "currency": "CNY",
        "created_at": NOW,
    }
