"""The roles a member may have and which of them sell, their classes, and the channels they are reached by."""

from typing import Final

SELLERS: Final = ("distributor", "merchant", "agent")
"""The roles that sell, earn and may have a downline."""

ROLES: Final = ("customer", *SELLERS)

SCOPED: Final = ("single_product", "single_category", "single_brand")
SELF_SET: Final = "self_set_commission"
CLASSES: Final = (*SCOPED, "self_picked_products", "self_picked_brands", SELF_SET)

CHANNELS: Final = ("telegram", "wechat", "webchat")
