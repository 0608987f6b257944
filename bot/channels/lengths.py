"""Texts that have to fit: measured as a platform measures, cut where a reader would pause."""

from __future__ import annotations

from collections.abc import Callable

Size = Callable[[str], int]

_PAUSES = ("\n\n", "\n", "。", ". ", "，", " ")
_ELLIPSIS = "…"


def utf16_units(text: str) -> int:
    """Telegram's measure."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf8_bytes(text: str) -> int:
    """WeChat's measure."""
    return len(text.encode("utf-8", "replace"))


def split(text: str, limit: int, size: Size) -> list[str]:
    """Return `text` in parts of at most `limit`, cut after a paragraph, a line, a sentence or a word if possible."""
    parts = []
    while size(text) > limit:
        fits = _longest(text, limit, size)
        cut = _pause(text, fits)
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [part for part in (*parts, text) if part.strip()] or [text]


def shorten(text: str, limit: int, size: Size) -> str:
    """Return the beginning of `text` that fits, with an ellipsis if anything is missing."""
    if size(text) <= limit:
        return text
    room = limit - size(_ELLIPSIS)
    return text[: _longest(text, room, size)].rstrip() + _ELLIPSIS if room > 0 else ""


def _longest(text: str, limit: int, size: Size) -> int:
    """How many characters fit; at least one, so that every cut gets on. No character is cut in two."""
    low, high = 1, min(len(text), max(1, limit))
    while low < high:
        middle = (low + high + 1) // 2
        if size(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _pause(text: str, fits: int) -> int:
    """The last good place to cut within the first `fits` characters, in the second half of them if there is one."""
    for pause in _PAUSES:
        at = text.rfind(pause, fits // 2, fits)
        if at >= 0:
            return at + len(pause)
    return fits
