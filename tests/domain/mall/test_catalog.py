"""Looking through the catalogue, and finding a product by any part of its name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.orm import Session

from bot.database import Database
from domain.errors import NotFound
from domain.mall import catalog, search
from domain.schema import Product, ProductText
from tests.domain.makings import goods, people


def found(db: Session, text: str, **filters: Any) -> list[str]:
    page = catalog.browse(db, text=text, sort="id", **filters)
    assert page.total == len(page.items)
    return [row.sku for row in page.items]


@pytest.fixture
def shelf(db: Session, now: datetime) -> Session:
    goods(
        db,
        now,
        {"sku": "JP-SERUM-30", "name": "肌研极润玻尿酸精华液", "name_en": "Hada Labo Serum 30ml", "brand": "HADA"},
        {"sku": "KR-MASK-5", "name": "春雨蜂蜜面膜（5片装）", "brand": "春雨", "category": "面膜"},
        {"sku": "FR-RED", "name": "波尔多干红葡萄酒 750ＭＬ", "name_en": "Bordeaux Red", "price": 25_900},
        {"sku": "OFF", "name": "下架的面膜", "on_shelf": False},
    )
    return db


@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("精", ["JP-SERUM-30"]),
        ("精华", ["JP-SERUM-30"]),
        ("玻尿酸精华", ["JP-SERUM-30"]),
        ("精华酸", []),
        ("面膜", ["KR-MASK-5"]),
        ("蜂蜜 面膜", ["KR-MASK-5"]),
        ("serum", ["JP-SERUM-30"]),
        ("SERUM", ["JP-SERUM-30"]),
        ("eru", ["JP-SERUM-30"]),
        ("ru", ["JP-SERUM-30"]),
        ("erm", []),
        ("hada 玻尿酸", ["JP-SERUM-30"]),
        ("ｓｅｒｕｍ　精华", ["JP-SERUM-30"]),
        ("jp-serum-30", ["JP-SERUM-30"]),
        ("p-s", ["JP-SERUM-30"]),
        ("酒 750ml", ["FR-RED"]),
        ("5片", ["KR-MASK-5"]),
        ("（5片装）", ["KR-MASK-5"]),
        ("春雨", ["KR-MASK-5"]),
        ("nothing", []),
        ("", []),
        ("!!! ?", []),
        ("' OR 1=1 --", []),
        ('"面膜" OR *', []),
        ("面\x00膜 \ud800", ["KR-MASK-5"]),
    ],
)
def test_any_part_of_a_name_finds_a_product(shelf: Session, text: str, skus: list[str]) -> None:
    assert found(shelf, text) == skus


def test_a_changed_name_is_found_and_the_old_one_no_longer(shelf: Session, now: datetime) -> None:
    goods(shelf, now, {"sku": "KR-MASK-5", "name": "蜗牛精华眼霜"})
    assert (found(shelf, "眼霜"), found(shelf, "蜂蜜")) == (["KR-MASK-5"], [])
    goods(
        shelf,
        now,
        {"sku": "OFF", "name": "回来的香皂", "on_shelf": True},
        {"sku": "FR-RED", "name": "红", "on_shelf": False},
    )
    assert (found(shelf, "香皂"), found(shelf, "酒"), found(shelf, "红")) == (["OFF"], [], [])
    assert found(shelf, "红", on_shelf=None) == ["FR-RED"]
    assert found(shelf, "面膜", on_shelf=False) == []


def test_filters_narrow_a_search(shelf: Session) -> None:
    assert found(shelf, "精华", brand="HADA") == ["JP-SERUM-30"]
    assert found(shelf, "精华", brand="春雨") == []
    assert found(shelf, "面膜", category="面膜") == ["KR-MASK-5"]
    assert found(shelf, "酒", price_from=25_900, price_to=25_900, currency="CNY") == ["FR-RED"]
    assert found(shelf, "酒", price_to=25_899) == []


def test_the_shelf_is_shown_hot_things_first_in_pages(db: Session, now: datetime) -> None:
    goods(db, now, *({"sku": f"S{n}", "price": n, "hot": n == 3} for n in range(10)))
    pages = [[row.sku for row in catalog.browse(db, page=page, limit=4).items] for page in (1, 2, 3, 4)]
    assert pages == [["S3", "S9", "S8", "S7"], ["S6", "S5", "S4", "S2"], ["S1", "S0"], []]
    assert catalog.browse(db, page=4, limit=4).total == 10
    assert [row.sku for row in catalog.browse(db, sort="price", limit=2).items] == ["S0", "S1"]
    assert [row.sku for row in catalog.browse(db, hot=True).items] == ["S3"]
    first = catalog.browse(db, sort="id", limit=6).items
    rest = catalog.browse(db, sort="id", limit=6, after=first[-1].id)
    assert [row.sku for row in (*first, *rest.items)] == [f"S{n}" for n in range(10)]


def test_brands_and_categories_with_something_on_the_shelf(shelf: Session) -> None:
    assert [(one.name, one.products) for one in catalog.brands(shelf)] == [("HADA", 1), ("春雨", 1)]
    assert [(one.name, one.products) for one in catalog.categories(shelf)] == [("面膜", 1)]
    assert catalog.brand(shelf, "HADA").name == "HADA"
    with pytest.raises(NotFound):
        catalog.brand(shelf, "nobody")


def test_a_member_keeps_a_personal_shelf(shelf: Session, now: datetime) -> None:
    ids = people(shelf, now, {"member_id": "a"}, {"member_id": "c", "role": "customer"})
    serum, off = catalog.product(shelf, "JP-SERUM-30").id, catalog.product(shelf, "OFF").id
    assert catalog.pick(shelf, ids["a"], serum, now=now)
    assert not catalog.pick(shelf, ids["a"], serum, now=now)
    assert catalog.picked(shelf, ids["a"], [serum, off]) == {serum}
    assert [row.id for row in catalog.browse(shelf, member=ids["a"]).items] == [serum]
    with pytest.raises(catalog.OffShelf):
        catalog.pick(shelf, ids["a"], off, now=now)
    with pytest.raises(catalog.CannotSell):
        catalog.pick(shelf, ids["c"], serum, now=now)
    assert catalog.unpick(shelf, ids["a"], serum)
    assert not catalog.unpick(shelf, ids["a"], serum)


_WORDS = st.text(st.sampled_from("精华液面膜霜ab c1２é①㍿ＡＢ-/ かナ한"), max_size=8)


@settings(max_examples=200, deadline=None)
@given(text=_WORDS, start=st.integers(0, 7), length=st.integers(1, 8))
@example(text="ab精", start=1, length=2)
def test_whatever_part_of_a_text_is_asked_for_its_tokens_are_there(text: str, start: int, length: int) -> None:
    whole = search.body(text)
    asked = search.normalize(whole[start : start + length])
    if asked not in whole:  # a space at its edge
        return
    kept = search.tokens(whole)
    for token in (token for term in asked.split() for token in search.wanted(term)):
        assert token in kept or (token.endswith("*") and any(one.startswith(token[:-1]) for one in kept))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(_WORDS.filter(str.strip), min_size=1, max_size=12), query=_WORDS)
def test_a_search_finds_exactly_the_products_that_contain_every_word(
    database: Database, now: datetime, names: list[str], query: str
) -> None:
    with database.transaction() as db:
        db.execute(delete(ProductText))
        db.execute(delete(Product))
        goods(db, now, *({"sku": f"#{n}", "name": name} for n, name in enumerate(names)))
        terms = [term for term in search.normalize(query).split() if search.wanted(term)]
        wanted = [
            f"#{n}"
            for n, name in enumerate(names)
            if terms and all(term in search.body(f"#{n}", name) for term in terms)
        ]
        assert [row.sku for row in catalog.browse(db, text=query, sort="id", limit=20).items] == wanted
