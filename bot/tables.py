"""Reading the rows of a CSV or XLSX file one by one, whoever wrote it: UTF-8 or GBK, merged cells, formulas."""

from __future__ import annotations

import codecs
import csv
import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, Final

from domain.items import FieldInvalid

Line = tuple[int, Sequence[object]]
"""The line of the file (or row of the sheet) and its cells."""

_PIECE: Final = 1 << 20
_DELIMITERS: Final = ",;\t"
_MERGED: Final = re.compile(rb'<mergeCell ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_FORMULA: Final = re.compile(rb"<f[ >/]")
_OVERLAP: Final = 100
_MOST_MERGED: Final = 100_000
_MOST_ROWS: Final = 1_048_576  # of a sheet, as spreadsheet programs have it
_MOST_COLUMNS: Final = 200
_MOST_STRINGS: Final = 64 << 20  # bytes of the texts that all cells share, which have to be held in memory
_STRINGS: Final = "xl/sharedStrings.xml"
_DAMAGES: Final = (zipfile.BadZipFile, KeyError, ValueError, IndexError, EOFError, OSError, SyntaxError)
_NO_VALUE: Final = (
    "is a formula without a stored value: open and save the file in a spreadsheet program, or paste values"
)


class FileUnreadable(Exception):
    """Why the file cannot be read, in one sentence."""


def rows(path: Path) -> Iterator[Line]:
    """Yield the rows of a CSV or XLSX file, memory staying flat; a cell without a value may be a FieldInvalid.

    Raises FileUnreadable.
    """
    with _opened(path) as file:
        beginning = file.read(4)
    if beginning == b"PK\x03\x04":
        return _xlsx(path)
    if beginning == b"\xd0\xcf\x11\xe0":
        raise FileUnreadable(f"{path.name} is an old Excel file (.xls): save it as .xlsx or .csv.")
    return _csv(path, _encoding(path))


def _opened(path: Path) -> IO[bytes]:
    try:
        return open(path, "rb")
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror}.") from error


def _encoding(path: Path) -> str:
    """UTF-8 if all of it is, else GBK (as Chinese Excel writes it) if all of it is."""
    with _opened(path) as file:
        beginning = file.read(3)
    if beginning[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with _opened(path) as file:
                while piece := file.read(_PIECE):
                    decoder.decode(piece)
            decoder.decode(b"", final=True)
            return encoding
        except UnicodeDecodeError:
            continue
    raise FileUnreadable(f"{path.name} is neither UTF-8 nor GBK text.")


def _csv(path: Path, encoding: str) -> Iterator[Line]:
    with open(path, encoding=encoding, newline="") as file:
        first = file.readline(10_000)
        file.seek(0)
        delimiter = max(_DELIMITERS, key=first.count)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            raise FileUnreadable(f"{path.name} cannot be read from line {line} on: {error}.") from error
        except UnicodeError as error:
            raise FileUnreadable(f"{path.name} is not {encoding} text after line {line}.") from error


def _xlsx(path: Path) -> Iterator[Line]:
    with _opened(path) as values, _opened(path) as formulas:
        try:
            with zipfile.ZipFile(path) as archive:
                _refuse_too_much_text(archive, path.name)
            sheet = _sheet(values, data_only=True)
            merged, calculated = _structure(path, sheet._worksheet_path)
            asked = _sheet(formulas, data_only=False) if calculated else None
        except _DAMAGES as error:
            raise FileUnreadable(f"{path.name} is not a readable XLSX file.") from error
        try:
            yield from _filled(sheet, asked, merged)
        except _DAMAGES as error:
            raise FileUnreadable(f"{path.name} is damaged: {error}.") from error


def _refuse_too_much_text(archive: zipfile.ZipFile, name: str) -> None:
    if sum(one.file_size for one in archive.infolist() if one.filename == _STRINGS) > _MOST_STRINGS:
        raise FileUnreadable(f"{name} holds too much text: save it as .csv, or in several files.")


def _sheet(file: IO[bytes], *, data_only: bool) -> Any:
    """The first sheet, with the stored values of formulas or with the formulas themselves."""
    from openpyxl import load_workbook

    sheet: Any = load_workbook(file, read_only=True, data_only=data_only).worksheets[0]
    sheet.reset_dimensions()  # what a file says of its own size is often wrong
    return sheet


def _structure(path: Path, part: str) -> tuple[list[tuple[int, int, int, int]], bool]:
    """The merged ranges of a sheet (first row, last row, first column, last column), and whether it has formulas."""
    merged: list[tuple[int, int, int, int]] = []
    formulas, rest = False, b""
    with zipfile.ZipFile(path) as archive, archive.open(part) as file:
        while piece := file.read(_PIECE):
            piece = rest + piece
            formulas = formulas or _FORMULA.search(piece) is not None
            end = 0
            for found in _MERGED.finditer(piece):
                left, top, right, bottom = found.groups()
                merged.append((int(top), int(bottom), _column(left), min(_column(right), _MOST_COLUMNS)))
                end = found.end()
            rest = piece[max(end, len(piece) - _OVERLAP) :]
            if len(merged) > _MOST_MERGED:
                raise FileUnreadable(f"{path.name} has more than {_MOST_MERGED} merged cells.")
    return sorted(merged), formulas


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def _filled(sheet: Any, asked: Any, merged: Sequence[tuple[int, int, int, int]]) -> Iterator[Line]:
    """The rows with merged cells all having the value that they show, and formulas their stored value."""
    ahead = iter(merged)
    following = next(ahead, None)
    running: list[tuple[int, int, int, object]] = []  # last row, first column, last column, value
    formulas = asked.iter_rows(values_only=True) if asked else ()
    for number, (values, said) in enumerate(zip_longest(sheet.iter_rows(values_only=True), formulas), 1):
        if number > _MOST_ROWS:
            raise FileUnreadable(f"a sheet has at most {_MOST_ROWS} rows")
        cells = list(values or ())
        if said:
            cells = [_value(cell, formula) for cell, formula in zip_longest(cells, said)]
        running = [one for one in running if one[0] >= number]
        while following is not None and following[0] <= number:
            _, bottom, left, right = following
            if all(right < other[1] or other[2] < left for other in running):
                running.append((bottom, left, right, cells[left] if left < len(cells) else None))
            following = next(ahead, None)
        for _, left, right, value in running:
            cells += [None] * (right + 1 - len(cells))
            cells[left : right + 1] = [value] * (right + 1 - left)
        yield number, cells


def _value(cell: object, formula: object) -> object:
    if cell is None and isinstance(formula, str) and formula.startswith("="):
        return FieldInvalid(_NO_VALUE)
    return cell
