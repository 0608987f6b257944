"""Finding a product by any part of its name: Chinese by single characters and pairs, other writing by three letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Integer, Select, column, func, literal_column, select, text
from sqlalchemy.orm import Session

from domain import sql
from domain.schema import Product, ProductText
from domain.schema.search_ddl import VECTOR

MAX_TERMS: Final = 8
"""How many words of a query count; what comes after them is not looked at."""

MAX_TERM: Final = 64

# Scripts written without spaces begin here: ideographs, kana, hangul.
_FIRST_IDEOGRAPH: Final = "\u2e80"
_OFF_SHELF: Final = "offshelf"
"""What every product that is off the shelf has as a token besides; longer than any token of a text."""

_UNSPEAKABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def normalize(words: str) -> str:
    """Full-width and other compatible forms as plain ones, lower case, one space between words."""
    return " ".join(_UNSPEAKABLE.sub(" ", unicodedata.normalize("NFKC", words)).lower().split())


def body(*parts: str | None) -> str:
    """The text that a product is found in, one line for each part."""
    return "\n".join(normalize(part) for part in parts if part)


def tokens(words: str) -> list[str]:
    """Return what the index keeps of normalized `words`, each token once.

    Of a run of ideographs every character and every pair; of a run of other letters and digits the three from every
    position on, fewer at its end. So whatever part of a text is asked for, its tokens are there.
    """
    found: dict[str, None] = {}
    for run in _runs(words):
        width = _width(run)
        for start in range(len(run)):
            found[run[start : start + width]] = None
            if width == 2:
                found[run[start]] = None
    return list(found)


def wanted(term: str) -> list[str]:
    """Return the tokens that a text containing `term` must have; one that ends in * stands for all it begins."""
    found: dict[str, None] = {}
    for run in _runs(term):
        width = _width(run)
        if len(run) >= width:
            found.update(dict.fromkeys(run[start : start + width] for start in range(len(run) - width + 1)))
        else:
            found[run if width == 2 else run + "*"] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: the words, the tokens that prove or suggest them, and which words tokens cannot prove."""

    tokens: tuple[str, ...]
    unproven: tuple[str, ...]
    on_shelf: bool | None

    def spelled(self, exact: str, beginning: str, both: str, without: str) -> str:
        """The tokens in the spelling of a database."""
        said = [beginning % token[:-1] if token.endswith("*") else exact % token for token in self.tokens]
        if self.on_shelf is False:
            said.append(exact % _OFF_SHELF)
        return both.join(said) + (without + exact % _OFF_SHELF if self.on_shelf else "")


def read(query: str, *, on_shelf: bool | None = None) -> Query | None:
    """Read what somebody typed; None if there is no letter or digit in it.

    Every word must be contained. `on_shelf` keeps products on or off the shelf.
    """
    words = [term[:MAX_TERM] for term in normalize(query).split()]
    words = [word for word in words if wanted(word)][:MAX_TERMS]
    if not words:
        return None
    every = dict.fromkeys(token for word in words for token in wanted(word))
    return Query(tuple(every), tuple(word for word in words if not _proven(word)), on_shelf)


def scattered(query: str, *, on_shelf: bool | None = None) -> Query | None:
    """The same with the characters of each longer Chinese run anywhere in the text: 紫草精华 is in 紫草修护精华.

    None if that asks for nothing else. Two characters are one word: 手 and 机 apart are no 手机.
    """
    words = [term[:MAX_TERM] for term in normalize(query).split()][:MAX_TERMS]
    runs = [run for word in words for run in _runs(word)]
    apart = {run for run in runs if _width(run) == 2 and len(run) > 2}
    if not apart:
        return None
    every = dict.fromkeys(token for run in runs for token in (run if run in apart else wanted(run)))
    return Query(tuple(every), (), on_shelf)


def row(product_id: int, *parts: str | None, on_shelf: bool) -> dict[str, Any]:
    """The row of `product_text` for a product with these names."""
    found = body(*parts)
    every = tokens(found) if on_shelf else [*tokens(found), _OFF_SHELF]
    return {"product_id": product_id, "body": found, "tokens": " ".join(every)}


_FTS_FOUND: Final = text("product_search MATCH :asked")
_FTS_COUNT: Final = select(func.count()).select_from(text("product_search")).where(_FTS_FOUND)
_FTS_IDS: Final = select(column("rowid", Integer)).select_from(text("product_search")).where(_FTS_FOUND)
_GIN_FOUND: Final = literal_column(VECTOR).op("@@")(text("CAST(:asked AS tsquery)"))
_GIN_COUNT: Final = select(func.count()).select_from(ProductText).where(_GIN_FOUND)


def count(db: Session, query: Query) -> int:
    """Return how many products have all tokens: at least as many as contain all words."""
    counted = _GIN_COUNT if sql.is_postgresql(db) else _FTS_COUNT
    return db.scalar(counted, {"asked": _asked(db, query)}) or 0


def narrow(db: Session, products: Select[Any], query: Query) -> Select[Any]:
    """Keep those of `products` that contain every word."""
    asked = {"asked": _asked(db, query)}
    if sql.is_postgresql(db):
        products = products.join(ProductText, ProductText.product_id == Product.id).where(_GIN_FOUND).params(asked)
        return products.where(*(func.strpos(ProductText.body, word) > 0 for word in query.unproven))
    products = products.where(Product.id.in_(_FTS_IDS)).params(asked)
    if query.unproven:
        products = products.join(ProductText, ProductText.product_id == Product.id)
    return products.where(*(func.instr(ProductText.body, word) > 0 for word in query.unproven))


def bodies(db: Session, query: Query, limit: int) -> list[str]:
    """Return the texts of up to `limit` products that have all tokens of `query`."""
    asked = {"asked": _asked(db, query)}
    if sql.is_postgresql(db):
        return list(db.scalars(select(ProductText.body).where(_GIN_FOUND).limit(limit), asked))
    return list(db.scalars(select(ProductText.body).where(ProductText.product_id.in_(_FTS_IDS.limit(limit))), asked))


def _asked(db: Session, query: Query) -> str:
    if sql.is_postgresql(db):
        return query.spelled("'%s'", "'%s':*", " & ", " & !")
    return query.spelled('"%s"', '"%s"*', " AND ", " NOT ")


def _proven(term: str) -> bool:
    """Whether a text that has the term's only token contains the term."""
    return next(_runs(term)) == term and len(term) <= _width(term)


def _width(run: str) -> int:
    return 2 if run[0] >= _FIRST_IDEOGRAPH else 3


def _runs(words: str) -> Iterator[str]:
    for run in re.findall(r"[^\W_]+", words):
        start = 0
        for position in range(1, len(run) + 1):
            if position == len(run) or (run[position] >= _FIRST_IDEOGRAPH) != (run[start] >= _FIRST_IDEOGRAPH):
                yield run[start:position]
                start = position
