"""The catalogue: products, brands and categories to look through and to pick from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, delete, func, select
from sqlalchemy.orm import Session

from domain import sql
from domain.errors import NotFound, Refusal
from domain.mall import search, spelling
from domain.mall.product_puts import put_products, put_stock
from domain.roles import SELLERS
from domain.schema import Brand, Member, PickedProduct, Product, Stock

__all__ = [
    "Page",
    "ProductRow",
    "brand",
    "brands",
    "browse",
    "categories",
    "check_may_sell",
    "may_sell",
    "nearest",
    "pick",
    "picked",
    "product",
    "products",
    "put_products",
    "put_stock",
    "unpick",
]

PAGE: Final = 8
_MANY: Final = 2000


class CannotSell(Refusal):
    """Only active distributors, merchants and agents pick products and make links."""

    code = "cannot_sell"


class OffShelf(Refusal):
    """The product is not on the shelf."""

    code = "off_shelf"


class OutsideClass(Refusal):
    """The member's class does not allow this product."""

    code = "outside_class"


@dataclass(frozen=True, slots=True)
class ProductRow:
    """Amounts are minor units of `currency`. `stock` is what all warehouses have together, None if nobody said."""

    id: int
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
    selling_points: list[str] | None
    selling_points_en: list[str] | None
    created_at: datetime
    stock: int | None

    def title(self, locale: str) -> str:
        """The name in the reader's language, as far as there is one."""
        return self.name_en if locale == "en" and self.name_en else self.name

    def points(self, locale: str) -> list[str]:
        """The selling points in the reader's language, as far as there are any."""
        return (self.selling_points_en if locale == "en" else None) or self.selling_points or []


class Page(NamedTuple):
    """One page of a list, and how many there are altogether."""

    items: list[ProductRow]
    total: int


class Shelf(NamedTuple):
    """A brand or category with the number of its products on the shelf."""

    name: str
    products: int
    name_en: str | None = None
    region: str | None = None


_ORDERS: Final = {
    "hot": (Product.hot.desc(), Product.id.desc()),
    "new": (Product.id.desc(),),
    "price": (Product.price, Product.id),
    "price_desc": (Product.price.desc(), Product.id.desc()),
    "id": (Product.id,),
}


def browse(
    db: Session,
    *,
    brand: str | None = None,
    category: str | None = None,
    hot: bool = False,
    member: int | None = None,
    text: str | None = None,
    price_from: int | None = None,
    price_to: int | None = None,
    currency: str | None = None,
    on_shelf: bool | None = True,
    sort: str = "hot",
    page: int = 1,
    after: int | None = None,
    limit: int = PAGE,
) -> Page:
    """Return one page of the products that pass every filter that is given.

    `member` keeps what that member has picked; `text` what contains each of its words; prices are minor units, both
    included; `on_shelf` None shows all. `sort` is hot, new, price, price_desc or id. `page` counts from 1; with
    `after`, the last id of the page before, sort by id and leave `page` alone.
    """
    found = select(Product.id)
    if member is not None:
        found = found.join(PickedProduct, PickedProduct.product_id == Product.id)
        found = found.where(PickedProduct.member_id == member)
    wanted = {
        Product.brand: brand,
        Product.category: category,
        Product.currency: currency,
        Product.hot: True if hot else None,
    }
    conditions = [field == value for field, value in wanted.items() if value is not None]
    if price_from is not None:
        conditions.append(Product.price >= price_from)
    if price_to is not None:
        conditions.append(Product.price <= price_to)
    found = found.where(*conditions)
    total = None
    if text is None:
        found = found if on_shelf is None else found.where(Product.on_shelf == on_shelf)
    else:
        query = search.read(text, on_shelf=on_shelf)
        candidates = search.count(db, query) if query else 0
        if not query or not candidates:
            return Page([], 0)
        found = search.narrow(db, found, query)
        if candidates > _MANY and on_shelf:
            found = found.where(
                Product.on_shelf
            )  # says the same, and SQLite walks the shelf in order instead of sorting
        if member is None and not conditions and (candidates > _MANY or not query.unproven):
            total = candidates
    return _page(db, found, total, sort, page, after, limit)


def nearest(db: Session, text: str, *, page: int = 1, limit: int = PAGE) -> tuple[str | None, Page]:
    """Return what comes nearest to a text that nothing contains: its characters apart, or a word put right.

    In the second case the text that was put right comes with it. For when `browse` has found nothing: it costs more.
    """
    query = search.scattered(text, on_shelf=True)
    if query and search.count(db, query):
        return None, _page(db, search.narrow(db, select(Product.id), query), None, "hot", page, None, limit)
    instead = spelling.corrected(db, text)
    if instead is None:
        return None, Page([], 0)
    return instead, browse(db, text=instead, page=page, limit=limit)


def _page(
    db: Session, found: Select[Any], total: int | None, sort: str, page: int, after: int | None, limit: int
) -> Page:
    if total is None:
        total = db.scalar(select(func.count()).select_from(found.subquery())) or 0
    if after is not None:
        found = found.where(Product.id > after)
    shown = found.order_by(*_ORDERS[sort]).limit(limit).offset((page - 1) * limit)
    ids = db.scalars(shown).all() if total else []
    rows = products(db, ids)
    return Page([rows[id_] for id_ in ids], total)


def products(db: Session, ids: Collection[int]) -> dict[int, ProductRow]:
    """Return the products with these ids, on the shelf or not."""
    return {row.id: row for part in sql.chunks(sorted(ids)) for row in _rows(db, _BY_IDS, which=part)}


def product(db: Session, which: int | str) -> ProductRow:
    """Return the product with this id or SKU, on the shelf or not; else NotFound."""
    for row in _rows(db, _BY_SKU if isinstance(which, str) else _BY_ID, which=which):
        return row
    raise NotFound()


_ALL: Final = select(
    Product.__table__,
    select(func.sum(Stock.quantity)).where(Stock.product_id == Product.id).scalar_subquery().label("stock"),
)
_BY_IDS: Final = _ALL.where(Product.id.in_(bindparam("which", expanding=True)))
_BY_ID: Final = _ALL.where(Product.id == bindparam("which"))
_BY_SKU: Final = _ALL.where(Product.sku == bindparam("which"))


def _rows(db: Session, statement: Select[Any], **values: Any) -> list[ProductRow]:
    rows = db.execute(statement, values)
    return [ProductRow(**{**row._mapping, "stock": None if row.stock is None else int(row.stock)}) for row in rows]


def brands(db: Session) -> list[Shelf]:
    """Return the brands that have something on the shelf, those with most of it first."""
    counted = _counted(Product.brand)
    rows = db.execute(
        select(counted.c.name, counted.c.products, Brand.name_en, Brand.region)
        .outerjoin(Brand, Brand.name == counted.c.name)
        .order_by(counted.c.products.desc(), counted.c.name)
    )
    return [Shelf(row.name, row.products, row.name_en, row.region) for row in rows]


def categories(db: Session) -> list[Shelf]:
    """Return the categories that have something on the shelf, those with most of it first."""
    counted = _counted(Product.category)
    rows = db.execute(select(counted).order_by(counted.c.products.desc(), counted.c.name))
    return [Shelf(row.name, row.products) for row in rows]


def _counted(field: Any) -> Any:
    return (
        select(field.label("name"), func.count().label("products"))
        .where(Product.on_shelf, field.is_not(None))
        .group_by(field)
        .subquery()
    )


def brand(db: Session, name: str) -> Any:
    """Return the brand's row (name, name_en, region, story, story_en); else NotFound."""
    row = db.execute(select(Brand.__table__).where(Brand.name == name)).one_or_none()
    if row is None:
        raise NotFound()
    return row


def may_sell(member_class: str, scope: str | None, sku: str, brand: str | None, category: str | None) -> bool:
    """Say whether a member of this class and scope may sell this product."""
    match member_class:
        case "single_product":
            return sku == scope
        case "single_brand":
            return brand is not None and brand == scope
        case "single_category":
            return category is not None and category == scope
    return True


def check_may_sell(db: Session, member: int, chosen: ProductRow) -> str:
    """Return the member's class if the member may sell the product now.

    Raises CannotSell for customers and inactive members, OffShelf, OutsideClass; NotFound without such a member.
    """
    seller = seller_of(db, member)
    if not chosen.on_shelf:
        raise OffShelf(product=chosen.name)
    if not may_sell(seller.member_class, seller.class_scope, chosen.sku, chosen.brand, chosen.category):
        raise OutsideClass(product=chosen.name, scope=seller.class_scope or "")
    return str(seller.member_class)


def seller_of(db: Session, member: int) -> Any:
    """Return the member's class and scope; raises CannotSell, or NotFound without such a member."""
    row = db.execute(
        select(Member.role, Member.status, Member.member_class, Member.class_scope).where(Member.id == member)
    ).one_or_none()
    if row is None:
        raise NotFound()
    if row.role not in SELLERS or row.status != "active":
        raise CannotSell()
    return row


def pick(db: Session, member: int, product_id: int, *, now: datetime) -> bool:
    """Put a product on the member's personal shelf; returns whether it was not there yet. Refuses as check_may_sell."""
    check_may_sell(db, member, product(db, product_id))
    return keep_picked(db, member, product_id, now=now)


def keep_picked(db: Session, member: int, product_id: int, *, now: datetime) -> bool:
    row = {"member_id": member, "product_id": product_id, "picked_at": now}
    return bool(sql.insert_ignore(db, PickedProduct, [row], returning=("product_id",)))


def unpick(db: Session, member: int, product_id: int) -> bool:
    """Take a product from the member's shelf; links go on working. Returns whether it was there."""
    gone = db.execute(
        delete(PickedProduct)
        .where(PickedProduct.member_id == member, PickedProduct.product_id == product_id)
        .returning(PickedProduct.product_id)
    )
    return gone.first() is not None


def picked(db: Session, member: int, ids: Sequence[int]) -> set[int]:
    """Return which of these products are on the member's shelf."""
    return set(
        db.scalars(
            select(PickedProduct.product_id).where(
                PickedProduct.member_id == member, PickedProduct.product_id.in_(list(ids))
            )
        )
    )
