"""Products, stock and rates as scripts send them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.database import Database
from domain.mall import catalog
from domain.mall.product_puts import put_products, put_stock
from domain.money import rates
from domain.schema import AuditRow, Brand
from tests.domain.makings import goods

SERUM = {
    "sku": "JP-SERUM-30",
    "name": "玻尿酸精华 30ml",
    "brand": "HADA",
    "category": "skincare",
    "price": 12900,
    "cost": 7000,
    "currency": "JPY",
    "hot": True,
    "floor_price": 9900,
    "image_url": "https://img.example/1.jpg",
    "selling_points": ["保湿", "不黏"],
}


def put(db: Session, now: datetime, *items: Any) -> list[str]:
    return [result.status for result in put_products(db, items, actor="api:test", now=now)]


def test_a_product_is_made_changed_and_left_alone(db: Session, now: datetime) -> None:
    assert put(db, now, SERUM) == ["created"]
    assert put(db, now, SERUM, {"sku": "JP-SERUM-30"}) == ["unchanged", "unchanged"]
    assert put(db, now, {"sku": "JP-SERUM-30", "price": 11900, "cost": None}) == ["updated"]
    row = catalog.product(db, "JP-SERUM-30")
    assert (row.name, row.price, row.cost, row.currency, row.on_shelf, row.hot) == (
        "玻尿酸精华 30ml", 11900, None, "JPY", True, True,
    )  # fmt: skip
    assert (row.selling_points, row.floor_price, row.stock) == (["保湿", "不黏"], 9900, None)
    assert db.scalars(select(Brand.name)).all() == ["HADA"]
    changes = db.execute(select(AuditRow.before, AuditRow.after).order_by(AuditRow.id)).all()
    assert [tuple(change) for change in changes][1:] == [
        ({"price": 12900, "cost": 7000}, {"price": 11900, "cost": None})
    ]


def test_a_product_without_its_own_currency_has_the_shops(db: Session, now: datetime) -> None:
    put_products(db, [{"sku": "S1", "name": "One", "price": 0}], actor="test", now=now, currency="EUR")
    assert catalog.product(db, "S1").currency == "EUR"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"price": 12.5}, "price"),
        ({"price": True}, "price"),
        ({"price": "100"}, "price"),
        ({"price": -1}, "price"),
        ({"price": 2**53}, "price"),
        ({"price": None}, "price"),
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"cost": -1}, "cost"),
        ({"floor_price": 1.0}, "floor_price"),
        ({"currency": "cny"}, "currency"),
        ({"currency": "RMBX"}, "currency"),
        ({"on_shelf": 1}, "on_shelf"),
        ({"hot": "yes"}, "hot"),
        ({"image_url": "javascript:alert(1)"}, "image_url"),
        ({"image_url": "//evil.example/x.png"}, "image_url"),
        ({"image_url": "http://a]b"}, "image_url"),
        ({"image_url": "/\\evil.example"}, "image_url"),
        ({"selling_points": "one"}, "selling_points"),
        ({"selling_points": [1]}, "selling_points"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_refuses_its_item_alone(
    sqlite_url: str, now: datetime, fields: dict[str, Any], wrong: str
) -> None:
    database = Database(sqlite_url)
    with database.transaction() as db:
        results = put_products(db, [{**SERUM, **fields}, {**SERUM, "sku": "S2"}], actor="test", now=now)
        assert [(result.status, [error.field for error in result.errors]) for result in results] == [
            ("refused", [wrong]),
            ("created", []),
        ]
        assert catalog.browse(db).total == 1
    database.close()


def test_a_new_product_needs_a_name_and_a_price(db: Session, now: datetime) -> None:
    [result, *_] = put_products(db, [{"sku": "S1"}, {"name": "x", "price": 1}, []], actor="test", now=now)
    assert [error.field for error in result.errors] == ["name", "price"]
    assert put(db, now, {"sku": "S1", "hot": False}) == ["refused"]


def test_stock_is_kept_per_warehouse(db: Session, now: datetime) -> None:
    goods(db, now, {"sku": "S1"}, {"sku": "S2"})

    def stock(*items: tuple[str, str, Any]) -> list[str]:
        whole = [dict(zip(("sku", "warehouse", "quantity"), item, strict=True)) for item in items]
        return [result.status for result in put_stock(db, whole, actor="test", now=now)]

    assert stock(("S1", "郑州", 5), ("S1", "大阪", 7), ("S9", "大阪", 1), ("S1", "大阪", -1), ("S1", "大阪", 8)) == [
        "created", "created", "refused", "refused", "updated",
    ]  # fmt: skip
    assert (catalog.product(db, "S1").stock, catalog.product(db, "S2").stock) == (13, None)
    assert stock(("S1", "郑州", 5), ("S1", "大阪", None)) == ["unchanged", "updated"]
    assert catalog.product(db, "S1").stock == 5


def test_a_rate_holds_from_its_instant_on(db: Session, now: datetime) -> None:
    def put_rates(*items: tuple[Any, Any, Any]) -> list[str]:
        whole = [dict(zip(("currency", "from", "rate"), item, strict=True)) for item in items]
        return [r.status for r in rates.put_rates(db, whole, settlement_currency="CNY", actor="test", now=now)]

    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    assert put_rates(
        ("JPY", "2026-01-01T00:00:00Z", "0.05"),
        ("JPY", "2026-06-01T08:00:00+08:00", "0.0478"),
        ("CNY", "2026-01-01T00:00:00Z", "1"),
        ("USD", "2026-01-01T00:00:00Z", 7.1),
        ("USD", "yesterday", "7.1"),
        ("JPY", "2026-01-01T00:00:00Z", "0.0500"),
    ) == ["created", "created", "refused", "refused", "refused", "unchanged"]
    moment = timedelta(microseconds=1)
    found = [rates.rate_at(db, "JPY", at) for at in (first - moment, first, second - moment, second)]
    assert found == [None, Decimal("0.05"), Decimal("0.05"), Decimal("0.0478")]
    everything = rates.known(db, ["JPY", "USD"])
    assert everything == {"JPY": [(first, Decimal("0.05")), (second, Decimal("0.0478"))]}
    assert [rates.in_force(everything["JPY"], at) for at in (first - moment, first, second)] == [
        None, Decimal("0.05"), Decimal("0.0478"),
    ]  # fmt: skip
    assert put_rates(("JPY", "2026-01-01T00:00:00Z", "0.051")) == ["updated"]


def test_a_thousand_products_take_a_handful_of_statements(db: Session, now: datetime, count_statements: Any) -> None:
    items = [{"sku": f"S{n}", "name": f"Product {n}", "price": n, "brand": f"B{n % 7}"} for n in range(1000)]
    with count_statements(db) as seen:
        assert set(put(db, now, *items)) == {"created"}
    assert len(seen) <= 20
