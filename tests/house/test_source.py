"""Rules for every file of the house, whoever writes it."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from tests.house.tree import ROOT, WRITTEN, files, name, product_modules

LONGEST_FILE = 500

# In two parts, so that this file keeps its own rule.
LEFT_OPEN = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error"]) + r")\b")
INDEX_NAMES = ["pypi" + r"\.", "pythonhosted" + r"\.", "--(extra-)?index" + "-url", "registry" + r"\.npm"]
INDEXES = re.compile("|".join(INDEX_NAMES))
THIS_MACHINE = re.compile("|".join(["/work" + "/(main|shared)", "/root" + "/", "/tmp" + "/brief"]))
CLOCK = re.compile(r"\b(datetime\.(now|today|utcnow)|date\.today|time\.time(_ns)?)\(")


def offences(rule: re.Pattern[str], where: Iterable[Path]) -> list[str]:
    found = []
    for path in where:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if rule.search(line):
                found.append(f"{name(path)}:{number}: {line.strip()[:100]}")
    return found


def test_no_file_of_the_product_is_so_long_that_it_wants_to_be_two():
    long = {
        name(path): lines for path in product_modules() if (lines := len(path.read_bytes().splitlines())) > LONGEST_FILE
    }
    assert not long


def test_nothing_is_left_open_in_the_code():
    assert not offences(LEFT_OPEN, files(suffixes={".py", ".html", ".js", ".toml", ".sh", ""}))


def test_no_package_index_is_named_anywhere():
    assert not offences(INDEXES, files(suffixes=WRITTEN))


def test_no_path_of_a_developers_machine_is_in_the_tree():
    assert not offences(THIS_MACHINE, files(suffixes=WRITTEN))


def test_only_the_composition_root_reads_the_clock():
    modules = (path for path in product_modules() if name(path) != "bot/app.py")
    assert not offences(CLOCK, modules)


def test_no_error_is_swallowed_without_a_reason_beside_it():
    swallowed = []
    for path in product_modules():
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and _catches_everything(node) and _does_nothing(node):
                line = text.splitlines()[node.lineno - 1]
                if " - " not in line.partition("#")[2]:
                    swallowed.append(f"{name(path)}:{node.lineno}")
    assert not swallowed


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )


def _does_nothing(handler: ast.ExceptHandler) -> bool:
    return all(isinstance(statement, ast.Pass | ast.Continue) for statement in handler.body)


def test_every_module_begins_by_saying_what_it_is_for():
    silent = [
        name(path)
        for path in product_modules()
        if (text := path.read_text(encoding="utf-8")).strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert not silent


def test_no_folder_is_a_drawer_for_odds_and_ends():
    drawers = {"services", "utils", "models", "core", "common", "helpers", "misc"}
    assert not {name(path) for path in files() if drawers & set(path.relative_to(ROOT).parts[:-1])}
