"""Whom a cancelled announcement left out is known by two numbers; what resends and audiences ask has its index."""

from migrations import scripts

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    scripts.run(__file__)
