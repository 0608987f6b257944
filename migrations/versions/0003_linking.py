"""Codes that join another chat to a member, and what members choose: the first channel, quiet hours."""

from migrations import scripts

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    scripts.run(__file__)
