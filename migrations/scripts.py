"""Migrations are SQL that can be read: one file for each database, with an empty line between statements.

`python -m migrations.scripts TABLE …` prints what makes these tables as the schema says now, to begin a new one with.
A migration that has been released never changes.
"""

import sys
from collections.abc import Collection, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from alembic import op
from sqlalchemy import create_mock_engine

from domain.schema import Base

FOLDER = Path(__file__).parent / "versions"
ENGINES = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}


def run(migration: str) -> None:
    """Run the statements of the migration `migration`, its file's name, on the database at hand."""
    connection = op.get_bind()
    number = Path(migration).stem.split("_")[0]
    script = (FOLDER / f"{number}_{connection.dialect.name}.sql").read_text(encoding="utf-8")
    for statement in script.strip().split("\n\n"):
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def script(dialect: str, tables: Collection[str] | None = None) -> str:
    """Return every statement that makes `tables` (none: all of the schema) on `dialect`, an empty line between them."""
    statements: list[str] = []

    def note(statement: Any, *_: Any, **__: Any) -> None:
        text = statement if isinstance(statement, str) else str(statement.compile(dialect=engine.dialect))
        lines = [line.rstrip() for line in text.replace("%%", "%").strip().splitlines() if line.strip()]
        statements.append("\n".join(lines))

    engine = create_mock_engine(ENGINES[dialect], note)
    chosen = None if tables is None else [Base.metadata.tables[name] for name in tables]
    Base.metadata.create_all(engine, tables=chosen, checkfirst=False)
    return "\n\n".join(_indexes_in_order(statements)) + "\n"


def _indexes_in_order(statements: list[str]) -> Iterator[str]:
    """A table's indexes are a set: give them an order."""
    for are_indexes, group in groupby(statements, lambda one: one.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))):
        together = list(group)
        yield from sorted(together) if are_indexes else together


if __name__ == "__main__":
    for name in ENGINES:
        print(f"-- {name}\n{script(name, sys.argv[1:])}")  # noqa: T201
