"""Everything that can be said is said in both languages, and nothing is asked of the texts that they do not have."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import domain
from bot.rendering import LOCALES, TEXTS_FOLDER, _flat
from domain.errors import Refusal
from domain.messages import notices
from domain.sales import why
from handlers import operator_announce
from handlers.routing import discover
from tests.house.tree import ROOT

ROUTES = discover()
TEXTS = {
    locale: _flat(tomllib.loads((TEXTS_FOLDER / f"{locale}.toml").read_text(encoding="utf-8"))) for locale in LOCALES
}
KEYS = set(TEXTS["zh"])


def placeholders(template: str) -> set[str]:
    """The names in braces; `product_en` is the English side of `product`."""
    return {name.removesuffix("_en") for _, name, _, _ in Formatter().parse(template) if name}


def spoken(locale: str) -> dict[str, str]:
    return {key: text for key, text in TEXTS[locale].items() if isinstance(text, str)}


def test_both_languages_have_the_same_texts():
    assert set(TEXTS["zh"]) == set(TEXTS["en"])


def test_both_languages_are_filled_in_with_the_same_things():
    different = {
        key: placeholders(text) ^ placeholders(TEXTS["en"][key])
        for key, text in spoken("zh").items()
        if key != "bilingual" and placeholders(text) != placeholders(TEXTS["en"][key])
    }
    assert not different


def test_no_text_is_left_empty_or_untranslated():
    for key, text in spoken("zh").items():
        if key in ("blank", "as_is", "bilingual", "share.link", "why.step", "language.ask"):
            continue
        assert text.strip(), key
        assert TEXTS["en"][key].strip(), key
        assert not re.search(r"[\u4e00-\u9fff]", TEXTS["en"][key].replace("中文", "")), f"{key} is not English"


def test_every_command_has_a_description_and_a_word_in_each_language():
    for command in ROUTES.commands:
        for locale in LOCALES:
            description = TEXTS[locale][f"commands.{command.name}"]
            assert 3 <= len(description) <= 100, command.name
            assert TEXTS[locale][f"words.{command.name}"], command.name
        assert re.fullmatch(r"[a-z_]{1,32}", command.name), "Telegram takes no other names"


def test_every_answer_that_is_understood_can_be_written_in_each_language():
    for key in KEYS:
        if key.startswith("answers."):
            for locale in LOCALES:
                assert TEXTS[locale][key], (locale, key)
    audiences = {key.removeprefix("answers.audience.") for key in KEYS if key.startswith("answers.audience.")}
    assert audiences == set(operator_announce.CHOICES)


def test_words_lead_only_to_screens_that_need_nothing_else():
    for key in KEYS:
        if key.startswith("words."):
            found = ROUTES.by_name[key.removeprefix("words.")]
            parameters = list(inspect.signature(found.handler).parameters.values())[1:]
            assert all(parameter.default is not parameter.empty for parameter in parameters), key


def test_every_screen_that_needs_nothing_else_has_words_unless_it_is_a_step_of_something():
    steps = {"join_yes", "found", "ask", "search", "announce_preview", "announce_confirm", "announce_when",
             "announce_now", "announce_send", "announce_drop", "announce_second"}  # fmt: skip
    for name, found in ROUTES.by_name.items():
        parameters = list(inspect.signature(found.handler).parameters.values())[1:]
        if "." in name or name in steps or any(p.default is p.empty for p in parameters):
            continue
        assert f"words.{name}" in KEYS, name


def refusals() -> set[type[Refusal]]:
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        importlib.import_module(module.name)

    def below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    return set(below(Refusal))


def test_every_refusal_says_what_to_do_next():
    missing = {kind.code for kind in refusals() if kind.code != "invalid"} - {
        key.removeprefix("refusal.") for key in KEYS if key.startswith("refusal.")
    }
    assert not missing


def test_every_notice_is_worded_with_what_it_brings():
    for key, params in notices.TEXTS.items():
        for locale in LOCALES:
            used = placeholders(TEXTS[locale][key])
            assert used <= {name.removesuffix("_en") for name in params}, (locale, key)


def test_every_alert_says_what_to_do():
    alerts = {key.removeprefix("alert.") for key in KEYS if key.startswith("alert.")}
    assert alerts == {key.removeprefix("alert_advice.") for key in KEYS if key.startswith("alert_advice.")}


def test_every_step_of_a_computation_is_told_with_its_figures():
    for code, params in why.CODES.items():
        for locale in LOCALES:
            assert placeholders(TEXTS[locale][f"why.{code}"]) <= set(params), (locale, code)


def test_every_text_that_the_code_asks_for_exists():
    missing = set()
    for path, asked in asked_for():
        known = any(re.fullmatch(asked, key) for key in KEYS)
        if not known:
            missing.add(f"{path.name}: {asked}")
    assert not missing


def test_no_text_is_kept_that_nothing_asks_for():
    asked = {pattern for _, pattern in asked_for()}
    elsewhere = (
        "answers.",
        "words.",
        "commands.",
        "why.",
        "plan.",
        "notice.",
        "alert.",
        "alert_advice.",
        "refusal.",
        "invalid.",
        "reason.",
    )
    by_the_channels = ("numbers.", "poster.", "invite_poster.", "chart.", "announcement")
    unused = {
        key
        for key in KEYS
        if not key.startswith((*elsewhere, *by_the_channels)) and not any(re.fullmatch(one, key) for one in asked)
    }
    assert not unused


def asked_for() -> Iterator[tuple[Path, str]]:
    """Every text key in the code, as a pattern: what an f-string fills in may be anything."""
    for folder in ("handlers", "domain", "jobs", "bot"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name.startswith("shop"):
                continue  # the demo shop's pages have texts of their own
            tree = ast.parse(path.read_text(encoding="utf-8"))
            speaking = _speaking(tree)
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in speaking:
                    for key in _keys(node.args[0]) if node.args else ():
                        yield path, key


def _speaking(tree: ast.Module) -> set[str]:
    """The names under which a module has what takes a text key."""
    return {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module in ("domain.wording", "handlers.routing")
        for alias in node.names
        if alias.name in ("words", "Words", "button")
    }


def _keys(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [re.escape(node.value)]
    if isinstance(node, ast.IfExp):
        return _keys(node.body) + _keys(node.orelse)
    if isinstance(node, ast.JoinedStr):
        parts = [
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z0-9_.-]+" for part in node.values
        ]
        return ["".join(parts)]
    return []
