"""The one pair of fonts that every picture is lettered with, and how any text is made fit for them."""

import threading
import unicodedata
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_ASSETS = Path(__file__).with_name("assets")
REGULAR = _ASSETS / "NotoSansSC-Subset-Regular.otf"
BOLD = _ASSETS / "NotoSansSC-Subset-Bold.otf"

ELLIPSIS = "…"
UNKNOWN = "·"  # stands for a run of letters that the font does not have
LONGEST = 300  # characters of one text that are looked at; nothing in a picture is longer

# Noto Sans CJK has no glyph for these signs; the code says the same without doubt.
_CURRENCY_CODES = {
    "₽": "RUB",
    "฿": "THB",
    "₹": "INR",
    "₺": "TRY",
    "₱": "PHP",
    "₴": "UAH",
    "₸": "KZT",
    "₦": "NGN",
    "₪": "ILS",
    "₮": "MNT",
    "៛": "KHR",
    "₭": "LAK",
}

# Letters with a stroke, which Unicode does not take apart.
_STROKED = str.maketrans("ŁłĦħıŦŧȺȻȼ", "LlHhiTtACc")

_of_this_thread = threading.local()  # a FreeType face may not be used by two threads at once


def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the bundled font at `size` pixels; the object belongs to the calling thread."""
    faces: dict[tuple[int, bool], ImageFont.FreeTypeFont] | None = getattr(_of_this_thread, "faces", None)
    if faces is None:
        faces = _of_this_thread.faces = {}
    face = faces.get((size, bold))
    if face is None:
        # Basic layout: Raqm is not on every machine, and would draw the same text differently there.
        face = ImageFont.truetype(str(BOLD if bold else REGULAR), size, layout_engine=ImageFont.Layout.BASIC)
        faces[size, bold] = face
    return face


@lru_cache(maxsize=256)
def stencil(text: str, size: int, bold: bool) -> Image.Image:
    """Return a mask of `text` whose baseline is `size` pixels below its top; it is shared, so never draw on it.

    For words that stand on many pictures: they are drawn once.
    """
    face = font(size, bold=bold)
    mask = Image.new("L", (max(1, width(text, face) + size // 4), size * 3 // 2), 0)
    ImageDraw.Draw(mask).text((0, size), text, font=face, fill=255, anchor="ls")
    return mask


@lru_cache(maxsize=1)
def drawable() -> frozenset[str]:
    """Return the characters that the bundled fonts can draw."""
    return frozenset((_ASSETS / "characters.txt").read_text(encoding="utf-8"))


def clean(text: str) -> str:
    """Return `text` on one line with nothing that the bundled fonts cannot draw.

    Emoji, controls and direction marks go; accents that the font lacks fall off their letter; a run of unknown letters
    becomes one "·"; a text of nothing but such letters becomes "". At most the first 300 characters count.
    """
    pieces: list[str] = []
    unknown = False  # the last thing that is not a space was "·"
    for char in unicodedata.normalize("NFC", text[:LONGEST]):
        piece = _spelled(char)
        if piece == UNKNOWN and unknown:
            continue
        if piece.strip():
            unknown = piece == UNKNOWN
        if pieces and pieces[-1] in _CURRENCY_CODES.values() and piece.isdigit():
            pieces.append(" ")
        pieces.append(piece)
    line = " ".join("".join(pieces).split())
    return line if line.strip(UNKNOWN + " ") else ""


def _spelled(char: str) -> str:
    """Return what is drawn for `char`: itself, a plainer form of it, "·" for an unknown letter, or nothing."""
    if char.isspace():
        return " "
    if char in drawable():
        return char
    if char in _CURRENCY_CODES:
        return _CURRENCY_CODES[char]
    parts = unicodedata.normalize("NFKD", char.translate(_STROKED))
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    if plain and plain != char and all(part in drawable() for part in plain):
        return plain.strip()
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.digit(char))
    return UNKNOWN if kind.startswith("L") else ""


def width(text: str, face: ImageFont.FreeTypeFont) -> int:
    """Return how many pixels wide `text` is set, rounded up."""
    return int(-(-face.getlength(text) // 1))


def cut(text: str, face: ImageFont.FreeTypeFont, limit: int) -> str:
    """Return `text`, or its longest beginning that with an ellipsis is at most `limit` pixels wide."""
    if width(text, face) <= limit:
        return text
    end = _fitting(text, face, limit - width(ELLIPSIS, face))
    kept = text[:end].rstrip(" ,.;:，。；：、·-")
    return kept + ("..." if kept and kept[-1].isascii() else ELLIPSIS)  # the Chinese mark stands in mid-height


@lru_cache(maxsize=512)
def lines(text: str, size: int, bold: bool, limit: int, count: int) -> tuple[str, ...]:
    """Return what `wrap` makes of `text` in the font of `size`; remembered, for words that stand on many pictures."""
    return tuple(wrap(text, font(size, bold=bold), limit, lines=count))


def wrap(text: str, face: ImageFont.FreeTypeFont, limit: int, *, lines: int) -> list[str]:
    """Break `text` into at most `lines` lines of at most `limit` pixels; the last is cut with an ellipsis.

    Words of Latin letters stay whole where they fit on a line; Chinese and Japanese break between any two characters,
    but no line begins with a closing mark.
    """
    done: list[str] = []
    rest = text
    while rest and len(done) < lines - 1 and width(rest, face) > limit:
        end = _break(rest, _fitting(rest, face, limit))
        done.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    if rest:
        done.append(cut(rest, face, limit))
    return done


def _fitting(text: str, face: ImageFont.FreeTypeFont, limit: int) -> int:
    """Return how many first characters of `text` are at most `limit` pixels wide."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if face.getlength(text[:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


_CLOSING = "，。、；：！？）】》」』”’…,.;:!?)]}%％"
_OPENING = "（【《「『“‘([{"


def _break(text: str, end: int) -> int:
    """Return the best place to break at or before `end`, never 0."""
    end = max(end, 1)
    best = end
    while best > 1 and (
        _inside_word(text, best) or (best < len(text) and text[best] in _CLOSING) or text[best - 1] in _OPENING
    ):
        best -= 1
    return best if best > end // 2 else end


def _inside_word(text: str, at: int) -> bool:
    return at < len(text) and _is_word_letter(text[at - 1]) and _is_word_letter(text[at])


def _is_word_letter(char: str) -> bool:
    return char in "'’-+&/.%" or (char.isalnum() and ord(char) < 0x2E80)
