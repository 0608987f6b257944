"""Signatures that do not cover their message are remembered, also over a restart."""

from migrations import scripts

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    scripts.run(__file__)
