"""Who took a message last is remembered with it."""

from migrations import scripts

revision = "0009"
down_revision = "0007"


def upgrade() -> None:
    scripts.run(__file__)
