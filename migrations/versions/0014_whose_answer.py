"""An answer that is kept knows whose it is; what was kept has keys of its own."""

from migrations import scripts

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    scripts.run(__file__)
