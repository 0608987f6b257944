"""Answers of which nobody has said yet what became of them are found at once."""

from migrations import scripts

revision = "0007"
down_revision = "0004"


def upgrade() -> None:
    scripts.run(__file__)
