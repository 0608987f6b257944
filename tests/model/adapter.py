"""The real shop behind the model's steps: each step of a history as a call of the business, on a real database.

The whole history happens in one transaction that is never committed; each step is a savepoint, rolled back if refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from domain.errors import NotFound, Refusal
from domain.mall import links, product_puts
from domain.money import bookkeeping, ledger, plans, rates, settlement
from domain.people import member_puts
from domain.sales import holds, order_events, orders
from domain.sales.order_data import IncomingEvent
from domain.schema import Account, Member, Posting
from tests.model.histories import plan_toml
from tests.model.oracle import Answer, Step
from tests.model.rules import SETTLEMENT_CURRENCY, Values, instant

T = TypeVar("T")

HTTP_STATUS = {"applied": 200, "duplicate": 200, "waiting": 202, "conflict": 409, "refused": 422}
SMALLEST_PAY_OUT = 1000


class Shop:
    """Takes the steps of one history and shows what the model's `World` shows."""

    def __init__(self, db: Session) -> None:
        self.db = db
        self.codes: dict[str, str] = {}
        self.payouts = 0

    def apply(self, step: Step) -> Answer:
        now = instant(step["clock"])
        action: Callable[[Step, datetime], Answer] = getattr(self, "_" + step["step"])
        savepoint = self.db.begin_nested()
        try:
            answer = action(step, now)
        except NotFound:
            savepoint.rollback()
            return Answer(404)
        except Refusal as refusal:
            savepoint.rollback()
            code = 1 if step["step"] in ("settle", "publish_plan") else 422
            return Answer(code, reason=str(refusal))
        savepoint.commit()
        return answer

    # What it shows

    def commissions(self, order_id: str) -> list[Values]:
        view = orders.order(self.db, order_id)
        names = ("member_id", "level", "sku", "base", "rate_bp", "amount", "reversed", "state", "due_at")
        rows = [{name: getattr(each, name) for name in names} for each in view.commissions]
        return sorted(rows, key=lambda row: (row["sku"], row["level"]))

    def balances(self) -> dict[str, dict[str, int]]:
        """What every member has in the settlement currency."""
        members = {row.id: row.member_id for row in self.db.execute(select(Member.id, Member.member_id))}
        has = ledger.balances_of(self.db, list(members))
        return {member_id: self._shown(has.get(id_, {})) for id_, member_id in members.items()}

    @staticmethod
    def _shown(by_currency: dict[str, ledger.Balances]) -> dict[str, int]:
        has = by_currency.get(SETTLEMENT_CURRENCY, ledger.Balances())
        return {"pending": has.pending, "payable": has.payable, "owed": has.owed, "withdrawn": has.withdrawn}

    def listed(self) -> int:
        """How many events were answered 202 and proved invalid when their payment came."""
        return sum(event.waited for event in order_events.refused_events(self.db, limit=1000))

    def books_are_sound(self) -> bool:
        """Whether the ledger sums to zero and every member's account shows the sum of its postings."""
        total = cast(func.coalesce(func.sum(Posting.amount), 0), BigInteger)
        sums = select(Account.member_id, Account.balance, total).outerjoin(Posting).group_by(Account.id)
        rows = self.db.execute(sums).all()
        return sum(row[2] for row in rows) == 0 and all(row[1] == row[2] for row in rows if row[0])

    # What happens

    def _event(self, step: Step, now: datetime) -> Answer:
        body = step["body"]
        data = dict(body["data"])
        if isinstance(data.get("ref"), dict):
            data["ref"] = self.codes[data["ref"]["member"]]
        event = IncomingEvent(step["id"], body["type"], body["timestamp"], data)
        [result] = order_events.record_events(self.db, [event], now=now, settlement_currency=SETTLEMENT_CURRENCY)
        status = result.status if HTTP_STATUS[result.status] < 300 else None
        return Answer(HTTP_STATUS[result.status], status, reason=str(result.errors))

    def _put_members(self, step: Step, now: datetime) -> Answer:
        results = member_puts.put_members(self.db, step["items"], actor="api:model", now=now)
        return Answer(200, results=tuple(result.status for result in results))

    def _put_products(self, step: Step, now: datetime) -> Answer:
        results = product_puts.put_products(self.db, step["items"], actor="api:model", now=now)
        return Answer(200, results=tuple(result.status for result in results))

    def _put_rates(self, step: Step, now: datetime) -> Answer:
        results = rates.put_rates(
            self.db, step["items"], settlement_currency=SETTLEMENT_CURRENCY, actor="api:model", now=now
        )
        return Answer(200, results=tuple(result.status for result in results))

    def _make_link(self, step: Step, now: datetime) -> Answer:
        code = links.make(self.db, self._member(step["member_id"]), "product", step["sku"], now=now).code
        self.codes.setdefault(step["member_id"], code)
        return Answer(200)

    def _publish_plan(self, step: Step, now: datetime) -> Answer:
        text = plan_toml(step["plan"])
        plans.publish(self.db, text, effective_from=instant(step["from"]), by="cli", accept_guard=True, now=now)
        return Answer(0)

    def _settle(self, step: Step, now: datetime) -> Answer:
        def at_once(work: Callable[[Session], T], /) -> T:
            return work(self.db)

        settled = settlement.settle(at_once, at_once, as_of=instant(step["as_of"]), now=now)
        assert settled.set_aside == []
        return Answer(0, made_payable=settled.made_payable, amount=sum(settled.amounts.values()))

    def _hold(self, step: Step, now: datetime) -> Answer:
        holds.hold(self.db, step["order_id"], step["reason"], actor="api:model", now=now)
        return Answer(200)

    def _release(self, step: Step, now: datetime) -> Answer:
        holds.release(self.db, step["order_id"], step["reason"], actor="api:model", now=now)
        return Answer(200)

    def _deny(self, step: Step, now: datetime) -> Answer:
        holds.deny(self.db, step["order_id"], step["reason"], actor="api:model", now=now)
        return Answer(200)

    def _pay_out(self, step: Step, now: datetime) -> Answer:
        """What a withdrawal that is asked for, approved and paid leaves in the books."""
        member, amount = self._member(step["member_id"]), step["amount"]
        if not SMALLEST_PAY_OUT <= amount <= self.balances()[step["member_id"]]["payable"]:
            return Answer(422)
        self.payouts += 1
        name = f"w-{self.payouts}"
        entries = [
            bookkeeping.withdrawal_requested(name, member, amount, step["currency"]),
            bookkeeping.withdrawal_paid(name, member, amount, step["currency"], fee=0, tax=0),
        ]
        ledger.post(self.db, entries, now=now)
        return Answer(200)

    def _member(self, member_id: str) -> int:
        found: Any = self.db.scalar(select(Member.id).where(Member.member_id == member_id))
        return int(found)
