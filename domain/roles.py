"""The roles a member may have, and which of them sell."""

from typing import Final

SELLERS: Final = ("distributor", "merchant", "agent")
"""The roles that sell, earn and may have a downline."""

ROLES: Final = ("customer", *SELLERS)
