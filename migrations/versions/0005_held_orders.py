"""An index on the orders whose commissions wait for a decision, lest the operator's desk read all orders."""

from migrations import scripts

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    scripts.run(__file__)
