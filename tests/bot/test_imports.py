"""Files as shops really have them: read, or a clear reason for each row."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from sqlalchemy import func, select

from bot.database import Database
from bot.imports import BadRow, Import, Report, import_file
from bot.tables import FileUnreadable
from domain import imports
from domain.cells import Reading
from domain.mall import catalog
from domain.people import members
from domain.sales import orders
from domain.schema import Member, Order, Product
from tests.domain.makings import goods

READING = Reading(ZoneInfo("Asia/Shanghai"), "CNY")
Take = Callable[..., Report]


@pytest.fixture
def take(database: Database, tmp_path: Path, now: datetime) -> Take:
    """Write the content to a file and take it in."""

    def work(kind: str, content: str | bytes | openpyxl.Workbook, **options: Any) -> Report:
        path = tmp_path / "file"
        if isinstance(content, openpyxl.Workbook):
            content.save(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return import_file(database, Import(kind, path, READING, "cli", now), **options)

    return work


@pytest.fixture
def product(database: Database) -> Callable[[str], catalog.ProductRow]:
    return lambda sku: database.read_now(lambda db: catalog.product(db, sku))


def sheet(*rows: tuple[Any, ...]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    return book


PRODUCTS = "sku,name,price,cost,on_shelf,selling_points\nS1,精华,12900,7000,是,保湿|不黏\nS2,面膜,9900,,否,\n"


@pytest.mark.parametrize(
    "content",
    [
        PRODUCTS.encode(),
        b"\xef\xbb\xbf" + PRODUCTS.encode(),
        PRODUCTS.encode("gbk"),
        PRODUCTS.encode("utf-16"),
        PRODUCTS.replace("\n", "\r\n").replace(",", ";").encode(),
        PRODUCTS.replace(",", "\t").encode("gb18030"),
    ],
    ids=["utf-8", "with a BOM", "GBK", "UTF-16", "semicolons", "tabs in GB18030"],
)
def test_b11_a_csv_file_is_read_in_every_usual_spelling(take: Take, product: Any, content: bytes) -> None:
    report = take("products", content)
    assert (dict(report.counts), report.bad) == ({"created": 2}, [])
    serum, mask = product("S1"), product("S2")
    assert (serum.name, serum.price, serum.cost, serum.on_shelf, serum.selling_points) == (
        "精华", 12900, 7000, True, ["保湿", "不黏"],
    )  # fmt: skip
    assert (mask.cost, mask.on_shelf, mask.selling_points) == (None, False, None)
    assert dict(take("products", content).counts) == {"unchanged": 2}


def test_b11_each_bad_row_is_named_with_its_line_and_reason_and_the_good_ones_go_in(take: Take) -> None:
    content = (
        'sku,name,price\nS1,"two\nlines",1\n\nS2,Two,12.50\n,Nameless,3\nS3,,4\nS4,Four,-1\nS5,Five,5,6\nS6,Six,6\n'
    )
    report = take("products", content)
    assert dict(report.counts) == {"created": 1, "refused": 6}
    assert [(bad.line, bad.field) for bad in report.bad] == [
        (2, "name"), (5, "price"), (6, "sku"), (7, "name"), (8, "price"), (9, ""),
    ]  # fmt: skip
    assert "whole number of minor units" in next(bad.reason for bad in report.bad if bad.line == 5)


def test_b11_all_or_nothing_leaves_nothing_behind(take: Take, database: Database) -> None:
    report = take("products", "sku,name,price\nS1,One,1\nS2,Two,x\n", all_or_nothing=True)
    assert (report.kept, [bad.line for bad in report.bad]) == (False, [3])
    assert database.read_now(lambda db: db.scalar(select(func.count()).select_from(Product))) == 0
    assert take("products", "sku,name,price\nS1,One,1\nS2,Two,2\n", all_or_nothing=True).kept


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("products", "name,price\nx,1\n", ["missing: sku (商品编码)"]),
        ("orders", "order_id,sku\n", ["paid_at", "quantity", "amount"]),
        ("products", "sku,name,price,colour\n", ["colour is not a known column"]),
        ("products", "sku,SKU,price\n", ["sku is there twice"]),
        ("products", "商品编码,名称,价格\nS1,x,1\n", ["say the unit, 价格（元） or 价格（分）"]),
        ("products", "", ["is empty"]),
        ("products", b"\xff\xff\xff\x00", ["neither UTF-8 nor GBK"]),
        ("products", b"PK\x03\x04 broken", ["not a readable XLSX"]),
        ("products", b"\xd0\xcf\x11\xe0", ["old Excel"]),
        ("stock", 'sku,warehouse,quantity\nS1,"never closed,1\n', ["from line 2 on"]),
    ],
)
def test_b11_what_is_no_such_table_gets_one_clear_sentence(
    take: Take, kind: str, content: str | bytes, words: list[str]
) -> None:
    with pytest.raises(FileUnreadable) as refused:
        take(kind, content)
    assert all(word in str(refused.value) for word in words)


def test_chinese_columns_with_yuan_are_understood(take: Take, product: Any) -> None:
    report = take(
        "products",
        '商品编码,商品名称,品牌,价格（元）,成本 (元),币种,是否上架,热卖\nS1,精华,HADA,"1,290.50",￥700,CNY,上架,是\n'
        "S2,清酒,獭祭,3900,,JPY,是,否\nS3,贵了,X,1.234,,CNY,是,否\nS4,日元,X,1.5,,JPY,是,否\n",
    )
    assert [(bad.line, bad.field) for bad in report.bad] == [(4, "price"), (5, "price")]
    assert (product("S1").price, product("S1").cost, product("S1").hot) == (129050, 70000, True)
    assert product("S2").price == 3900


def test_b11_merged_cells_count_for_all_their_rows_and_formulas_need_a_value(take: Take, product: Any) -> None:
    book = sheet(
        ("sku", "name", "brand", "price"),
        ("S1", "One", "HADA", 100),
        ("S2", "Two", None, 200.0),
        (690123456789, "Three", None, "=D2*3"),
        ("S4", "Four", "LUNA", 12.5),
    )
    book.active.merge_cells("C2:C4")  # type: ignore[union-attr]
    report = take("products", book)
    assert [(bad.line, bad.field) for bad in report.bad] == [(4, "price"), (5, "price")]
    assert "formula" in report.bad[0].reason
    assert (product("S1").brand, product("S2").brand, product("S2").price) == ("HADA", "HADA", 200)


def test_b11_a_sheet_that_claims_to_be_larger_than_any_is_refused(take: Take) -> None:
    sheet_bytes = io.BytesIO()
    sheet(("sku", "name", "price"), ("S1", "One", 100)).save(sheet_bytes)
    far = io.BytesIO()
    with zipfile.ZipFile(sheet_bytes) as before, zipfile.ZipFile(far, "w") as after:
        for part in before.namelist():
            content = before.read(part)
            if part.endswith("sheet1.xml"):
                content = content.replace(b'<row r="2"', b'<row r="100000000000"')
            after.writestr(part, content)
    with pytest.raises(FileUnreadable, match="at most"):
        take("products", far.getvalue())


def test_an_order_with_the_longest_id_is_imported(take: Take, database: Database, product: Any) -> None:
    take("products", "sku,name,price\nS1,One,1\n")
    longest = "o" * 128
    head = "order_id,sku,quantity,amount,currency,paid_at"
    report = take("orders", f"{head}\n{longest},S1,1,100,CNY,2026-11-20T00:00:00Z\n")
    assert not report.bad


def test_a_number_in_a_sheet_is_a_fine_sku_and_a_date_a_fine_time(take: Take, product: Any, database: Database) -> None:
    assert take("products", sheet(("sku", "name", "price"), (690123456789, "Three", 300))).bad == []
    assert product("690123456789").name == "Three"
    book = sheet(
        ("order_id", "paid_at", "sku", "quantity", "amount"),
        ("A-1", datetime(2026, 11, 20, 9, 30), 690123456789, 1, 300),
    )
    assert dict(take("orders", book).counts) == {"created": 1}
    paid_at = database.read_now(lambda db: db.scalar(select(Order.paid_at)))
    assert paid_at == datetime(2026, 11, 20, 1, 30, tzinfo=UTC)


def test_a_members_sponsor_may_stand_thousands_of_rows_below(take: Take, database: Database) -> None:
    rows = [f"m{n},分销商,m{n + 1}\n" for n in range(1500)]
    report = take("members", "成员编号,角色,上级\n" + "".join(rows) + "m1500,商家,\n")
    assert (dict(report.counts), report.bad) == ({"created": 1501}, [])
    assert database.read_now(lambda db: db.scalar(select(func.count()).where(Member.sponsor_id.is_not(None)))) == 1500
    report = take("members", "member_id,sponsor_id\nx,nobody\ny,x\n")
    assert [(bad.line, bad.field) for bad in report.bad] == [(2, "sponsor_id"), (3, "sponsor_id")]


def test_an_empty_cell_leaves_a_field_and_null_clears_it(take: Take, database: Database) -> None:
    take("members", "member_id,role,class,split_bp,tier,locale\na,agent,佣金自设,3000/1000,gold,zh\n")
    take("members", "member_id,name,tier,locale\na,林悦,,null\n")
    found = database.read_now(lambda db: members.by_member_id(db, "a"))
    assert found is not None
    assert (found.name, found.role, found.tier, found.locale, found.split_bp) == (
        "林悦", "agent", "gold", None, [3000, 1000],
    )  # fmt: skip


def test_rows_of_one_order_are_one_order_and_are_taken_once(take: Take, database: Database, now: datetime) -> None:
    with database.transaction() as db:
        goods(db, now, {"sku": "S1"}, {"sku": "S2"})
    content = (
        "order_id,paid_at,currency,sku,quantity,amount,shipping,buyer_id,completed_at\n"
        "A-1,2026/11/20 10:00,CNY,S1,1,100,12,u-1,2026-11-21T10:00:00Z\n"
        "A-1,2026/11/20 10:00,,S2,2,300,,,\n"
        "A-2,2026-11-20T03:00:00Z,CNY,S1,1,100,,,\n"
        "A-3,2026-11-20T03:00:00Z,CNY,none,1,100,,,\n"
        "A-4,2026-11-20T03:00:00Z,CNY,S1,1,100,,u-1,\n"
        "A-4,2026-11-20T03:00:00Z,CNY,S2,1,100,,u-2,\n"
        "A-5,yesterday,CNY,S2,1,1.5,,u-2,\n"
    )
    report = take("orders", content)
    assert dict(report.counts) == {"created": 2, "refused": 3}
    assert [(bad.line, bad.field) for bad in report.bad] == [
        (5, "items[0].sku"), (7, "buyer_id"), (8, "paid_at"), (8, "amount"),
    ]  # fmt: skip
    first = database.read_now(lambda db: orders.order(db, "A-1"))
    assert (first.amount, first.shipping, len(first.lines)) == (400, 12, 2)
    assert first.completed_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert dict(take("orders", content).counts) == {"unchanged": 2, "refused": 3}
    changed = take("orders", content.replace("S1,1,100,12", "S1,1,101,12"))
    assert BadRow(2, "order_id", "was taken in before with other content") in changed.bad


@pytest.mark.parametrize("kind", sorted(imports.COLUMNS))
def test_every_column_has_its_english_and_a_chinese_name(kind: str) -> None:
    for name, column in imports.COLUMNS[kind].items():
        [field] = [one for one in [imports._names(kind)[name]] if one]
        assert field.name == name
        assert column.also


def _peak(url: str, path: Path, now: datetime, count: int) -> int:
    """How much memory taking in `count` rows of stock needs at most."""
    database = Database(url)
    tracemalloc.start()
    report = import_file(database, Import("stock", path, READING, "cli", now))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    database.close()
    assert sum(report.counts.values()) - report.counts["refused"] == count
    return peak


def _stock(path: Path, count: int) -> Path:
    with open(path, "w", encoding="gbk") as file:
        file.write("sku,仓库,数量\n")
        file.writelines(f"S1,大阪{n},{n}\n" for n in range(count))
    return path


def _stock_sheet(path: Path, count: int) -> Path:
    book = openpyxl.Workbook(write_only=True)
    made = book.create_sheet()
    made.append(["sku", "仓库", "数量"])
    for number in range(count):
        made.append(["S1", number, number])
    book.save(path)
    return path


@pytest.mark.parametrize("make", [_stock, _stock_sheet])
@pytest.mark.parametrize("count", [4_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_b11_many_rows_take_hardly_more_memory_than_a_few(
    sqlite_url: str, tmp_path: Path, now: datetime, count: int, make: Callable[[Path, int], Path]
) -> None:
    database = Database(sqlite_url)
    with database.transaction() as db:
        goods(db, now, {"sku": "S1"})
    database.close()
    few = _peak(sqlite_url, make(tmp_path / "few", 1_000), now, 1_000)
    emptied = 120 * count if make is _stock_sheet else 0  # openpyxl keeps an empty element for each row it has read
    assert _peak(sqlite_url, make(tmp_path / "many", count), now, count) < few + 3_000_000 + emptied
