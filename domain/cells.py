"""What a cell of somebody's spreadsheet says: a text, a number, an amount, yes or no, an instant."""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from domain.items import FieldInvalid
from domain.periods import InstantInvalid, format_instant, parse_instant

_DECIMALS: Final = {
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0,
    "PYG": 0, "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip
"""Currencies that are not divided into a hundred: how many decimals they have."""

_TRUE: Final = frozenset(("1", "true", "yes", "y", "是", "对", "上架", "热卖", "√"))
_FALSE: Final = frozenset(("0", "false", "no", "n", "否", "不", "下架", "普通", "×"))
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.0+)?")
_DAY: Final = r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
_LOCAL: Final = re.compile(_DAY + r"(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?")
_SHOWN = 40


class Reading(NamedTuple):
    """How cells are to be understood: wall clock times in `zone`, money without a currency of its own in `currency`."""

    zone: tzinfo
    currency: str


def text(cell: object, _reading: Reading) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a spreadsheet keeps the SKU 6901234 as a number
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell).strip()


def whole(cell: object, reading: Reading) -> int:
    said = text(cell, reading).replace(",", "")
    if isinstance(cell, bool) or not _WHOLE.fullmatch(said):
        raise FieldInvalid(f"{said[:_SHOWN]} is not a whole number")
    return int(said.partition(".")[0])


def minor(cell: object, reading: Reading) -> int:
    """An amount in minor units."""
    try:
        return whole(cell, reading)
    except FieldInvalid as error:
        raise FieldInvalid(f"{error} of minor units (12900 is 129.00)") from None


def decimal(cell: object, reading: Reading, currency: str) -> int:
    """An amount with decimals, returned in minor units of `currency`."""
    said = text(cell, reading).replace(",", "").lstrip("¥￥$€£ ")
    try:
        amount = Decimal(said)
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(cell, bool) or not amount.is_finite() or amount.adjusted() > 15:
        raise FieldInvalid(f"{said[:_SHOWN]} is not an amount")
    scaled = amount.scaleb(_DECIMALS.get(currency, 2))
    if scaled != scaled.to_integral_value():
        raise FieldInvalid(f"{said[:_SHOWN]} has more decimals than {currency} has")
    return int(scaled)


def in_whole_units(amount: int, currency: str) -> Decimal:
    """Minor units as a person writes them: 12900 of CNY is 129.00."""
    return Decimal(amount).scaleb(-_DECIMALS.get(currency, 2))


def flag(cell: object, reading: Reading) -> bool:
    said = text(cell, reading).casefold()
    if said in _TRUE:
        return True
    if said in _FALSE:
        return False
    raise FieldInvalid(f"{said[:_SHOWN]} is neither yes nor no")


def texts(cell: object, reading: Reading) -> list[str]:
    return [part for part in (part.strip() for part in re.split(r"[|｜;；\n]", text(cell, reading))) if part]


def wholes(cell: object, reading: Reading) -> list[int]:
    return [whole(part, reading) for part in re.split(r"[|｜;；,，/\s]+", text(cell, reading)) if part]


def instant(cell: object, reading: Reading) -> str:
    """An instant in its one spelling; without a time zone it is the wall clock of the shop."""
    if isinstance(cell, datetime):
        return format_instant(cell if cell.tzinfo else cell.replace(tzinfo=reading.zone))
    said = text(cell, reading)
    try:
        return format_instant(parse_instant(said))
    except InstantInvalid:
        found = _LOCAL.fullmatch(said)
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        local = datetime(year, month, day, hour, minute, second, tzinfo=reading.zone)
        return format_instant(parse_instant(format_instant(local)))
    except (ValueError, OverflowError):
        raise FieldInvalid(f"{said[:_SHOWN]} is no time such as 2026-11-23 10:00 or 2026-11-23T02:00:00Z") from None
