"""What is still open is found at once: answers of which nobody has said what became of them, and runs of jobs."""

from migrations import scripts

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    scripts.run(__file__)
