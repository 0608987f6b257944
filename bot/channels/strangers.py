"""What strangers write, made fit to be kept: no characters that a database, a page or a chat would stumble over."""

from __future__ import annotations

import re
from typing import Final

LONGEST_TEXT: Final = 4096
LONGEST_NAME: Final = 64
LONGEST_KEY: Final = 200

_UNFIT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_INVISIBLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def clean_text(text: object) -> str:
    """Return what was written without control characters and halves of characters; not a text: nothing."""
    return _UNFIT.sub("", text[:LONGEST_TEXT]) if isinstance(text, str) else ""


def clean_name(*parts: object) -> str:
    """Return a name in one line, without marks that turn the writing direction of what stands around it."""
    whole = " ".join(clean_text(part) for part in parts if part)
    return " ".join(_INVISIBLE.sub(" ", whole).split())[:LONGEST_NAME]
