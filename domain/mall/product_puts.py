"""Products and stock as scripts and files send them: made or changed by the list, found by search at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

from sqlalchemy import Table, bindparam, delete, select, tuple_, update
from sqlalchemy.orm import Session

from domain import audit_log, items, sql
from domain.items import CREATED, REFUSED, UNCHANGED, UPDATED, FieldError, FieldInvalid, Item, PutResult, read, rounds
from domain.mall import search
from domain.schema import Brand, Product, ProductText, Stock

_PRODUCT = cast(Table, Product.__table__)
_STOCK = cast(Table, Stock.__table__)
_MAX_PIECES: Final = 1_000_000_000


def image_url(value: object) -> str:
    """Where the picture is: http, https, or a path of this server."""
    found: str = items.text(1000)(value)
    try:
        parts = urlsplit(found)
    except ValueError:
        raise FieldInvalid("is not an address") from None
    local = not parts.scheme and not parts.netloc and found.startswith("/") and "\\" not in found
    if not local and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise FieldInvalid("must begin with https:// or http://, or be a path of this server")
    return found


_FIELDS: Final[Mapping[str, items.Rule]] = {
    "sku": items.text(64),
    "name": items.text(200),
    "name_en": items.text(200),
    "brand": items.text(100),
    "category": items.text(100),
    "region": items.text(50),
    "price": items.amount,
    "cost": items.amount,
    "currency": items.currency,
    "on_shelf": items.flag,
    "hot": items.flag,
    "floor_price": items.amount,
    "image_url": image_url,
    "selling_points": items.list_of(items.text(200), 0, 20),
    "selling_points_en": items.list_of(items.text(200), 0, 20),
}
_COLUMNS = tuple(name for name in _FIELDS if name != "sku")
_SEARCHED = ("sku", "name", "name_en", "brand", "category")

_STOCK_FIELDS: Final[Mapping[str, items.Rule]] = {
    "sku": items.text(64),
    "warehouse": items.text(64),
    "quantity": items.whole(0, _MAX_PIECES),
}


def put_products(
    db: Session, given: Sequence[object], *, actor: str, now: datetime, currency: str = "CNY"
) -> list[PutResult]:
    """Make or change the products of `given`, each a mapping as `PUT /products` takes it; one result for each.

    A new product needs a name and a price; `currency` is what one without its own has. Fields left out stay, null
    clears. A refused item changes nothing. A brand that is not known yet is made.
    """
    sql.one_at_a_time(db, "products")
    defaults: dict[str, Any] = dict.fromkeys(_COLUMNS) | {"currency": currency, "on_shelf": True, "hot": False}
    read_items = [read(raw, _FIELDS, keys=["sku"], defaults=defaults, needed=("name", "price")) for raw in given]
    results = {position: item.refused() for position, item in enumerate(read_items) if item.errors}
    sound = [(position, item) for position, item in enumerate(read_items) if not item.errors]
    for turn in rounds(sound, lambda pair: pair[1].id):
        done = _put_round(db, [item for _, item in turn], defaults, actor=actor, now=now)
        results |= {position: result for (position, _), result in zip(turn, done, strict=True)}
    return [results[position] for position in range(len(read_items))]


def _put_round(
    db: Session, wanted: Sequence[Item], defaults: Mapping[str, Any], *, actor: str, now: datetime
) -> list[PutResult]:
    stored = _stored(db, [item.id for item in wanted])
    results: list[PutResult] = []
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    audit: list[tuple[str, str, Any, Any]] = []
    for item in wanted:
        old = stored.get(item.id)
        before = defaults if old is None else {name: old[name] for name in _COLUMNS}
        row = {"sku": item.id, **before, **item.values}
        fields = [name for name in _COLUMNS if row[name] != before[name]]
        if old is None:
            for name in ("name", "price"):
                if row[name] is None:
                    item.refuse(name, "is missing")
            if item.errors:
                results.append(item.refused())
                continue
            new.append({**row, "created_at": now})
            audit.append(("product.put", f"product:{item.id}", None, {name: row[name] for name in fields}))
            results.append(PutResult(item.id, CREATED))
        elif fields:
            changed.append(
                {**row, "id": old["id"], "renamed": any(name in (*_SEARCHED, "on_shelf") for name in fields)}
            )
            was, is_now = {name: before[name] for name in fields}, {name: row[name] for name in fields}
            audit.append(("product.put", f"product:{item.id}", was, is_now))
            results.append(PutResult(item.id, UPDATED))
        else:
            results.append(PutResult(item.id, UNCHANGED))
    _write(db, new, changed)
    audit_log.record_all(db, audit, actor=actor, now=now)
    return results


def _stored(db: Session, skus: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    rows: dict[str, Mapping[str, Any]] = {}
    for part in sql.chunks(skus):
        mine = select(_PRODUCT).where(_PRODUCT.c.sku.in_(part)).order_by(_PRODUCT.c.id).with_for_update()
        rows |= {row.sku: row._mapping for row in db.execute(mine)}
    return rows


def _write(db: Session, new: list[dict[str, Any]], changed: list[dict[str, Any]]) -> None:
    names = {row["brand"] for row in (*new, *changed)} - {None}
    sql.insert_ignore(db, Brand, [{"name": name} for name in sorted(names)], key=["name"])
    ids = {row.sku: row.id for row in sql.insert_ignore(db, Product, new, returning=("id", "sku"))}
    if changed:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _COLUMNS}
        db.execute(
            update(_PRODUCT).where(_PRODUCT.c.id == bindparam("which")).values(values),
            [{"which": row["id"], **{f"new_{name}": row[name] for name in _COLUMNS}} for row in changed],
        )
    texts = [_text(ids[row["sku"]], row) for row in new] + [_text(row["id"], row) for row in changed if row["renamed"]]
    sql.upsert(db, ProductText, texts, key=["product_id"], change=["body", "tokens"])


def _text(product_id: int, row: Mapping[str, Any]) -> dict[str, Any]:
    return search.row(product_id, *(row[name] for name in _SEARCHED), on_shelf=row["on_shelf"])


def put_stock(db: Session, given: Sequence[object], *, actor: str, now: datetime) -> list[PutResult]:
    """Say how many pieces of a product a warehouse has, each item a mapping as `PUT /stock` takes it.

    A quantity of null takes the warehouse away. Unknown products are refused.
    """
    sql.one_at_a_time(db, "products")
    read_items = [read(raw, _STOCK_FIELDS, keys=["sku", "warehouse"], defaults={}) for raw in given]
    results = {position: item.refused() for position, item in enumerate(read_items) if item.errors}
    sound = [(position, item) for position, item in enumerate(read_items) if not item.errors]
    for turn in rounds(sound, lambda pair: (pair[1].id, pair[1].values["warehouse"])):
        done = _put_stock_round(db, [item for _, item in turn], actor=actor, now=now)
        results |= {position: result for (position, _), result in zip(turn, done, strict=True)}
    return [results[position] for position in range(len(read_items))]


def _put_stock_round(db: Session, wanted: Sequence[Item], *, actor: str, now: datetime) -> list[PutResult]:
    ids: dict[str, int] = {}
    for part in sql.chunks(sorted({item.id for item in wanted})):
        ids |= {row.sku: row.id for row in db.execute(select(Product.id, Product.sku).where(Product.sku.in_(part)))}
    shelves = [(ids[item.id], item.values["warehouse"]) for item in wanted if item.id in ids]
    stored = {
        (row.product_id, row.warehouse): row.quantity
        for some in sql.chunks(shelves, 1000)
        for row in db.execute(select(_STOCK).where(tuple_(_STOCK.c.product_id, _STOCK.c.warehouse).in_(some)))
    }
    results, rows, gone, audit = [], [], [], []
    for item in wanted:
        if item.id not in ids:
            results.append(PutResult(item.id, REFUSED, (FieldError("sku", "is not a known product"),)))
            continue
        key = (ids[item.id], item.values["warehouse"])
        before = stored.get(key)
        if "quantity" not in item.values and before is None:
            results.append(PutResult(item.id, REFUSED, (FieldError("quantity", "is missing"),)))
            continue
        quantity = item.values.get("quantity", before)
        if quantity == before:
            results.append(PutResult(item.id, UNCHANGED))
            continue
        if quantity is None:
            gone.append(key)
        else:
            rows.append({"product_id": key[0], "warehouse": key[1], "quantity": quantity})
        results.append(PutResult(item.id, CREATED if before is None else UPDATED))
        audit.append(("stock.put", f"stock:{item.id}@{key[1]}", before, quantity))
    sql.upsert(db, Stock, rows, key=["product_id", "warehouse"], change=["quantity"])
    for some in sql.chunks(gone, 1000):
        db.execute(delete(_STOCK).where(tuple_(_STOCK.c.product_id, _STOCK.c.warehouse).in_(some)))
    audit_log.record_all(db, audit, actor=actor, now=now)
    return results
