"""The shop that stories about money happen in, and short words for what happens there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from domain.money import ledger, plans, settlement
from domain.money.ledger import Balances
from domain.periods import format_instant
from domain.sales import holds, order_events, orders
from domain.sales.order_data import IncomingEvent
from domain.sales.order_events import EventResult
from domain.sales.orders import CommissionView, OrderView
from domain.schema import Link, Outbox
from tests.domain.makings import goods, people

CNY = "CNY"
PLAN = """
name = "autumn"
base = "price"
levels_bp = [1000, 500, 200]
"""


class Shop:
    """wang brought li, li brought chen; chen's code is CHEN2345. A serum costs 100.00, of which the shop paid 20.00.

    By the plan the seller gets 10 %, the sponsor 5 %, and whoever brought the sponsor 2 % of the price.
    """

    def __init__(self, db: Session, now: datetime, plan: str = PLAN) -> None:
        self.db, self.now, self.events = db, now, 0
        self.member = people(
            db,
            now,
            {"member_id": "wang", "name": "老王"},
            {"member_id": "li", "name": "小李", "sponsor_id": "wang"},
            {"member_id": "chen", "name": "小陈", "sponsor_id": "li"},
        )
        goods(db, now, {"sku": "SERUM", "name": "精华", "cost": 2_000, "currency": CNY})
        self.code("chen", "CHEN2345")
        if plan:
            self.publish(plan)

    def publish(self, plan: str, *, days: int = -30) -> int:
        start = self.now + timedelta(days=days)
        published = plans.publish(
            self.db, plan, effective_from=start, by="cli", accept_guard=True, now=min(start, self.now)
        )
        return published.plan_id

    def code(self, member: str, code: str) -> None:
        values = {"code": code, "member_id": self.member[member], "kind": "shop", "target": "", "created_at": self.now}
        self.db.execute(insert(Link).values(values))

    def at(self, days: float = 0) -> str:
        return format_instant(self.now + timedelta(days=days))

    # What the shop reports

    def tell(self, *events: IncomingEvent) -> list[EventResult]:
        return order_events.record_events(self.db, events, now=self.now, settlement_currency=CNY)

    def event(self, kind: str, order_id: str, webhook_id: str | None = None, **data: Any) -> IncomingEvent:
        self.events += 1
        name = webhook_id or f"msg-{self.events}"
        return IncomingEvent(name, f"order.{kind}", self.at(), {"order_id": order_id, **data})

    def paid(self, order_id: str = "A-1", *, amount: int = 10_000, quantity: int = 1, **data: Any) -> IncomingEvent:
        items = [{"sku": "SERUM", "quantity": quantity, "amount": amount}]
        whole = {"buyer_id": "u-1", "ref": "CHEN2345", "currency": CNY, "paid_at": self.at(), "items": items} | data
        return self.event("paid", order_id, **whole)

    def refunded(
        self, order_id: str, refund_id: str, amount: int, quantity: int = 0, *, days: float = 1, sku: str = "SERUM"
    ) -> IncomingEvent:
        items = [{"sku": sku, "quantity": quantity, "amount": amount}]
        return self.event("refunded", order_id, refund_id=refund_id, at=self.at(days), items=items)

    def completed(self, order_id: str = "A-1", *, days: float = 2) -> IncomingEvent:
        return self.event("completed", order_id, completed_at=self.at(days))

    def cancelled(self, order_id: str = "A-1", *, days: float = 1) -> IncomingEvent:
        return self.event("cancelled", order_id, at=self.at(days))

    def happens(self, *events: IncomingEvent) -> None:
        """Events that nobody objects to."""
        assert {result.status for result in self.tell(*events)} == {"applied"}

    def settle(self, days: float) -> int:
        """Settle as of so many days from now; returns how many commissions became payable."""
        as_of = self.now + timedelta(days=days)
        settled = settlement.settle(
            lambda work: work(self.db), lambda work: work(self.db), as_of=as_of, now=max(as_of, self.now)
        )
        assert settled.set_aside == []
        return settled.made_payable

    def hold(self, order_id: str = "A-1", reason: str = "a ring?") -> None:
        holds.hold(self.db, order_id, reason, actor="cli", now=self.now)

    def release(self, order_id: str = "A-1", reason: str = "all is well") -> None:
        holds.release(self.db, order_id, reason, actor="cli", now=self.now)

    def deny(self, order_id: str = "A-1", reason: str = "it is a ring") -> None:
        holds.deny(self.db, order_id, reason, actor="cli", now=self.now)

    # What people see

    def order(self, order_id: str = "A-1") -> OrderView:
        return orders.order(self.db, order_id)

    def commission(self, member: str, order_id: str = "A-1") -> CommissionView:
        [found] = [each for each in self.order(order_id).commissions if each.member_id == member]
        return found

    def balances(self, member: str) -> Balances:
        return ledger.balances(self.db, self.member[member], currency=CNY)[CNY]

    def pending(self) -> dict[str, int]:
        """Everybody's pending, who has any."""
        everybody = {member: self.balances(member).pending for member in self.member}
        return {member: amount for member, amount in everybody.items() if amount}

    def told(self) -> dict[str, list[str]]:
        """Which notices were put down for whom, in order."""
        names = {id_: member for member, id_ in self.member.items()}
        found: dict[str, list[str]] = {}
        for member, text_key in self.db.execute(select(Outbox.member_id, Outbox.text_key).order_by(Outbox.id)):
            found.setdefault(names[member], []).append(text_key.removeprefix("notice."))
        return found
