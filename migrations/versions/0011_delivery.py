"""Who took a message last is remembered with it."""

from migrations import scripts

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    scripts.run(__file__)
