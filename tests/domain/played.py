"""Plays histories of a shop through the domain, each step in a transaction of its own, and the words to write them."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.database import Database
from domain.errors import Refusal
from domain.mall import links
from domain.mall.product_puts import put_products
from domain.money import plans, rates
from domain.money.settlement import settle
from domain.people import members
from domain.people.member_puts import put_members
from domain.periods import DAY, format_instant
from domain.sales import holds
from domain.sales.order_data import IncomingEvent
from domain.sales.order_events import record_events
from domain.schema import Link, Member
from tests.model.histories import History, plan_toml
from tests.model.makings import BEGINNING
from tests.model.rules import instant

CURRENCY = "CNY"


def play(database: Database, history: History) -> None:
    """Let everything happen that `history` tells; what is refused leaves no trace, as for whoever asked."""
    for step in history:
        work = partial(_STEPS[step["step"]], step=step, now=instant(step["clock"]))
        try:
            if step["step"] == "settle":
                now = instant(step["clock"])
                settle(database.write_now, database.read_now, as_of=instant(step["as_of"]), now=now)
            else:
                database.write_now(work)
        except Refusal:
            continue


def _put(put: Callable[..., object], db: Session, *, step: Any, now: Any) -> None:
    more = {"settlement_currency": CURRENCY} if put is rates.put_rates else {}
    put(db, step["items"], actor="test", now=now, **more)


def _link(db: Session, *, step: Any, now: Any) -> None:
    member = members.by_member_id(db, step["member_id"])
    assert member is not None
    links.make(db, member.id, "product", step["sku"], now=now)


def _publish(db: Session, *, step: Any, now: Any) -> None:
    start = instant(step["from"])
    plans.publish(db, plan_toml(step["plan"]), effective_from=start, by="test", accept_guard=True, now=now)


def _event(db: Session, *, step: Any, now: Any) -> None:
    body = step["body"]
    data = dict(body["data"])
    if isinstance(data.get("ref"), dict):
        theirs = select(Link.code).join(Member, Member.id == Link.member_id)
        first = theirs.where(Member.member_id == data["ref"]["member"]).order_by(Link.id).limit(1)
        data["ref"] = db.scalars(first).one()
    event = IncomingEvent(step["id"], body["type"], body["timestamp"], data)
    record_events(db, [event], now=now, settlement_currency=CURRENCY)


def _decide(decide: Callable[..., None], db: Session, *, step: Any, now: Any) -> None:
    decide(db, step["order_id"], step["reason"], actor="test", now=now)


_STEPS: dict[str, Callable[..., None]] = {
    "put_members": partial(_put, put_members),
    "put_products": partial(_put, put_products),
    "put_rates": partial(_put, rates.put_rates),
    "make_link": _link,
    "publish_plan": _publish,
    "event": _event,
    "settle": lambda *_, **__: None,
    "hold": partial(_decide, holds.hold),
    "release": partial(_decide, holds.release),
    "deny": partial(_decide, holds.deny),
}


PLAN = {
    "name": "simple",
    "base": "price",
    "levels_bp": [1000, 500, 200],
    "max_margin_share_bp": 10_000,
    "freeze_days": 7,
    "binding": {"policy": "last", "days": 30},
}


def on(day: float) -> datetime:
    """So many days after the beginning of every history."""
    return BEGINNING + day * DAY


def step(day: float, kind: str, **more: Any) -> dict[str, Any]:
    return {"step": kind, "clock": format_instant(on(day)), **more}


def event(day: float, kind: str, order_id: str, **data: Any) -> dict[str, Any]:
    body = {"type": f"order.{kind}", "timestamp": format_instant(on(day)), "data": {"order_id": order_id, **data}}
    return step(day, "event", id=f"{order_id}-{kind}-{day}", body=body)


def paid(day: float, order_id: str, amount: int = 10_000, member_id: str = "m-3") -> dict[str, Any]:
    items = [{"sku": "SERUM", "quantity": 1, "amount": amount}]
    when = format_instant(on(day))
    return event(day, "paid", order_id, ref={"member": member_id}, currency="CNY", paid_at=when, items=items)


def completed(day: float, order_id: str) -> dict[str, Any]:
    return event(day, "completed", order_id, completed_at=format_instant(on(day)))


def opening(members: int = 3) -> History:
    """A shop with one product and a line of members, each below the one before."""
    people: list[dict[str, Any]] = [{"member_id": "m-1", "role": "merchant"}]
    people += [
        {"member_id": f"m-{n}", "role": "distributor", "sponsor_id": f"m-{n - 1}"} for n in range(2, members + 1)
    ]
    return [
        step(0, "put_products", items=[{"sku": "SERUM", "name": "Serum", "price": 10_000, "currency": "CNY"}]),
        step(0, "put_members", items=people),
        *(step(0, "make_link", member_id=f"m-{n}", sku="SERUM") for n in range(3, members + 1)),
        step(0, "publish_plan", **{"from": format_instant(on(0))}, plan=PLAN),
    ]
