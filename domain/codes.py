"""Short codes for links and invitations: easy to read aloud, impossible to guess."""

import re
import secrets
from collections.abc import Callable
from typing import Final

ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Letters and digits without those that look alike (0 O 1 l I). Never an underscore: chats swallow it as markup."""

LENGTH: Final = 8
"""57^8, about 10^14: a guesser who tries 1,000 codes a second against a million links hits one in a day at best."""

_SHAPE = re.compile(r"[A-Za-z0-9]{4,32}")


def new_code(length: int = LENGTH, *, choose: Callable[[str], str] = secrets.choice) -> str:
    """Return a fresh code; that it is unique is the database's to say. `choose` differs only in a demo."""
    return "".join(choose(ALPHABET) for _ in range(length))


def is_code(text: str) -> bool:
    """Say whether `text` could be a code at all (4 to 32 ASCII letters and digits), before anything is looked up."""
    return _SHAPE.fullmatch(text) is not None
