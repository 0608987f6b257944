"""An announcement may have a second text: what those who read English get."""

from migrations import scripts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    scripts.run(__file__)
