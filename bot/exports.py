"""Writing tables for finance: CSV, XLSX, and the ledger as beancount. Nothing in them is ever run as a formula."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from babel.numbers import get_currency_precision

from domain.exports import Row
from domain.money.bookkeeping import Account
from domain.money.ledger import EntryRow, PostingRow

FORMATS: Final = (".csv", ".xlsx", ".beancount")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_table(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Write `rows` below their `columns` as the ending of `file` says, and return how many there were."""
    return _xlsx(file, columns, rows) if file.suffix == ".xlsx" else _csv(file, columns, rows)


def harmless(cell: str | int | Decimal | None) -> str | int | Decimal | None:
    """Return a text that a spreadsheet would run as a formula with an apostrophe before it, all else as it is."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _csv(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    count = 0
    with file.open("w", encoding="utf-8-sig", newline="") as out:  # without the mark Excel takes UTF-8 for GBK
        writer = csv.writer(out)
        writer.writerow(columns)
        for row in rows:
            writer.writerow([harmless(cell) for cell in row])
            count += 1
    return count


def _xlsx(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    import xlsxwriter  # type: ignore[import-untyped]

    count = 0
    plain = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, plain) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, columns, book.add_format({"bold": True}))
        for row in rows:
            count += 1
            for place, cell in enumerate(row):
                if isinstance(cell, int | Decimal):
                    sheet.write_number(count, place, cell)
                elif cell is not None:
                    sheet.write_string(count, place, cell)
        sheet.freeze_panes(1, 0)
    return count


def write_beancount(file: Path, entries: Iterable[EntryRow]) -> int:
    """Write the ledger so that `bean-check` proves it once more; returns how many entries there were."""
    count, body = 0, file.with_suffix(".body")
    accounts: dict[str, str] = {}
    with body.open("w", encoding="utf-8") as out:
        for entry in entries:
            count += 1
            out.write(f'\n{entry.at:%Y-%m-%d} * "{_quoted(entry.kind)}" "{_quoted(entry.key)}"\n')
            for posting in entry.postings:
                account = _account(posting)
                accounts.setdefault(account, f"{entry.at:%Y-%m-%d}")
                accounts[account] = min(accounts[account], f"{entry.at:%Y-%m-%d}")
                out.write(f"  {account}  {_amount(posting)} {posting.currency}\n")
    with file.open("w", encoding="utf-8") as out, body.open(encoding="utf-8") as written:
        out.writelines(_opened(accounts))
        out.writelines(written)
    body.unlink()
    return count


def _opened(accounts: dict[str, str]) -> Iterator[str]:
    for account, day in sorted(accounts.items()):
        yield f"{day} open {account}\n"


def _account(posting: PostingRow) -> str:
    """Members' accounts are debts of the platform; names may hold letters, digits and hyphens only.

    A member id that holds anything else has a mark of its own at the end: no two members share an account.
    """
    kind = Account(posting.account)
    name = "".join(part.capitalize() for part in kind.value.split("_"))
    if not kind.of_member:
        side = {"commission_expense": "Expenses", "withdrawal_fees": "Income", "platform_cash": "Assets"}
        return f"{side.get(kind.value, 'Liabilities')}:{name}"
    member_id = posting.member_id or ""
    member = re.sub("[^A-Za-z0-9-]", "-", member_id)
    if member != member_id:
        member += f"-{hashlib.sha256(member_id.encode()).hexdigest()[:12]}"
    return f"Liabilities:Members:M-{member}:{name}"


def _amount(posting: PostingRow) -> str:
    return f"{Decimal(posting.amount).scaleb(-get_currency_precision(posting.currency)):f}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
