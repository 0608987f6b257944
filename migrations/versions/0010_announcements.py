"""Audiences by name, tags on members, and what an announcement may be besides its words."""

from migrations import scripts

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    scripts.run(__file__)
