"""Writes the first migration from the schema: `python -m migrations.first`, after each change until it is released."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import create_mock_engine

from domain.schema import Base

FOLDER = Path(__file__).parent / "versions"
ENGINES = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}


def script(dialect: str) -> str:
    """Return every statement that makes the schema on `dialect`, with an empty line between them."""
    statements: list[str] = []

    def note(statement: Any, *_: Any, **__: Any) -> None:
        text = statement if isinstance(statement, str) else str(statement.compile(dialect=engine.dialect))
        lines = [line.rstrip() for line in text.replace("%%", "%").strip().splitlines() if line.strip()]
        statements.append("\n".join(lines))

    engine = create_mock_engine(ENGINES[dialect], note)
    Base.metadata.create_all(engine, checkfirst=False)
    return "\n\n".join(_indexes_in_order(statements)) + "\n"


def _indexes_in_order(statements: list[str]) -> Iterator[str]:
    """A table's indexes are a set: give them an order."""
    for are_indexes, group in groupby(statements, lambda one: one.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))):
        together = list(group)
        yield from sorted(together) if are_indexes else together


if __name__ == "__main__":
    for name in ENGINES:
        (FOLDER / f"0001_{name}.sql").write_text(script(name), encoding="utf-8")
