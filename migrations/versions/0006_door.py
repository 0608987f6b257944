"""Links by which somebody enters the web chat."""

from migrations import scripts

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    scripts.run(__file__)
