"""Who gets the credit for an order: the code it came with, or the member the buyer is bound to.

Nothing is read or written here. The caller knows the buyer's bindings and whose code the order carries, writes the
new binding if there is one, and keeps the reason with the order.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from domain.money.plan import BindingRule
from domain.periods import DAY

CREDIT_CODES: Final[dict[str, tuple[str, ...]]] = {
    "credit_ref": ("member",),  # the order's code
    "credit_binding": ("member", "bound_at"),  # no usable code; the buyer's running binding
    "credit_binding_protected": ("member", "bound_at", "ref_member"),  # a running binding wins over another's code
    "credit_nobody": (),
}
"""Every reason with the names of its parameters; the texts must know each."""


class Binding(NamedTuple):
    """That a buyer was bound to a member at an instant, and whether that member is live now."""

    bound_at: datetime
    member_id: int
    live: bool


class Decision(NamedTuple):
    """Whom an order credits, whom it binds its buyer to (from its `paid_at` on), and a code of CREDIT_CODES why."""

    credited: int | None
    binds: int | None
    reason: str
    bound_at: datetime | None = None


def newest(bindings: Iterable[Binding], paid_at: datetime) -> Binding | None:
    """Return the newest binding with `bound_at` <= `paid_at`; of equal instants the one that stands later in the list.

    `bindings` is in the order of recording, so on a tie the later recorded one wins.
    """
    found: Binding | None = None
    for binding in bindings:
        if binding.bound_at <= paid_at and (found is None or binding.bound_at >= found.bound_at):
            found = binding
    return found


def runs(binding: Binding, paid_at: datetime, rule: BindingRule) -> bool:
    """Say whether the binding's window is open at `paid_at`: half-open, days of 24 hours, for ever when permanent."""
    return rule.policy == "permanent" or paid_at < binding.bound_at + rule.days * DAY


def decide(
    ref_member: int | None,
    bindings: Iterable[Binding],
    *,
    paid_at: datetime,
    rule: BindingRule | None,
    has_buyer: bool,
) -> Decision:
    """Decide the credit of one paid order.

    `ref_member` is the live member whose code the order carries, else None: an unknown code, or one of a member who
    is not live, is None. `bindings` are the buyer's, in the order of recording; empty for an order without a buyer.
    `rule` is that of the plan in force at `paid_at`; without a plan (None) no binding runs, and a code still binds.
    """
    standing = newest(bindings, paid_at)
    if standing is not None and not (standing.live and rule is not None and runs(standing, paid_at, rule)):
        standing = None
    if standing is not None and standing.member_id != ref_member:
        if ref_member is None:
            return Decision(standing.member_id, None, "credit_binding", standing.bound_at)
        if rule is not None and rule.policy != "last":
            return Decision(standing.member_id, None, "credit_binding_protected", standing.bound_at)
    if ref_member is None:
        return Decision(None, None, "credit_nobody")
    return Decision(ref_member, ref_member if has_buyer else None, "credit_ref")
