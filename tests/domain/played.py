"""Plays made-up histories of a shop through the domain, each step in a transaction of its own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from bot.database import Database
from domain import holds, links, members, plans, rates
from domain.errors import Refusal
from domain.member_puts import put_members
from domain.order_data import IncomingEvent
from domain.order_events import record_events
from domain.product_puts import put_products
from domain.settlement import settle
from tests.model.histories import History, plan_toml
from tests.model.rules import instant

CURRENCY = "CNY"


def play(database: Database, history: History) -> None:
    """Let everything happen that `history` tells; what is refused leaves no trace, as for whoever asked."""
    codes: dict[str, str] = {}
    for step in history:
        work = partial(_STEPS[step["step"]], step=step, now=instant(step["clock"]), codes=codes)
        try:
            if step["step"] == "settle":
                now = instant(step["clock"])
                settle(database.write_now, database.read_now, as_of=instant(step["as_of"]), now=now)
            else:
                database.write_now(work)
        except Refusal:
            continue


def _put(put: Callable[..., object], db: Session, *, step: Any, now: Any, codes: Any) -> None:
    more = {"settlement_currency": CURRENCY} if put is rates.put_rates else {}
    put(db, step["items"], actor="test", now=now, **more)


def _link(db: Session, *, step: Any, now: Any, codes: dict[str, str]) -> None:
    member = members.by_member_id(db, step["member_id"])
    assert member is not None
    made = links.make(db, member.id, "product", step["sku"], now=now)
    codes.setdefault(step["member_id"], made.code)


def _publish(db: Session, *, step: Any, now: Any, codes: Any) -> None:
    start = instant(step["from"])
    plans.publish(db, plan_toml(step["plan"]), effective_from=start, by="test", accept_guard=True, now=now)


def _event(db: Session, *, step: Any, now: Any, codes: dict[str, str]) -> None:
    body = step["body"]
    data = dict(body["data"])
    if isinstance(data.get("ref"), dict):
        data["ref"] = codes[data["ref"]["member"]]
    event = IncomingEvent(step["id"], body["type"], body["timestamp"], data)
    record_events(db, [event], now=now, settlement_currency=CURRENCY)


def _decide(decide: Callable[..., None], db: Session, *, step: Any, now: Any, codes: Any) -> None:
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
