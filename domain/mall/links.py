"""Short links: one code for each member and thing shown, and a code by which a buyer follows an order."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain import sql
from domain.codes import is_code, new_code
from domain.errors import NotFound
from domain.mall import catalog
from domain.mall.catalog import OutsideClass
from domain.roles import SELLERS
from domain.schema import Link, Member

PICKED_BY_LINK = ("self_picked_products", "self_picked_brands")
"""The classes for whom making a link to a product is picking it."""

LOOK = "look"
"""Added to an address by the button with which members open their own links: that is nobody's visit."""

_TRIES = 20


@dataclass(frozen=True, slots=True)
class LinkRow:
    """`kind` is product, brand, shop, invite or order; `target` the SKU, brand or order id, else empty."""

    id: int
    code: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """What a code leads to. `member` is whose it is, nobody's for an order; `live` whether that member earns now."""

    id: int
    code: str
    kind: str
    target: str
    member: int | None
    live: bool


def make(
    db: Session, member: int, kind: str, target: str = "", *, now: datetime, choose: Callable[[], str] = new_code
) -> LinkRow:
    """Return the member's link to a product (`target` its SKU), a brand, the shop or their team: one code for ever.

    For the self-picked classes a link to a product puts it on the member's shelf. Raises catalog.CannotSell for
    customers and inactive members, OffShelf, OutsideClass, and NotFound for what does not exist.
    """
    if kind == "product":
        chosen = catalog.product(db, target)
        if catalog.check_may_sell(db, member, chosen) in PICKED_BY_LINK:
            catalog.keep_picked(db, member, chosen.id, now=now)
    elif kind == "brand":
        seller, hall = catalog.seller_of(db, member), catalog.brand(db, target)
        if seller.member_class == "single_brand" and seller.class_scope != hall.name:
            raise OutsideClass(product=hall.name, scope=seller.class_scope)
    elif kind in ("shop", "invite") and not target:
        catalog.seller_of(db, member)
    else:
        raise NotFound()
    return _kept(db, {"member_id": member, "kind": kind, "target": target, "created_at": now}, choose)


def order_link(db: Session, order_id: str, *, now: datetime, choose: Callable[[], str] = new_code) -> str:
    """Return the code by which whoever has it follows the order in chat."""
    return _kept(db, {"member_id": None, "kind": "order", "target": order_id, "created_at": now}, choose).code


def _kept(db: Session, row: dict[str, Any], choose: Callable[[], str]) -> LinkRow:
    member = row["member_id"]
    mine = select(Link.id, Link.code, Link.kind, Link.target).where(
        Link.member_id.is_(None) if member is None else Link.member_id == member,
        Link.kind == row["kind"],
        Link.target == row["target"],
    )
    for _ in range(_TRIES):
        found = db.execute(mine).one_or_none()
        if found is not None:
            return LinkRow(*found)
        sql.insert_ignore(db, Link, [{**row, "code": choose()}])  # a code that is taken is left out: choose again
    raise RuntimeError("no free code found")


def resolve(db: Session, code: str) -> LinkTarget | None:
    """Return what `code` leads to; capital and small letters differ. None if there is no such code."""
    return resolve_all(db, [code]).get(code)


def resolve_all(db: Session, codes: Collection[str]) -> dict[str, LinkTarget]:
    """Return what each of `codes` leads to, without those that do not exist."""
    wanted = sorted({code for code in codes if is_code(code)})
    columns = (Link.id, Link.code, Link.kind, Link.target, Link.member_id, Member.role, Member.status)
    known = select(*columns).outerjoin(Member, Member.id == Link.member_id)
    return {
        row.code: _target(row) for part in sql.chunks(wanted) for row in db.execute(known.where(Link.code.in_(part)))
    }


def _target(row: Any) -> LinkTarget:
    live = row.role in SELLERS and row.status == "active"
    return LinkTarget(row.id, row.code, row.kind, row.target, row.member_id, live)


def owner_name(db: Session, code: str) -> str | None:
    """Return the name of the member whose code this is, if that member is live; else None."""
    found = resolve(db, code)
    if found is None or not found.live:
        return None
    return db.scalar(select(Member.name).where(Member.id == found.member))


def url(public_url: str, code: str) -> str:
    """Where a link leads through: the visit is counted there."""
    return f"{public_url.rstrip('/')}/r/{code}"


def join_url(public_url: str, code: str) -> str:
    """Where somebody begins the conversation in the web chat with this code."""
    return f"{public_url.rstrip('/')}/chat?invite={code}"
