"""What to sell: one product in stock for each seller that they may sell, near to what they sold, else what is hot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Any, Final

from sqlalchemy import Select, and_, func, select, union
from sqlalchemy.orm import Session

from domain.mall.catalog import may_sell
from domain.periods import business_day
from domain.schema import Order, OrderLine, Product, Stock
from domain.work.task_facts import Seller

EACH: Final = 3
"""So many products of each brand and category are looked at, and so many take turns for one member."""

_HISTORY: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product on the shelf and in stock."""

    id: int
    sku: str
    brand: str | None
    category: str | None
    hot: bool


@dataclass(frozen=True, slots=True)
class Taste:
    """What a member sold most of lately."""

    sku: str
    brand: str | None
    category: str | None


def suggest(db: Session, sellers: Sequence[Seller], day: date, *, zone: tzinfo) -> dict[int, int]:
    """Return for each of `sellers` the id of a product to sell on `day`; nobody for whom there is none."""
    tastes = _tastes(db, [one.id for one in sellers], day, zone)
    wanted = {taste.sku for taste in tastes.values()} | {one.scope for one in sellers if one.scope}
    offers = _offers(db, wanted)
    best: dict[tuple[str, str | None, Taste | None], list[int]] = {}
    chosen: dict[int, int] = {}
    for one in sellers:
        kind = one.member_class, one.scope, tastes.get(one.id)
        if kind not in best:
            best[kind] = choose(*kind, offers)
        if best[kind]:
            chosen[one.id] = best[kind][day.toordinal() % len(best[kind])]  # they take turns from day to day
    return chosen


def choose(member_class: str, scope: str | None, taste: Taste | None, offers: Sequence[Offer]) -> list[int]:
    """Return the few best of `offers`, which come hot ones first, for a member of this class with this taste."""
    allowed = [one for one in offers if may_sell(member_class, scope, one.sku, one.brand, one.category)]
    return [one.id for one in sorted(allowed, key=lambda offer: _distance(taste, offer))[:EACH]]


def _distance(taste: Taste | None, offer: Offer) -> int:
    """How far a product is from what the member sold; hot ones are a little nearer."""
    if taste is None:
        return 0
    if offer.sku == taste.sku:
        return 0
    if offer.brand is not None and offer.brand == taste.brand:
        return 1
    if offer.category is not None and offer.category == taste.category:
        return 2
    return 3 if offer.hot else 4


def _tastes(db: Session, members: Sequence[int], day: date, zone: tzinfo) -> Mapping[int, Taste]:
    end = business_day(day, zone).start
    pieces = func.sum(OrderLine.quantity - OrderLine.refunded_quantity)
    rows = db.execute(
        select(Order.credited_id, Product.sku, Product.brand, Product.category)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Product, Product.sku == OrderLine.sku)
        .where(Order.credited_id.in_(members), Order.paid_at >= end - _HISTORY, Order.paid_at < end)
        .group_by(Order.credited_id, Product.id, Product.sku, Product.brand, Product.category)
        .having(pieces > 0)
        .order_by(Order.credited_id, pieces, Product.id)
    )
    return {row.credited_id: Taste(row.sku, row.brand, row.category) for row in rows}  # the last, the best, stays


def _offers(db: Session, skus: Iterable[str]) -> list[Offer]:
    """The best of each brand and of each category, the hottest of all, and those of `skus`; hot ones first."""
    ids = union(_best(Product.brand), _best(Product.category), _in_stock().where(Product.sku.in_(sorted(skus))))
    rows = db.execute(
        select(Product.id, Product.sku, Product.brand, Product.category, Product.hot)
        .where(Product.id.in_(select(ids.subquery().c.id)))
        .order_by(Product.hot.desc(), Product.id.desc())
    )
    return [Offer(*row) for row in rows]


def _in_stock() -> Select[Any]:
    stock = select(Stock.product_id).where(Stock.product_id == Product.id, Stock.quantity > 0).exists()
    return select(Product.id.label("id")).where(and_(Product.on_shelf, stock))


def _best(group: Any) -> Select[Any]:
    place = func.row_number().over(partition_by=group, order_by=(Product.hot.desc(), Product.id.desc()))
    ranked = _in_stock().add_columns(place.label("place")).subquery()
    return select(ranked.c.id).where(ranked.c.place <= EACH)
