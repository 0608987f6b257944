"""Rows of a table that somebody kept in a spreadsheet, read by the names of its columns, Chinese or English.

Money is in minor units, as everywhere; only a column whose name says so (价格（元）, price_decimal) has decimals. An
empty cell leaves a field as it is, the word null clears it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

from domain import cells
from domain.cells import Reading
from domain.items import FieldError, FieldInvalid
from domain.sales.order_data import MAX_ID, IncomingEvent

NULL: Final = "null"


class HeaderInvalid(ValueError):
    """What is wrong with the first row, in one sentence."""


class Row(NamedTuple):
    """One row of the file: the line it begins in, and what its cells say, with what cannot be read."""

    line: int
    item: dict[str, Any]
    errors: tuple[FieldError, ...] = ()
    decimals: bool = False  # an amount was read as the row's currency has decimals


Convert = Callable[[object, Reading], Any]


class Column(NamedTuple):
    """A column by its English name; `also` are other names of it. `needed`: a file without it cannot be read."""

    convert: Convert
    also: tuple[str, ...] = ()
    needed: bool = False
    money: bool = False


def _money(*also: str, needed: bool = False) -> Column:
    return Column(cells.minor, also, needed, money=True)


COLUMNS: Final[Mapping[str, Mapping[str, Column]]] = {
    "products": {
        "sku": Column(cells.text, ("商品编码", "编码", "货号"), needed=True),
        "name": Column(cells.text, ("商品名称", "名称", "品名")),
        "name_en": Column(cells.text, ("英文名称", "英文名")),
        "brand": Column(cells.text, ("品牌",)),
        "category": Column(cells.text, ("品类", "类目", "分类")),
        "region": Column(cells.text, ("区域", "地区")),
        "price": _money("价格", "售价"),
        "cost": _money("成本", "成本价"),
        "currency": Column(cells.text, ("币种", "货币")),
        "on_shelf": Column(cells.flag, ("上架", "是否上架")),
        "hot": Column(cells.flag, ("热卖", "是否热卖")),
        "floor_price": _money("控价", "最低价"),
        "image_url": Column(cells.text, ("图片", "图片地址")),
        "selling_points": Column(cells.texts, ("卖点",)),
        "selling_points_en": Column(cells.texts, ("英文卖点",)),
    },
    "members": {
        "member_id": Column(cells.text, ("成员编号", "会员编号", "分销商编号"), needed=True),
        "name": Column(cells.text, ("姓名", "名称", "昵称")),
        "role": Column(cells.text, ("角色",)),
        "status": Column(cells.text, ("状态",)),
        "sponsor_id": Column(cells.text, ("上级", "上级编号")),
        "mode": Column(cells.text, ("模式", "销售模式")),
        "class": Column(cells.text, ("分类",)),
        "class_scope": Column(cells.text, ("分类范围",)),
        "split_bp": Column(cells.wholes, ("自设佣金", "分成")),
        "tier": Column(cells.text, ("等级",)),
        "buyer_id": Column(cells.text, ("买家编号", "客户编号")),
        "channel": Column(cells.text, ("渠道",)),
        "account": Column(cells.text, ("账号",)),
        "locale": Column(cells.text, ("语言",)),
        "tags": Column(cells.texts, ("标签",)),
    },
    "stock": {
        "sku": Column(cells.text, ("商品编码", "编码", "货号"), needed=True),
        "warehouse": Column(cells.text, ("仓库",), needed=True),
        "quantity": Column(cells.whole, ("数量", "库存"), needed=True),
    },
    "orders": {
        "order_id": Column(cells.text, ("订单号", "订单编号"), needed=True),
        "paid_at": Column(cells.instant, ("付款时间", "支付时间"), needed=True),
        "sku": Column(cells.text, ("商品编码", "编码", "货号"), needed=True),
        "quantity": Column(cells.whole, ("数量",), needed=True),
        "amount": _money("金额", "实付金额", needed=True),
        "currency": Column(cells.text, ("币种", "货币")),
        "buyer_id": Column(cells.text, ("买家编号", "客户编号")),
        "ref": Column(cells.text, ("推广码",)),
        "shipping": _money("运费"),
        "channel": Column(cells.text, ("渠道", "销售渠道")),
        "payment": Column(cells.text, ("支付方式",)),
        "completed_at": Column(cells.instant, ("完成时间",)),
    },
}

_CHINESE: Final = {
    "role": {"客户": "customer", "分销商": "distributor", "商家": "merchant", "代理商": "agent"},
    "status": {"正常": "active", "暂停": "suspended", "停用": "suspended", "关闭": "closed"},
    "mode": {"网络": "network", "独立": "independent", "独立销售": "independent"},
    "class": {
        "单一产品": "single_product",
        "单一品类": "single_category",
        "单一品牌": "single_brand",
        "产品自选": "self_picked_products",
        "品牌自选": "self_picked_brands",
        "佣金自设": "self_set_commission",
    },
    "channel": {"微信": "wechat", "电报": "telegram", "网页": "webchat"},
    "locale": {"中文": "zh", "英文": "en"},
}


class Field(NamedTuple):
    """What a column of the file is: the field, and whether its money has decimals; None if the name does not say."""

    name: str
    decimals: bool | None = False


def _plain(name: object) -> str:
    said = str("" if name is None else name).replace("\ufeff", "").strip().casefold()
    return re.sub(r"[\s_-]+", "_", re.sub(r"\s*[(（]\s*", "(", said.replace("）", ")")))


def _names(kind: str) -> dict[str, Field]:
    """Every name that a column may have."""
    names: dict[str, Field] = {}
    for field, column in COLUMNS[kind].items():
        for name in (field, *column.also):
            # Fen or yuan? A guess would be wrong by a factor of a hundred.
            names[_plain(name)] = Field(field, None if column.money and name != field else False)
            if column.money:
                names[_plain(f"{name}(分)")] = Field(field)
                names[_plain(f"{name}(元)")] = names[_plain(f"{name}_decimal")] = Field(field, decimals=True)
    return names


def read_header(kind: str, first: Sequence[object]) -> list[Field | None]:
    """Return which field each column of the file is; None for a column without a name.

    Raises HeaderInvalid with everything that is missing, unknown, unclear or there twice.
    """
    names, found, wrong = _names(kind), list[Field | None](), list[str]()
    for cell in first:
        name, field = str(cell).strip()[:40], names.get(_plain(cell))
        if field is None and _plain(cell):
            wrong.append(f"{name} is not a known column")
        elif field is not None and field.decimals is None:
            wrong.append(f"{name}: say the unit, {name}（元） or {name}（分）")
        elif field is not None and any(other and other.name == field.name for other in found):
            wrong.append(f"{field.name} is there twice")
        found.append(field)
    there = {field.name for field in found if field}
    missing = [
        f"{name} ({column.also[0]})" for name, column in COLUMNS[kind].items() if column.needed and name not in there
    ]
    if missing:
        wrong.insert(0, f"missing: {', '.join(missing)}")
    if wrong:
        raise HeaderInvalid(f"The first row must name the columns of {kind}. {'; '.join(wrong)}.")
    return found


def read_row(
    kind: str, fields: Sequence[Field | None], line: int, row: Sequence[object], reading: Reading
) -> Row | None:
    """Read one row; None if it is empty. A cell may be a FieldInvalid, which says why it has no value."""
    given = [(field, cell) for field, cell in zip(fields, row, strict=False) if not _empty(cell)]
    errors = [] if all(map(_empty, row[len(fields) :])) else [FieldError("", "has more cells than there are columns")]
    if not given and not errors:
        return None
    item: dict[str, Any] = {}
    code = next((cells.text(cell, reading) for field, cell in given if field and field.name == "currency"), "")
    for field, cell in given:
        if field is not None:
            try:
                item[field.name] = _read(kind, field, cell, reading, code or reading.currency)
            except FieldInvalid as error:
                errors.append(FieldError(field.name, str(error)))
    return Row(line, item, tuple(errors), any(field and field.decimals for field, _ in given))


def _read(kind: str, field: Field, cell: object, reading: Reading, currency: str) -> Any:
    if isinstance(cell, FieldInvalid):
        raise cell
    if isinstance(cell, str) and cell.strip().casefold() == NULL:
        return None
    if field.decimals:
        return cells.decimal(cell, reading, currency)
    value = COLUMNS[kind][field.name].convert(cell, reading)
    spoken = _CHINESE.get(field.name, {}) if kind == "members" else {}
    return spoken.get(value, value) if isinstance(value, str) else value


def _empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


@dataclass(frozen=True, slots=True)
class OrderRows:
    """The rows of one order, one line of it each, and the events they tell."""

    line: int
    order_id: str
    events: tuple[IncomingEvent, ...]
    errors: tuple[tuple[int, FieldError], ...]  # with the line of each


_OF_THE_ORDER: Final = ("paid_at", "currency", "buyer_id", "ref", "shipping", "channel", "payment", "completed_at")


def orders(rows: Iterable[Row], reading: Reading) -> Iterator[OrderRows]:
    """Put rows of the same order, which follow one another, together into its events.

    What concerns the whole order stands in its first row; in the others it is the same or left empty.
    """
    for order_id, group in groupby(rows, key=lambda row: row.item.get("order_id")):
        yield _order(str(order_id or ""), list(group), reading)


def _order(order_id: str, rows: Sequence[Row], reading: Reading) -> OrderRows:
    head, errors = rows[0].item, [(row.line, error) for row in rows for error in row.errors]
    if not order_id:
        errors.append((rows[0].line, FieldError("order_id", "is missing")))
    errors += [
        (row.line, FieldError(name, f"differs from the first row of order {order_id}"))
        for row in rows[1:]
        for name in _OF_THE_ORDER
        if name in row.item and row.item[name] != head.get(name)
    ]
    if head.get("currency", reading.currency) != reading.currency:
        errors += [
            (row.line, FieldError("currency", "must stand in every row of an order with amounts that have decimals"))
            for row in rows
            if row.decimals and "currency" not in row.item
        ]
    whole = {name: head[name] for name in _OF_THE_ORDER if head.get(name) is not None and name != "completed_at"}
    lines = [{name: row.item.get(name) for name in ("sku", "quantity", "amount")} for row in rows]
    paid = {"currency": reading.currency, **whole, "order_id": order_id, "items": lines}
    at = str(head.get("paid_at", ""))
    events = [IncomingEvent(_webhook_id("paid", order_id), "order.paid", at, paid)]
    if completed := head.get("completed_at"):
        done = {"order_id": order_id, "completed_at": completed}
        events.append(IncomingEvent(_webhook_id("completed", order_id), "order.completed", completed, done))
    return OrderRows(rows[0].line, order_id, () if errors else tuple(events), tuple(errors))


def _webhook_id(what: str, order_id: str) -> str:
    """The same for the same row, and short enough for the longest order id."""
    plain = f"import.{what}.{order_id}"
    return plain if len(plain) <= MAX_ID else f"import.{what}.{hashlib.sha256(order_id.encode()).hexdigest()}"
