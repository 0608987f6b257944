"""What is still open is found at once: answers of which nobody has said what became of them, and runs of jobs."""

from migrations import scripts

revision = "0007"
down_revision = "0004"


def upgrade() -> None:
    scripts.run(__file__)
