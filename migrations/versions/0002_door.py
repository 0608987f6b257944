"""Links by which somebody enters the web chat."""

from migrations import scripts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    scripts.run(__file__)
