"""Runs the benchmarks and says how each figure stands against its floor: `python -m tests.benchmarks [NAME …]`.

Exit status 1 if a figure misses what is wanted of it, or a benchmark breaks.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import tests.benchmarks
from tests.benchmarks.figures import Figure


def discover() -> dict[str, Callable[[], list[Figure]]]:
    """Return every file of this folder that measures something, by name."""
    found = {}
    for info in pkgutil.iter_modules(tests.benchmarks.__path__):
        if info.name != "__main__":
            module = importlib.import_module(f"{tests.benchmarks.__name__}.{info.name}")
            if hasattr(module, "run"):
                found[info.name] = module.run
    return found


def main(arguments: Sequence[str]) -> int:
    known = discover()
    parser = argparse.ArgumentParser(prog="fenxiao bench", description="Measure against floors of the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(known)} (all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - set(known)):
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(known)}")
    wanted = {name: known[name] for name in asked.names or known}
    figures, broken = _measure(wanted, tell=(lambda _: None) if asked.json else print)
    if asked.json:
        print(json.dumps({"figures": [asdict(figure) for figure in figures], "broken": broken}, ensure_ascii=False))
    missed = [figure.name for figure in figures if not figure.ok]
    for name in missed + broken:
        print(f"missed: {name}", file=sys.stderr)
    return 1 if missed or broken else 0


def _measure(
    benchmarks: Mapping[str, Callable[[], list[Figure]]], tell: Callable[[str], None]
) -> tuple[list[Figure], list[str]]:
    """Run one after the other, each figure told as soon as it is there; return them, and the names of what broke."""
    figures: list[Figure] = []
    broken: list[str] = []
    for name, run in benchmarks.items():
        try:
            new = run()
        except Exception:  # noqa: BLE001 - the others are measured all the same, and the exit status says it
            traceback.print_exc()
            broken.append(name)
            continue
        for figure in new:
            tell(line(figure))
        figures += new
    return figures, broken


def line(figure: Figure) -> str:
    """Say a figure in one line: what it came to, against what, and whether that is enough."""
    against = f"{figure.ratio:.2f} × {figure.floor_name} (wanted {figure.wanted:g})"
    return f"{'ok  ' if figure.ok else 'MISS'} {figure.name:<52} {figure.value:>12,.2f} {figure.unit:<11} {against}"


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
