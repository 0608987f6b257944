"""One index on visits instead of two: every click pays for each of them."""

from migrations import scripts

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    scripts.run(__file__)
