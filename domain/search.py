"""Finding a product by any part of its name: Chinese by single characters and pairs, other writing by three letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Integer, Select, column, false, func, literal_column, select, text
from sqlalchemy.orm import Session

from domain import sql
from domain.schema import Product, ProductText
from domain.schema.search_ddl import VECTOR

MAX_TERMS: Final = 8
"""How many words of a query count; what comes after them is not looked at."""

MAX_TERM: Final = 64

# Scripts written without spaces begin here: ideographs, kana, hangul.
_FIRST_IDEOGRAPH: Final = "\u2e80"
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


def terms(query: str) -> list[str]:
    """Return the words of a query as they are looked for; those without a letter or digit are left out."""
    return [term[:MAX_TERM] for term in normalize(query).split() if wanted(term[:MAX_TERM])][:MAX_TERMS]


def narrow(db: Session, products: Select[Any], query: str) -> Select[Any]:
    """Keep those of `products` whose text contains every word of `query`; nothing if there is no word in it."""
    looked_for = terms(query)
    if not looked_for:
        return products.where(false())
    every = dict.fromkeys(token for term in looked_for for token in wanted(term))
    unproven = [term for term in looked_for if not _proven(term)]
    if sql.is_postgresql(db):
        asked = " & ".join(f"'{token[:-1]}':*" if token.endswith("*") else f"'{token}'" for token in every)
        indexed = literal_column(VECTOR).op("@@")(text("CAST(:asked AS tsquery)").bindparams(asked=asked))
        products = products.join(ProductText, ProductText.product_id == Product.id)
        return products.where(indexed, *(func.strpos(ProductText.body, term) > 0 for term in unproven))
    asked = " AND ".join(f'"{token[:-1]}"*' if token.endswith("*") else f'"{token}"' for token in every)
    found = select(column("rowid", Integer)).select_from(text("product_search"))
    products = products.where(Product.id.in_(found.where(text("product_search MATCH :asked").bindparams(asked=asked))))
    if unproven:
        products = products.join(ProductText, ProductText.product_id == Product.id)
    return products.where(*(func.instr(ProductText.body, term) > 0 for term in unproven))


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
