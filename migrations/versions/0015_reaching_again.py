"""Whom a cancelled announcement left out is known by two numbers; what resends and audiences ask has its index."""

from migrations import scripts

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    scripts.run(__file__)
