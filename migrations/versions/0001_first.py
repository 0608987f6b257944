"""The whole schema of the first release, word for word as each database gets it."""

from migrations import scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    scripts.run(__file__)
