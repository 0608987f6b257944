"""Words become text here and nowhere else: language, money, dates, numbers, and menus for channels without buttons."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, get_currency_precision

from domain.money import Money
from domain.wording import Words
from handlers.routing import Choice, Picture, Reply

LOCALES = ("zh", "en")
TEXTS_FOLDER = Path(__file__).parent.parent / "handlers" / "texts"
_BABEL = {"zh": "zh_Hans_CN", "en": "en"}


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    action: str | None = None
    url: str | None = None
    copy: str | None = None
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer in the reader's language, ready for any channel."""

    text: str
    rows: tuple[tuple[Button, ...], ...] = ()
    picture: Picture | None = None
    edit: bool = True
    locale: str = "zh"

    @property
    def buttons(self) -> list[Button]:
        return [button for row in self.rows for button in row]


def choose_locale(*wishes: str | None) -> str:
    """Return the first wish that we speak: `zh-hans` and `zh_CN` are zh, anything else foreign is passed over."""
    for wish in wishes:
        language = (wish or "").replace("_", "-").split("-")[0].lower()
        if language in LOCALES:
            return language
    return LOCALES[0]


class _Formatter(string.Formatter):
    """`{rate:bp}` shows basis points as per cent; `{n:order|orders}` counts; `{n:n}` groups thousands;
    `{n:none|one|# of them}` says something else for nothing, one and many; `{text:url}` goes into an address."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "bp":
            return f"{value / 100:.2f}".rstrip("0").rstrip(".") + "%"
        if format_spec == "url":
            return quote(str(value), safe="")
        if format_spec == "n":
            return f"{value:,}"
        if format_spec.count("|") == 2:
            none, one, many = format_spec.split("|")
            return (none if value == 0 else one if value == 1 else many).replace("#", f"{value:,}")
        if "|" in format_spec:
            one, many = format_spec.split("|")
            return f"{value:,} {one if value == 1 else many}"
        return str(super().format_field(value, format_spec))

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return kwargs[field_name], field_name  # plain names only: no attribute or index is ever followed


class Texts:
    """All texts of both languages, read once. A missing key is a bug and raises KeyError."""

    def __init__(self, zone: ZoneInfo, folder: Path = TEXTS_FOLDER) -> None:
        self.zone = zone
        self._by_locale = {
            locale: _flat(tomllib.loads((folder / f"{locale}.toml").read_text(encoding="utf-8"))) for locale in LOCALES
        }
        self._formatter = _Formatter()

    def keys(self, locale: str) -> set[str]:
        return set(self._by_locale[locale])

    def template(self, key: str, locale: str) -> Any:
        return self._by_locale[locale][key]

    def say(self, words: Words, locale: str) -> str:
        """Return `words` as text in `locale`."""
        values = {name: self._value(value, locale) for name, value in words.params.items()}
        return self._formatter.vformat(self._by_locale[locale][words.key], (), values).strip("\n")

    def _value(self, value: object, locale: str) -> Any:
        match value:
            case Money():
                return money_text(value, locale)
            case datetime():
                pattern = "M月d日 HH:mm" if locale == "zh" else "MMM d, HH:mm"
                return format_datetime(value.astimezone(self.zone), pattern, locale=_BABEL[locale])
            case date():
                return format_date(value, "M月d日" if locale == "zh" else "MMM d", locale=_BABEL[locale])
            case Words():
                return self.say(value, locale)
            case list() | tuple():
                return "\n".join(str(self._value(item, locale)) for item in value)
            case _:
                return value

    def render(self, reply: Reply, locale: str) -> Rendered:
        text = "\n".join(self.say(line, locale) for line in reply.body)
        rows = tuple(tuple(self._button(choice, locale) for choice in row) for row in reply.choices)
        return Rendered(text, rows, reply.picture, reply.edit, locale)

    def _button(self, choice: Choice, locale: str) -> Button:
        url, copy = self._spoken(choice.url, locale), self._spoken(choice.copy, locale)
        return Button(self.say(choice.label, locale), choice.action, url, copy, choice.listed)

    def _spoken(self, said: str | Words | None, locale: str) -> str | None:
        return self.say(said, locale) if isinstance(said, Words) else said

    def words_for(self, route: str) -> list[str]:
        """The written words, in all languages, that lead to `route`."""
        return [word for locale in LOCALES for word in self._by_locale[locale].get(f"words.{route}", [])]

    def answers(self) -> list[tuple[str, str, list[str]]]:
        """What may be written in answer to questions: group, meaning, and the words of one language for it."""
        found = []
        for texts in self._by_locale.values():
            for key, written in texts.items():
                if key.startswith("answers."):
                    _, group, meaning = key.split(".")
                    found.append((group, meaning, written))
        return found


@lru_cache(maxsize=4096)
def money_text(money: Money, locale: str) -> str:
    from decimal import Decimal

    amount = Decimal(money.minor).scaleb(-get_currency_precision(money.currency))
    text = format_currency(amount, money.currency, locale=_BABEL[locale])
    return text.replace("CN¥", "¥") if money.currency == "CNY" else text


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def numbered(rendered: Rendered, invitation: str) -> str:
    """The same answer for a channel without buttons: choices as numbered lines, links and copies written out.

    `invitation` is the line that says how to choose. Numbers count the actions only, in the order of the buttons. What
    the text says already is not said again: listed choices, and what it shows in full to be copied or opened.
    """
    lines = [rendered.text]
    for button in rendered.buttons:
        shown = button.url or button.copy
        if shown is not None and shown not in rendered.text:
            lines.append(f"{button.label}: {shown}")
    actions = [button for button in rendered.buttons if button.action is not None]
    if actions:
        unsaid = [f"{n} {button.label}" for n, button in enumerate(actions, 1) if not button.listed]
        lines += ["", *unsaid, invitation]
    return "\n".join(lines)
