"""An index on the orders whose commissions wait for a decision, lest the operator's desk read all orders."""

from migrations import scripts

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    scripts.run(__file__)
