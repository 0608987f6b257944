"""What many screens share: the way back, buttons in pairs, numbered lists with pages, names without an id."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.errors import NotFound
from domain.mall import links
from domain.wording import Words, in_two_languages, words
from handlers.routing import Chat, Choice, button

PAGE = 8
"""Lines of one page."""

BLANK = words("blank")

KNOWN_REGIONS = frozenset("ABCD")
KNOWN_CATEGORIES = frozenset(
    ("skincare", "makeup", "personal-care", "mother-baby", "food", "health", "home", "electronics", "fashion", "pets")
)
"""What `category.<name>` in the texts has a name for in each language."""

Row = tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list: what it says, the short name on its button, and where that leads."""

    line: Words
    name: Words
    action: str


def pairs(*choices: Choice) -> list[Row]:
    """Two buttons per row."""
    return [choices[at : at + 2] for at in range(0, len(choices), 2)]


def way_back(action: str | None = None) -> Row:
    """The last row of a screen: back to where one came from, and home."""
    home = button("button.home", "home")
    return (home,) if action in (None, "home") else (button("button.back", str(action)), home)


def to_goods(chat: Chat) -> Choice:
    """The way to the goods: some look for what to sell, others for what to buy."""
    return button("menu.products" if chat.person.sells else "menu.browse", "products")


def named(text: str) -> Words:
    """A name or another text of a person's own, the same in every language."""
    return words("as_is", text=text)


def in_both(zh: str, en: str | None) -> Words:
    """A text that is kept in Chinese and perhaps in English, shown in the reader's language."""
    return words("bilingual", zh=zh, en=en or zh)


def in_both_each(zh: Sequence[str], en: Sequence[str]) -> list[Words]:
    """The same for a list of texts; without as many in English they are shown as they are."""
    pairs_of_texts = zip(zh, en if len(en) == len(zh) else zh, strict=True)
    return [in_both(one, other) for one, other in pairs_of_texts]


def category_name(name: str) -> Words:
    """A category that most shops have, or that names itself twice, in the reader's language; any other as it is."""
    return words(f"category.{name}") if name in KNOWN_CATEGORIES else in_both(*in_two_languages(name))


def region_name(name: str) -> Words:
    """The regions A to D in the reader's language; any other as the shop calls it."""
    letter, rest = name[:1], name[1:2]
    return words(f"region.{letter.lower()}") if letter in KNOWN_REGIONS and rest in ("", " ") else named(name)


def numbered_list(items: Iterable[Item]) -> tuple[list[Words], list[Row]]:
    """Return the numbered lines of a list and their buttons in pairs, which have to be the first rows of the screen."""
    lines, choices = [], []
    for number, item in enumerate(items, 1):
        lines.append(words("list.line", number=number, line=item.line))
        label = words("list.button", number=number, name=item.name)
        choices.append(Choice(label, action=item.action, listed=True))
    return lines, pairs(*choices)


def pages_of(total: int) -> int:
    return max(1, -(-total // PAGE))


def page_number(argument: str, total: int) -> int:
    """Read the number of a page out of an action and keep it inside of what there is."""
    number = int(argument) if argument.isascii() and argument.isdigit() and len(argument) < 6 else 1
    return min(max(1, number), pages_of(total))


def pager(action: str, page: int, total: int) -> Row:
    """Buttons to the pages before and after; `action` takes the number of the page as its last argument."""
    row = []
    if page > 1:
        row.append(button("button.previous", f"{action}:{page - 1}"))
    if page < pages_of(total):
        row.append(button("button.next", f"{action}:{page + 1}"))
    return tuple(row)


def older(action: str, last: int | str, page: int, *, more: bool) -> Row:
    """Buttons for a list that grows at its head: on to what came before `last`, and back to the newest."""
    row = []
    if page > 1:
        row.append(button("button.newest", action))
    if more:
        row.append(button("button.older", f"{action}:{last}:{page + 1}"))
    return tuple(row)


def mark(name: str) -> str:
    """A short mark for a name that is too long or too Chinese for a button's action."""
    return f"{zlib.crc32(name.encode()):08x}"


def by_mark(names: Iterable[str], wanted: str) -> str:
    """Return the name that `mark` was made of; else NotFound."""
    for name in names:
        if mark(name) == wanted:
            return name
    raise NotFound()


def bar(reached: int, target: int, width: int = 10) -> str:
    """Draw how far something has come: ▓▓▓░░░░░░░; full only when it is done."""
    full = width if reached >= target else min(width - 1, reached * width // target)
    return "▓" * full + "░" * (width - full)


def to_look(chat: Chat, url: str) -> str:
    """Where members look at their own link: not counted, but in the demo, where one person is everybody; without
    buttons it would be one more address in the text."""
    return url if chat.shop.demo or chat.person.channel == "wechat" else f"{url}?{links.LOOK}"


LONGEST_NAME = 40


def name_in(text: str) -> str | None:
    """The name that somebody has written for themselves; None if it cannot be one, such as a slip of a number."""
    name = " ".join(text.split())
    unclear = not name or name.isdigit() or len(name) > LONGEST_NAME or not name.isprintable()
    return None if unclear else name


def beginning(text: str, length: int) -> str:
    """The first line of a text, cut with an ellipsis to `length` characters."""
    first = text.split("\n", 1)[0]
    return first if len(first) <= length else first[: length - 1] + "…"


def beginning_in_both(zh: str, en: str | None, length: int) -> Words:
    """The same of a text that is kept in Chinese and perhaps in English, in the reader's language."""
    return in_both(beginning(zh, length), beginning(en, length) if en else None)
