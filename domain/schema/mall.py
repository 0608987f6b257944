"""The mall: brands, products, stock, rates; links into it and the visits they bring."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from domain.schema.base import Base, one_of


class Brand(Base):
    __tablename__ = "brand"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    name_en: Mapped[str | None]
    region: Mapped[str | None]
    story: Mapped[str | None]
    story_en: Mapped[str | None]


class Product(Base):
    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("cost >= 0", name="cost"),
        CheckConstraint("floor_price >= 0", name="floor_price"),
        Index("ix_product_on_shelf_hot", "on_shelf", "hot", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_en: Mapped[str | None]
    brand: Mapped[str | None] = mapped_column(index=True)
    category: Mapped[str | None] = mapped_column(index=True)
    region: Mapped[str | None]
    price: Mapped[int]
    cost: Mapped[int | None]
    currency: Mapped[str]
    on_shelf: Mapped[bool] = mapped_column(default=True)
    hot: Mapped[bool] = mapped_column(default=False)
    floor_price: Mapped[int | None]
    image_url: Mapped[str | None]
    selling_points: Mapped[Any | None]  # a list of texts
    selling_points_en: Mapped[Any | None]
    created_at: Mapped[datetime]


class ProductText(Base):
    """What a product is found by: its names as plain text, and the tokens that the search index holds.

    The index itself is made by `search_ddl` and follows this table."""

    __tablename__ = "product_text"
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    body: Mapped[str]
    tokens: Mapped[str]


class Stock(Base):
    __tablename__ = "stock"
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity"),)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    warehouse: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[int]


class CurrencyRate(Base):
    """Minor units of the settlement currency for one minor unit of `currency`, as a decimal text, from `from_at` on."""

    __tablename__ = "currency_rate"
    currency: Mapped[str] = mapped_column(primary_key=True)
    from_at: Mapped[datetime] = mapped_column(primary_key=True)
    rate: Mapped[str]


class PickedProduct(Base):
    """A member's personal shelf."""

    __tablename__ = "picked_product"
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"), primary_key=True)
    picked_at: Mapped[datetime]


class Link(Base):
    """One short code per member and thing shown: a product, the shop, an invitation, or an order to follow."""

    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("member_id", "kind", "target"),
        Index(
            "uq_link_of_nobody",
            "kind",
            "target",
            unique=True,
            sqlite_where=text("member_id IS NULL"),
            postgresql_where=text("member_id IS NULL"),
        ),
        one_of("kind", "product", "brand", "campaign", "shop", "invite", "order"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))  # nobody for an order to follow
    kind: Mapped[str]
    target: Mapped[str] = mapped_column(default="")  # the SKU, brand, campaign or order id
    created_at: Mapped[datetime]


class Visit(Base):
    """One click. `visitor` and `ip` are hashes keyed with the day's salt; no address is ever stored."""

    __tablename__ = "visit"
    __table_args__ = (
        Index("ix_visit_day_member_id", "day", "member_id"),  # one for both questions: every click pays for it
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[int]
    member_id: Mapped[int]
    day: Mapped[date]  # business day
    at: Mapped[datetime]
    visitor: Mapped[int]  # 63-bit keyed hashes
    ip: Mapped[int]
    bot: Mapped[bool]


class VisitDay(Base):
    """A member's visits of one finished business day by link, rolled up."""

    __tablename__ = "visit_day"
    __table_args__ = (Index("ix_visit_day_day", "day"),)  # which days are rolled up
    member_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    link_id: Mapped[int] = mapped_column(primary_key=True)  # 0: all of the member's links together
    visits: Mapped[int]
    visitors: Mapped[int]
    ips: Mapped[int]


class DaySalt(Base):
    """The random key of one day's visitor hashes; deleted after two days."""

    __tablename__ = "day_salt"
    day: Mapped[date] = mapped_column(primary_key=True)
    salt: Mapped[str]  # hex
