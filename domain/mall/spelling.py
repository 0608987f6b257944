"""What somebody may have meant who wrote a word as it sounds, or with a letter wrong: one that the catalogue has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy.orm import Session

from domain.mall import search

MOST_WORDS: Final = 2
SHORTEST, LONGEST = 4, 10
"""Letters of a word in Latin script that is looked at: each position is one query."""

LONGEST_CHINESE: Final = 6
_BODIES: Final = 100  # so many texts tell well enough what is usual
_ALIKE: Final = 30

_LATIN: Final = re.compile(r"[a-z]+")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]+")


def corrected(db: Session, query: str) -> str | None:
    """Return `query` with its unknown words put right; None if there is one for which nothing comes near."""
    terms = search.normalize(query).split()
    if len(terms) > MOST_WORDS:
        return None
    put_right = [term if _known(db, term) else _corrected(db, term) for term in terms]
    said = " ".join(term for term in put_right if term)
    return said if all(put_right) and terms and put_right != terms else None


def sounds_alike(one: str, other: str) -> bool:
    """Whether two Chinese characters sound about the same: GB 2312 has its common ones in the order of their sounds."""
    here, there = _place(one), _place(other)
    return here is not None and there is not None and 0 < abs(here - there) <= _ALIKE


def _place(char: str) -> int | None:
    try:
        row, cell = char.encode("gb2312")
    except (UnicodeEncodeError, ValueError):
        return None
    return row * 94 + cell - 0xA1 if 0xB0 <= row <= 0xD7 else None


def _known(db: Session, term: str) -> bool:
    query = search.read(term, on_shelf=True)
    return query is None or bool(search.bodies(db, query, 1))


def _corrected(db: Session, term: str) -> str | None:
    """The most usual word of the catalogue that differs in one place."""
    found: Counter[str] = Counter()
    for pieces, pattern, wrong in _slips(term):
        query = search.read(" ".join(pieces), on_shelf=True)
        if query is None:
            continue
        for body in search.bodies(db, query, _BODIES):
            found.update({match[0] for match in pattern.finditer(body) if not wrong or sounds_alike(wrong, match[1])})
    found.pop(term, None)
    return min(found, key=lambda word: (-found[word], word)) if found else None


def _slips(term: str) -> Iterator[tuple[Sequence[str], re.Pattern[str], str]]:
    """For each place where the slip may be: what is right around it, the words that fit, and the wrong character."""
    if _CHINESE.fullmatch(term) and 2 <= len(term) <= LONGEST_CHINESE:
        for at, char in enumerate(term):
            left, right = term[:at], term[at + 1 :]
            yield [left, right], re.compile(f"{left}([\u4e00-\u9fff]){right}"), char
    if _LATIN.fullmatch(term) and SHORTEST <= len(term) <= LONGEST:
        for at in range(1, len(term)):
            left, right = term[:at], term[at + 1 :]
            pieces = [piece for piece in (left, right) if len(piece) >= SHORTEST - 1]  # what is one token at least
            if pieces:
                yield pieces, re.compile(rf"(?<![a-z]){left}[a-z]{{0,2}}{right}(?![a-z])"), ""
