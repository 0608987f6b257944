"""The orders that came through oneself or one's team: where each stands and what it brings."""

from __future__ import annotations

from domain.errors import NotFound
from domain.mall import links
from domain.money import Money, commissions
from domain.sales import orders
from domain.sales.orders import CommissionView, OrderRow, OrderView
from domain.wording import Words, words
from handlers.forms import BLANK, PAGE, Item, in_both, numbered_list, older, pairs, way_back
from handlers.routing import Chat, Choice, Reply, button, number, reply, route

_MOST_LINES = 6


@route("orders", command=True)
def listed(chat: Chat, after: str = "", page: str = "1") -> Reply:
    if not chat.person.sells and not after and chat.person.role == "customer":
        return chat.go("parcels")
    rows = orders.orders_of(chat.db, chat.member, after=number(after) if after else None, limit=PAGE + 1)
    shown, at = rows[:PAGE], number(page)
    chat.state["orders"] = f"orders:{after}:{page}" if after else "orders"
    if not shown:
        return reply(
            words("orders.none"),
            rows=[[button("menu.products", "products"), button("menu.parcels", "parcels")], way_back()],
        )
    lines, buttons = numbered_list(_item(chat, row) for row in shown)
    return reply(
        words("orders.title"),
        *lines,
        rows=[
            *buttons,
            older("orders", shown[-1].id, at, more=len(rows) > PAGE),
            [button("menu.earnings", "earnings"), button("menu.parcels", "parcels")],
            way_back(),
        ],
    )


@route("order")
def order(chat: Chat, which: str) -> Reply:
    """One order that one earns on; anybody else's is answered like a missing one."""
    seen = orders.order(chat.db, number(which))
    mine = [own for own in seen.commissions if own.member == chat.member]
    if not mine and seen.credited != chat.person.member_id:
        raise NotFound()
    name = {line.line: in_both(line.name, line.name_en) for line in seen.lines}
    body = [
        words("orders.one", order_id=seen.order_id),
        words("orders.paid", at=seen.paid_at, amount=Money(seen.amount, seen.currency)),
        words(f"order.state.{seen.state}"),
        *_lines(seen),
        *_parcels(chat, seen),
        *([words("orders.case_open")] if seen.case_open else []),
        BLANK,
        *([words("orders.mine")] if mine else [words("orders.no_commission")]),
        *(_commission(own, name[own.line], str(seen.commission_currency)) for own in mine),
    ]
    chat.state["commissions"] = f"order:{seen.id}"
    whys: list[Choice] = [button("orders.why", f"why:{own.id}", name=name[own.line]) for own in mine[:_MOST_LINES]]
    return reply(*body, rows=[*pairs(*whys), _page(chat, seen), way_back(chat.state.get("orders", "orders"))])


def _page(chat: Chat, seen: OrderView) -> list[Choice]:
    """In a demo whoever sells is the shop as well: the order's page is where it is shipped and paid back."""
    if not chat.shop.demo:
        return []
    code = links.order_link(chat.db, seen.order_id, now=chat.now)
    return [Choice(words("orders.page"), url=f"{chat.shop.public_url}/shop/orders/{code}")]


def _item(chat: Chat, row: OrderRow) -> Item:
    line = words(
        "orders.line",
        at=row.paid_at.astimezone(chat.shop.timezone).date(),
        name=in_both(row.product, row.product_en),
        more=row.more,
        state=words(f"order.short.{row.state}"),
        level=row.level,
        earned=Money(row.earned, chat.shop.currency),
    )
    return Item(line, in_both(row.product, row.product_en), f"order:{row.id}")


def _lines(seen: OrderView) -> list[Words]:
    said = [
        words(
            "orders.item",
            name=in_both(line.name, line.name_en),
            n=line.quantity,
            amount=Money(line.amount, seen.currency),
        )
        if not line.refunded_amount
        else words(
            "orders.item_refunded",
            name=in_both(line.name, line.name_en),
            n=line.quantity,
            amount=Money(line.amount, seen.currency),
            refunded=Money(line.refunded_amount, seen.currency),
        )
        for line in seen.lines[:_MOST_LINES]
    ]
    left_out = len(seen.lines) - _MOST_LINES
    return [*said, words("orders.more_items", n=left_out)] if left_out > 0 else said


def _parcels(chat: Chat, seen: OrderView) -> list[Words]:
    """Whoever brought the order can tell the customer where the parcel is."""
    if seen.credited != chat.person.member_id:
        return []
    return [
        words("orders.parcel", carrier=parcel.carrier, tracking_number=parcel.tracking_number)
        for parcel in seen.parcels[:_MOST_LINES]
    ]


def _commission(own: CommissionView, name: Words, currency: str) -> Words:
    state = (
        words("commission.state.frozen_until", at=own.due_at)
        if own.state == commissions.FROZEN and own.due_at is not None
        else words(f"commission.state.{own.state}")
    )
    amount = Money(own.amount - own.reversed, currency)
    return words("orders.commission", name=name, level=own.level, amount=amount, state=state)
