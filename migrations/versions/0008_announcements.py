"""Audiences by name, tags on members, and what an announcement may be besides its words."""

from migrations import scripts

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    scripts.run(__file__)
