"""Tasks adapted to the person, holidays and days off, and a picture with a notice."""

from migrations import scripts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    scripts.run(__file__)
