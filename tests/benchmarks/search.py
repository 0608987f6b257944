"""Chinese search among a hundred thousand products, page and number of hits, against LIKE on the same rows."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bot.database import Database
from domain.mall import catalog, search
from domain.schema import Base, Product, ProductText
from tests import postgresql
from tests.benchmarks.figures import Figure

PRODUCTS, CHUNK = 100_000, 5_000
PER_LENGTH, ROUNDS = 20, 3
WANTED_SQLITE = 10.0
WANTED_POSTGRESQL = 3.0
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

_GOODS = (
    "精华 面膜 洗面奶 防晒霜 口红 眼霜 保湿 修护 美白 抗皱 玻尿酸 烟酰胺 胶原蛋白 益生菌 鱼油 奶粉 纸尿裤 牛奶 "
    "蜂蜜 红酒 清酒 咖啡 巧克力 坚果 保温杯 电饭煲 吹风机 剃须刀 牙膏 洗发水 护发素 沐浴露 香水 手表 背包 运动鞋 "
    "羊毛衫 羽绒服 儿童 孕妇 男士 女士 日本 韩国 法国 德国 澳洲 新西兰 美国 意大利 进口 旗舰 限量 礼盒 套装 便携 "
    "家用 旅行 敏感肌 温和 深层 清洁 滋润"
)
_LATIN = "Serum Cream Mask Lotion Premium Hada Luna Ultra Pro 30ml 50ml 100ml 200g 500g SPF50 VC B5 Omega Organic"


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        figures = [_figure("SQLite", f"sqlite:///{Path(folder) / 'search.db'}", WANTED_SQLITE)]
    try:
        with postgresql.server(durable=True) as server:
            figures.append(_figure("PostgreSQL", postgresql.create(server, "search"), WANTED_POSTGRESQL))
    except postgresql.NoServer:
        pass
    return figures


def _figure(name: str, url: str, wanted: float) -> Figure:
    database = Database(url)
    Base.metadata.create_all(database.writing)
    titles = _titles()
    _fill(database, titles)
    queries = _queries(titles)
    database.read_now(lambda db: _check_recall(db, queries))
    ours, floor = [], []
    for _ in range(ROUNDS):
        floor.append(database.read_now(lambda db: _seconds(db, queries, _like)))
        ours.append(database.read_now(lambda db: _seconds(db, queries, _browse)))
    database.close()
    ratio = statistics.median(its / mine for its, mine in zip(floor, ours, strict=True))
    ms = statistics.median(ours) / len(queries) * 1e3
    return Figure(f"search, recall 1.0, {name}", ms, "ms/query", "LIKE", ratio, wanted, ratio >= wanted)


def _titles() -> list[str]:
    chance = random.Random(5)
    goods, latin = _GOODS.split(), _LATIN.split()
    rare = [chr(number) for number in range(0x4E00, 0x4E00 + 3000)]

    def title() -> str:
        known = "".join(chance.choice(goods) for _ in range(chance.randint(2, 5)))
        unknown = "".join(chance.choice(rare) for _ in range(chance.randint(0, 6)))
        return f"{known}{unknown} {' '.join(chance.choice(latin) for _ in range(chance.randint(1, 3)))}"

    return [title() for _ in range(PRODUCTS)]


def _queries(titles: Sequence[str]) -> list[str]:
    """Pieces of one to four Chinese characters, as they stand in titles."""
    chance = random.Random(6)
    found = []
    for length in (1, 2, 3, 4):
        for _ in range(PER_LENGTH):
            chinese = chance.choice(titles).split()[0]
            start = chance.randint(0, max(0, len(chinese) - length))
            found.append(chinese[start : start + length])
    return found


def _fill(database: Database, titles: Sequence[str]) -> None:
    chance = random.Random(9)
    for start in range(0, PRODUCTS, CHUNK):
        numbers = range(start, start + CHUNK)
        rows = [
            {
                "id": number + 1, "sku": f"S{number}", "name": titles[number], "price": chance.randint(100, 99_999),
                "currency": "CNY", "on_shelf": chance.random() < 0.9, "hot": chance.random() < 0.05, "created_at": NOW,
            }
            for number in numbers
        ]  # fmt: skip
        texts = [search.row(row["id"], row["name"], on_shelf=row["on_shelf"]) for row in rows]  # type: ignore[arg-type]
        with database.transaction() as db:
            db.execute(insert(Product.__table__), rows)  # type: ignore[arg-type]
            db.execute(insert(ProductText.__table__), texts)  # type: ignore[arg-type]
    if not database.sqlite:
        with database.writing.connect() as connection:
            connection.exec_driver_sql("ANALYZE")


def _browse(db: Session, query: str) -> tuple[list[int], int]:
    page = catalog.browse(db, text=query)
    return [row.id for row in page.items], page.total


def _like(db: Session, query: str) -> tuple[list[int], int]:
    """The first page and the number of hits as one would ask without an index."""
    hits = Product.on_shelf & Product.name.like(f"%{query}%")
    order = (Product.hot.desc(), Product.id.desc())
    page = db.execute(
        select(Product.id, Product.sku, Product.name, Product.price).where(hits).order_by(*order).limit(8)
    )
    return [row.id for row in page], db.scalar(select(func.count()).select_from(Product).where(hits)) or 0


def _seconds(db: Session, queries: Sequence[str], ask: Callable[[Session, str], object]) -> float:
    started = time.perf_counter()
    for query in queries:
        ask(db, query)
    return time.perf_counter() - started


def _check_recall(db: Session, queries: Sequence[str]) -> None:
    for query in queries:
        assert _browse(db, query) == _like(db, query), query
    for query in queries[::8]:
        every = db.scalars(select(Product.id).where(Product.on_shelf, Product.name.like(f"%{query}%"))).all()
        found = catalog.browse(db, text=query, sort="id", limit=PRODUCTS)
        assert [row.id for row in found.items] == sorted(every), query
