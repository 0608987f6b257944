"""By which ways a notice may reach somebody on WeChat, the best first: decided from what the account may do, what is
left in the quota book, and what the notice is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from config.groups import WechatTemplate
from domain.messages.allowances import WINDOWS, subscription

CUSTOMER: Final = "customer"
SUBSCRIPTION: Final = "subscription"
TEMPLATE: Final = "template"
MASS: Final = "mass"
MENU: Final = "menu"
QRCODE: Final = "qrcode"
UPLOAD: Final = "upload"

# WeChat's table of permissions by kind of account and whether it is certified.
_CAPABILITIES: Final[Mapping[tuple[str, bool], frozenset[str]]] = {
    ("service", True): frozenset({CUSTOMER, SUBSCRIPTION, TEMPLATE, MASS, MENU, QRCODE, UPLOAD}),
    ("service", False): frozenset({MENU, UPLOAD}),
    ("subscription", True): frozenset({CUSTOMER, MASS, MENU, UPLOAD}),
    ("subscription", False): frozenset({UPLOAD}),
}

# Template messages are for what the person's own business brought about. Announcements, tasks and reminders are none
# of that: WeChat takes the permission away from who sends them so.
_OWN_BUSINESS: Final = (
    "notice.commission_",
    "notice.order_",
    "notice.parcel_",
    "notice.withdrawal_",
    "notice.payout_",
    "notice.prepaid_",
    "notice.ticket_",
    "notice.upgrade_",
    "notice.first_sale",
)


@dataclass(frozen=True, slots=True)
class Route:
    """One way: what the account must be able to do, and which entry of the quota book it costs, if any."""

    name: str
    allowance: str | None = None
    template: WechatTemplate | None = None


def capabilities(kind: str, *, certified: bool) -> frozenset[str]:
    """Return what an account of this kind may do at all."""
    return _CAPABILITIES[kind, certified]


def is_own_business(notice: str) -> bool:
    """Say whether a template message may carry the notice with this text key."""
    return notice.startswith(_OWN_BUSINESS)


def routes(
    notice: str,
    *,
    able: Collection[str],
    left: Sequence[str],
    templates: Mapping[str, WechatTemplate],
    subscriptions: Mapping[str, WechatTemplate],
) -> list[Route]:
    """Return the ways that are open for the notice with this text key, the one to try first at the beginning.

    `left` are the kinds of the quota book of which the person has something left. None open: the notice is kept.
    """
    name = notice.removeprefix("notice.")
    agreed, template = subscriptions.get(name), templates.get(name)
    found: list[Route] = []
    if CUSTOMER in able:
        found += [Route(CUSTOMER, kind) for kind in left if kind in WINDOWS]
    if SUBSCRIPTION in able and agreed is not None and (kind := subscription(agreed.template_id)) in left:
        found.append(Route(SUBSCRIPTION, kind, agreed))
    if TEMPLATE in able and template is not None and is_own_business(notice):
        found.append(Route(TEMPLATE, template=template))
    return found
