"""Links: one code for each member and thing, for ever; who may have which."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from domain.codes import is_code
from domain.errors import NotFound
from domain.mall import catalog, links
from tests.domain.makings import goods, people


def test_the_same_member_and_product_have_the_same_code_for_ever(db: Session, now: datetime) -> None:
    ids = people(db, now, {"member_id": "a"}, {"member_id": "b"})
    goods(db, now, {"sku": "S1"}, {"sku": "S2"})
    first = links.make(db, ids["a"], "product", "S1", now=now)
    assert is_code(first.code)
    assert links.make(db, ids["a"], "product", "S1", now=now) == first
    others = {links.make(db, ids[who], "product", sku, now=now).code for who, sku in (("a", "S2"), ("b", "S1"))}
    assert len(others | {first.code}) == 3
    target = links.resolve(db, first.code)
    assert target == links.LinkTarget(first.id, first.code, "product", "S1", ids["a"], live=True)
    assert links.url("https://shop.example/", first.code) == f"https://shop.example/r/{first.code}"


def test_a_code_goes_on_working_when_its_member_or_product_no_longer_does(db: Session, now: datetime) -> None:
    ids = people(db, now, {"member_id": "a"})
    goods(db, now, {"sku": "S1"})
    code = links.make(db, ids["a"], "product", "S1", now=now).code
    goods(db, now, {"sku": "S1", "on_shelf": False})
    people(db, now, {"member_id": "a", "status": "closed"})
    target = links.resolve(db, code)
    assert target is not None
    assert not target.live
    with pytest.raises(catalog.CannotSell):
        links.make(db, ids["a"], "product", "S1", now=now)


def test_customers_inactive_members_and_products_off_the_shelf_get_no_link(db: Session, now: datetime) -> None:
    ids = people(
        db, now, {"member_id": "a"}, {"member_id": "c", "role": "customer"}, {"member_id": "s", "status": "suspended"}
    )
    goods(db, now, {"sku": "S1"}, {"sku": "off", "on_shelf": False})
    for who in ("c", "s"):
        for kind, thing in (("product", "S1"), ("shop", ""), ("invite", "")):
            with pytest.raises(catalog.CannotSell):
                links.make(db, ids[who], kind, thing, now=now)
    with pytest.raises(catalog.OffShelf):
        links.make(db, ids["a"], "product", "off", now=now)
    for kind, thing in (("product", "S9"), ("brand", "none"), ("shop", "x"), ("campaign", "1"), ("order", "A-1")):
        with pytest.raises(NotFound):
            links.make(db, ids["a"], kind, thing, now=now)


@pytest.mark.parametrize(
    ("member_class", "scope", "allowed"),
    [
        ("single_product", "S1", {"S1"}),
        ("single_brand", "HADA", {"S1", "S2"}),
        ("single_category", "mask", {"S2", "S3"}),
        ("self_picked_products", None, {"S1", "S2", "S3"}),
        ("self_picked_brands", None, {"S1", "S2", "S3"}),
        ("self_set_commission", None, {"S1", "S2", "S3"}),
    ],
)
def test_the_class_decides_what_may_be_sold_and_what_a_link_picks(
    db: Session, now: datetime, member_class: str, scope: str | None, allowed: set[str]
) -> None:
    item = {"member_id": "a", "class": member_class}
    member = people(db, now, item if scope is None else {**item, "class_scope": scope})["a"]
    products = goods(
        db,
        now,
        {"sku": "S1", "brand": "HADA", "category": "serum"},
        {"sku": "S2", "brand": "HADA", "category": "mask"},
        {"sku": "S3", "category": "mask"},
    )
    made = set()
    for sku in products:
        try:
            links.make(db, member, "product", sku, now=now)
        except catalog.OutsideClass:
            continue
        made.add(sku)
    assert made == allowed
    shelf = {row.sku for row in catalog.browse(db, member=member).items}
    assert shelf == (allowed if member_class in links.PICKED_BY_LINK else set())


def test_a_member_of_one_brand_shares_that_brand_only(db: Session, now: datetime) -> None:
    member = people(db, now, {"member_id": "a", "class": "single_brand", "class_scope": "HADA"})["a"]
    goods(db, now, {"sku": "S1", "brand": "HADA"}, {"sku": "S2", "brand": "LUNA"})
    assert links.make(db, member, "brand", "HADA", now=now).target == "HADA"
    with pytest.raises(catalog.OutsideClass):
        links.make(db, member, "brand", "LUNA", now=now)


def test_an_order_has_one_code_that_is_nobodys(db: Session, now: datetime) -> None:
    code = links.order_link(db, "A-1", now=now)
    assert links.order_link(db, "A-1", now=now) == code
    assert links.order_link(db, "A-2", now=now) != code
    target = links.resolve(db, code)
    assert target is not None
    assert (target.kind, target.target, target.member, target.live) == ("order", "A-1", None, False)


def test_a_code_that_is_taken_is_chosen_anew(db: Session, now: datetime) -> None:
    ids = people(db, now, {"member_id": "a"}, {"member_id": "b"})
    choices = iter(["same2345", "same2345", "other234"])
    codes = [links.make(db, ids[who], "shop", now=now, choose=lambda: next(choices)).code for who in ("a", "b")]
    assert codes == ["same2345", "other234"]


def test_a_code_says_who_invites_as_long_as_that_member_is_live(db: Session, now: datetime) -> None:
    ids = people(db, now, {"member_id": "a", "name": "林悦"})
    code = links.make(db, ids["a"], "invite", now=now).code
    assert links.owner_name(db, code) == "林悦"
    people(db, now, {"member_id": "a", "status": "suspended"})
    assert links.owner_name(db, code) is None
    assert links.resolve(db, "nothing2") is None
    assert links.resolve(db, "x" * 5000) is None
