"""Commissions that wait for a decision: which orders, why, and letting them go or cancelling them."""

from __future__ import annotations

from domain.errors import NotFound
from domain.money import Money
from domain.people import members
from domain.sales import holds, orders
from domain.sales.holds import HeldOrder
from domain.sales.orders import OrderView
from domain.sales.payment_rows import SELF_PURCHASE
from domain.wording import Words, words
from handlers.forms import BLANK, PAGE, Item, named, numbered_list, way_back
from handlers.routing import Chat, Reply, button, number, operators, reply, route, step

DECISIONS = ("release", "deny")


@route("holds", who=operators, command=True)
def listed(chat: Chat, after: str = "") -> Reply:
    found = holds.held_orders(chat.db, after=number(after) if after else None, limit=PAGE + 1)
    if not found:
        return reply(words("holds.none"), rows=[way_back("desk")])
    shown = found[:PAGE]
    lines, buttons = numbered_list(Item(_line(one), named(one.order_id), f"held:{one.id}") for one in shown)
    more = [button("button.next", f"holds:{shown[-1].id}")] if len(found) > PAGE else []
    title = words("holds.title", n=holds.count_held(chat.db))
    return reply(title, *lines, rows=[*buttons, more, way_back("desk")])


@route("held", who=operators)
def held(chat: Chat, which: str) -> Reply:
    """Everything that the decision needs: who bought, who brought it, who would earn what, and how far it has come."""
    seen = _held(chat, which)
    credited = members.by_member_id(chat.db, seen.credited) if seen.credited else None
    body = [
        words("holds.one", order_id=seen.order_id),
        words("holds.paid", at=seen.paid_at, amount=Money(seen.amount, seen.currency)),
        words(f"order.state.{seen.state}"),
        words("holds.buyer", buyer=seen.buyer_id or "–"),
        *([words("holds.seller", name=_name(credited.name, credited.member_id))] if credited else []),
        *([words("orders.case_open")] if seen.case_open else []),
        BLANK,
        _reason(seen.decision_reason or ""),
        words("holds.at_stake"),
        *_shares(chat, seen),
    ]
    decide = [button(f"holds.{one}", f"hold_{one}:{seen.id}") for one in DECISIONS]
    return reply(*body, rows=[decide, way_back("holds")])


@route("hold_release", who=operators)
def release(chat: Chat, which: str) -> Reply:
    return _ask(chat, which, "release")


@route("hold_deny", who=operators)
def deny(chat: Chat, which: str) -> Reply:
    return _ask(chat, which, "deny")


def _ask(chat: Chat, which: str, decision: str) -> Reply:
    seen = _held(chat, which)
    chat.ask("holds", "reason", order=seen.id, decision=decision)
    return reply(
        words(f"holds.ask_{decision}", order_id=seen.order_id, amount=_at_stake(seen)),
        rows=[way_back(f"held:{seen.id}")],
    )


@step("holds", "reason", who=operators)
def reason_written(chat: Chat) -> Reply:
    if chat.commanded:
        return chat.elsewhere()
    data = chat.form_data
    seen = _held(chat, str(data["order"]))
    reason = chat.text
    if not reason or len(reason) > holds.MAX_REASON:
        said = words("holds.reason_unclear", longest=holds.MAX_REASON)
        return reply(said, rows=[way_back(f"held:{seen.id}")])
    chat.finish()
    decide = holds.deny if data["decision"] == "deny" else holds.release
    decide(chat.db, seen.order_id, reason, actor=f"member:{chat.person.member_id}", now=chat.now)
    said = words("holds.denied" if data["decision"] == "deny" else "holds.released", order_id=seen.order_id)
    return reply(said, rows=[[button("menu.holds", "holds")], way_back("desk")])


def _held(chat: Chat, which: str) -> OrderView:
    """An order that still waits; one that is decided meanwhile is as good as missing."""
    seen = orders.order(chat.db, number(which))
    if seen.decision != "held":
        raise NotFound()
    return seen


def _line(one: HeldOrder) -> Words:
    amount = Money(one.amount, one.currency)
    return words("holds.line", at=one.paid_at, order_id=one.order_id, amount=amount, reason=_reason(one.reason))


def _reason(reason: str) -> Words:
    return words("holds.self_purchase") if reason == SELF_PURCHASE else words("holds.reason", reason=reason)


def _at_stake(seen: OrderView) -> Money:
    return Money(sum(own.amount - own.reversed for own in seen.commissions), str(seen.commission_currency))


def _shares(chat: Chat, seen: OrderView) -> list[Words]:
    """One line for each earner and level, all goods of the order together."""
    sums: dict[tuple[int, str], int] = {}
    for own in seen.commissions:
        key = (own.level, own.member_id)
        sums[key] = sums.get(key, 0) + own.amount - own.reversed
    said = []
    for (level, member_id), amount in sorted(sums.items()):
        profile = members.by_member_id(chat.db, member_id)
        name = _name(profile.name if profile else "", member_id)
        said.append(words("holds.share", level=level, name=name, amount=Money(amount, str(seen.commission_currency))))
    return said


def _name(name: str, member_id: str) -> str:
    return f"{name}（{member_id}）" if name and name != member_id else member_id
