"""Tasks adapted to the person, holidays and days off, and a picture with a notice."""

from migrations import scripts

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    scripts.run(__file__)
