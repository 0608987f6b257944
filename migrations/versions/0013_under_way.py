"""What was taken before and waits keeps its place in its chat, however it was given back; runs are found by job."""

from migrations import scripts

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    scripts.run(__file__)
