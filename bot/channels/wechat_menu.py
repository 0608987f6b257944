"""The account's own menu: three entries with five below each, leading where the same words lead.

WeChat shows everybody one menu: it has given up menus by language (65320). So it is in the language of the house.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.wording import Words, words

MENU: Final[Mapping[str, tuple[str, ...]]] = {
    "sell": ("products", "shelf", "share_shop", "traffic", "tasks"),
    "mine": ("earnings", "orders", "team", "invite", "parcels"),
    "more": ("home", "announcements", "track", "language", "help"),
}
"""Each entry is a command of the conversation."""

Say = Callable[[Words], str]


def buttons(say: Say) -> list[dict[str, Any]]:
    """Return the menu in WeChat's own form."""
    return [
        {
            "name": say(words(f"wechat.menu.{top}")),
            "sub_button": [{"type": "click", "name": _name(say, entry), "key": entry} for entry in entries],
        }
        for top, entries in MENU.items()
    ]


def _name(say: Say, entry: str) -> str:
    """The button's words without its picture: WeChat cuts names at eight characters."""
    if entry == "home":
        return say(words("button.home")).split(" ", 1)[-1]
    return say(words(f"menu.{entry}")).split(" ", 1)[-1]
