"""What we depend on is declared, locked with hashes, and points in one direction."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import PRODUCT, ROOT, files, name

PURE = {
    "codes",
    "errors",
    "money",
    "money.bookkeeping",
    "money.commission",
    "money.plan",
    "periods",
    "sales.attribution",
    "wording",
}
PARTS = {"cryptography", "pydantic-core"}  # of declared packages, though packages of their own
RUNTIME, DEVELOPMENT = "requirements.lock", "requirements-dev.lock"


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def declared(*, development: bool = False) -> list[Requirement]:
    lines = project()["project"]["dependencies"]
    if development:
        lines = lines + project()["dependency-groups"]["dev"]
    return [Requirement(line) for line in lines]


def locked(lock: str) -> list[Requirement]:
    """The pinned requirements of a lock, their hashes taken off."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split("--hash")[0].strip() for line in text.splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "--only-binary"))]


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT])
def test_the_locks_satisfy_what_the_project_declares(lock: str):
    pins = locked(lock)
    for wanted in declared(development=lock == DEVELOPMENT):
        versions = [
            str(pin.specifier)[2:] for pin in pins if canonicalize_name(pin.name) == canonicalize_name(wanted.name)
        ]
        assert versions, f"{wanted.name} is not locked; run .ci/lock"
        assert all(wanted.specifier.contains(version) for version in versions), (
            f"{wanted}: locked {versions}; run .ci/lock"
        )


def test_development_uses_exactly_the_versions_that_run():
    development = {(pin.name, str(pin.specifier)) for pin in locked(DEVELOPMENT)}
    assert {(pin.name, str(pin.specifier)) for pin in locked(RUNTIME)} <= development


@pytest.mark.parametrize("lock", [RUNTIME, DEVELOPMENT])
def test_every_locked_package_has_hashes_and_no_address(lock: str):
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = [line for line in text.replace("\\\n", " ").splitlines() if "==" in line]
    assert len(entries) == len(locked(lock))
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert "://" not in text
    assert text.startswith("--only-binary :all:")


def test_whatever_is_imported_is_declared():
    providers = packages_distributions()
    runtime = {canonicalize_name(requirement.name) for requirement in declared()}
    every = {canonicalize_name(requirement.name) for requirement in declared(development=True)}
    undeclared = set()
    for path in files(*PRODUCT, "tests", suffixes={".py"}):
        known = every if name(path).startswith("tests/") else runtime
        for module in _imports(path):
            distributions = {canonicalize_name(provider) for provider in providers.get(module, [])}
            if not distributions & (known | PARTS):
                undeclared.add(f"{name(path)}: {module}")
    assert not undeclared


def _imports(path: Path) -> set[str]:
    """Top-level names of other people's modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {*PRODUCT, "tests"}


def test_the_rules_of_the_layers_are_all_enforced():
    contracts = project()["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    assert layers == ["bot", "handlers | jobs", "domain"]
    forbidden = [
        (layer, module)
        for contract in contracts
        if contract["type"] == "forbidden"
        for layer in contract["source_modules"]
        for module in contract["forbidden_modules"]
    ]
    for layer in ("domain", "handlers", "jobs"):
        assert {(layer, m) for m in ("config", "asyncio", "telegram", "wechatpy", "aiohttp", "apscheduler")} <= set(
            forbidden
        )
    assert ("handlers", "sqlalchemy") in forbidden
    assert {(f"domain.{module}", "sqlalchemy") for module in PURE} <= set(forbidden)
    assert any(contract["type"] == "independence" and contract["modules"] == ["handlers.*"] for contract in contracts)
