"""What WeChat lets us send: the quota book, uploaded files, codes for scanning, mass messages; each message's route."""

from migrations import scripts

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    scripts.run(__file__)
