"""Who took a message last is remembered with it; pictures that a platform has already."""

from migrations import scripts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    scripts.run(__file__)
