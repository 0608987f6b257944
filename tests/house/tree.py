"""The files of this repository, for the rules that hold for all of them."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("bot", "config", "domain", "handlers", "jobs", "migrations")
NOT_OURS = {".git", ".venv", "var", "build", "dist", "__pycache__"}
WRITTEN = {"", ".css", ".env", ".html", ".js", ".json", ".lock", ".mako", ".md", ".py", ".sh", ".toml", ".txt", ".yml"}


def files(*folders: str, suffixes: set[str] | None = None) -> Iterator[Path]:
    """Files below `folders` (all of the repository without any), in order, caches and .venv left out."""
    for top in [ROOT / folder for folder in folders] or [ROOT]:
        for path in sorted(top.rglob("*")):
            inside = path.relative_to(ROOT).parts
            ours = not any(part in NOT_OURS or part.endswith("_cache") or part == ".hypothesis" for part in inside)
            if ours and path.is_file() and (suffixes is None or path.suffix in suffixes):
                yield path


def product_modules() -> Iterator[Path]:
    return files(*PRODUCT, suffixes={".py"})


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
