"""A customer's own orders, step by step: paid, shipped, through customs, delivered, completed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from domain.errors import NotFound
from domain.mall import links
from domain.money import Money
from domain.people import members
from domain.sales import orders
from domain.sales.orders import OrderRow, OrderView
from domain.wording import Words, words
from handlers.forms import BLANK, PAGE, Item, in_both, numbered_list, older, to_goods, way_back
from handlers.routing import Chat, Reply, anyone, button, number, reply, route, step


@route("parcels", command=True)
def listed(chat: Chat, after: str = "", page: str = "1") -> Reply:
    buyer_id = members.profile(chat.db, chat.member).buyer_id
    rows = (
        orders.orders_of_buyer(chat.db, buyer_id, after=number(after) if after else None, limit=PAGE + 1)
        if buyer_id
        else []
    )
    if not rows:
        return reply(
            words("parcels.none"),
            rows=[[button("menu.track", "track"), to_goods(chat)], way_back()],
        )
    shown, at = rows[:PAGE], number(page)
    chat.state["parcels"] = f"parcels:{after}:{page}" if after else "parcels"
    lines, buttons = numbered_list(_item(chat, row) for row in shown)
    return reply(
        words("parcels.title"),
        *lines,
        rows=[
            *buttons,
            older("parcels", shown[-1].id, at, more=len(rows) > PAGE),
            [button("menu.track", "track"), *way_back()],
        ],
    )


@route("parcel")
def parcel(chat: Chat, which: str) -> Reply:
    """One of one's own orders; anybody else's is answered like a missing one."""
    seen = orders.order(chat.db, number(which))
    if seen.buyer_id is None or seen.buyer_id != members.profile(chat.db, chat.member).buyer_id:
        raise NotFound()
    return _show(seen, chat.state.get("parcels", "parcels"))


@route("track", who=anyone, command=True)
def track(chat: Chat) -> Reply:
    chat.ask("track", "code")
    return reply(words("track.ask"), rows=[way_back()])


@step("track", "code", who=anyone)
def code_written(chat: Chat) -> Reply:
    code = chat.text.split("/")[-1].split("=")[-1]
    target = links.resolve(chat.db, code)
    if (target is None or target.kind != "order") and (chat.commanded or _own(chat)):
        return chat.elsewhere()
    if target is None or target.kind != "order":
        return reply(words("track.unknown", code=code[:32]), rows=[way_back()])
    chat.finish()
    return follow(chat, code)


def _own(chat: Chat) -> bool:
    """Whether they wrote the number of an order of their own."""
    return chat.person.member is not None and orders.own(chat.db, chat.member, chat.text) is not None


@route("follow", who=anyone)
def follow(chat: Chat, code: str) -> Reply:
    """Follow the order that this code stands for: whoever has the code may see it, and is told of each step."""
    target = links.resolve(chat.db, code)
    if target is None or target.kind != "order":
        raise NotFound()
    seen = orders.order(chat.db, target.target)
    if chat.person.member is None:
        _join(chat)
    said = [words("track.followed"), BLANK] if _is_mine(chat, seen) else []
    return _show(seen, "parcels", *said)


def _join(chat: Chat) -> None:
    """Somebody who only buys is a member too, lest the steps of the order reach nobody. It costs and binds nothing."""
    person = chat.person
    member = members.join(
        chat.db, person.contact_id, invite=None, role="customer", name=person.contact_name, now=chat.now
    )
    profile = members.profile(chat.db, member)
    chat.person = replace(
        person, member=member, member_id=profile.member_id, name=profile.name, role=profile.role, status=profile.status
    )


def _is_mine(chat: Chat, seen: OrderView) -> bool:
    """Say whether the steps of this order are told to this member: it is bought by them, or that is clear now."""
    if seen.buyer_id is None:
        return False
    own = members.profile(chat.db, chat.member).buyer_id
    if own is None and members.by_buyer(chat.db, seen.buyer_id) is None:
        members.link_buyer(chat.db, chat.member, seen.buyer_id)
        return True
    return own == seen.buyer_id


def _item(chat: Chat, row: OrderRow) -> Item:
    name = in_both(row.product, row.product_en)
    line = words(
        "parcels.line",
        at=row.paid_at.astimezone(chat.shop.timezone).date(),
        name=name,
        more=row.more,
        state=words(f"order.short.{row.state}"),
    )
    return Item(line, name, f"parcel:{row.id}")


def _show(seen: OrderView, back: str, *said: Words) -> Reply:
    body = [*said, words("parcels.one", order_id=seen.order_id)]
    body += [
        words("parcels.item", name=in_both(line.name, line.name_en), n=line.quantity) for line in seen.lines[:PAGE]
    ]
    body += [words("parcels.total", amount=Money(seen.amount + seen.shipping, seen.currency)), BLANK]
    body += [_step(name, at) for name, at in _steps(seen)]
    body += [
        words("parcels.tracking", carrier=one.carrier, tracking_number=one.tracking_number)
        for one in seen.parcels[:PAGE]
    ]
    if seen.case_open:
        body.append(words("parcels.case_open"))
    refunded = sum(line.refunded_amount for line in seen.lines)
    if refunded:
        body.append(words("parcels.refunded", amount=Money(refunded, seen.currency)))
    return reply(
        *body, rows=[[button("menu.contact", "contact"), button("parcels.help", "faq:return")], way_back(back)]
    )


def _steps(seen: OrderView) -> list[tuple[str, datetime | None]]:
    """The way of a parcel; an order that was cancelled or wholly refunded goes no further."""
    steps: list[tuple[str, datetime | None]] = [
        ("paid", seen.paid_at),
        ("shipped", seen.shipped_at),
        ("customs_cleared", seen.customs_cleared_at),
        ("delivered", seen.delivered_at),
        ("completed", seen.completed_at),
    ]
    reached = [step for step in steps if step[1] is not None]
    if seen.cancelled_at is not None:
        return [*reached, ("cancelled", seen.cancelled_at)]
    return reached if seen.state == "refunded" else steps


def _step(name: str, at: datetime | None) -> Words:
    step = words(f"parcels.step.{name}")
    return words("parcels.reached", step=step, at=at) if at is not None else words("parcels.ahead", step=step)
