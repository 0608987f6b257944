"""What a member earns: the sums by state, the commissions one by one, and what a product would bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from sqlalchemy import BigInteger, func, literal, select, union_all
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from domain.errors import NotFound
from domain.money import MoneyInvalid, commissions, ledger, plans
from domain.money.commission import Earner, OrderLine, split
from domain.money.commissions import ESTIMATED, FROZEN, HELD
from domain.money.plan import Levels, Plan
from domain.periods import business_day, local_date
from domain.sales import earners, order_rates, orders
from domain.sales.orders import CommissionView, LineView
from domain.schema import Account, Commission, Order
from domain.schema import OrderLine as LineTable


@dataclass(frozen=True, slots=True)
class Earnings:
    """A member's money in the settlement currency, minor units. `today`: earned on today's orders, less refunds.

    `next_due_at` is when the next amount becomes due, None if nothing is on its way; it may have passed already.
    """

    currency: str
    today: int = 0
    estimated: int = 0
    frozen: int = 0
    held: int = 0
    payable: int = 0
    withdrawing: int = 0
    withdrawn: int = 0
    owed: int = 0
    next_due_at: datetime | None = None
    next_due_amount: int = 0

    @property
    def pending(self) -> int:
        return self.estimated + self.frozen + self.held


@dataclass(frozen=True, slots=True)
class CommissionRow:
    """A commission in a list. Amounts in the settlement currency; `left` is what is due of it now."""

    id: int
    order_id: str
    sku: str
    product: str
    product_en: str
    level: int
    amount: int
    left: int
    state: str
    earned_at: datetime
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class CommissionDetail:
    """One commission with its order and line, and why it is what it is. The line's money is in `order_currency`."""

    order_id: str
    paid_at: datetime
    order_currency: str
    currency: str
    commission: CommissionView
    line: LineView


@dataclass(frozen=True, slots=True)
class WouldEarn:
    """What one piece at its price would bring a member as seller, as the seller's sponsor, and one above.

    After the margin guard, in the settlement currency; `rates_bp` are the rates before it.
    """

    amounts: Levels
    rates_bp: Levels


class Priced(Protocol):
    """A product as lists have it: price and cost per piece in its own currency."""

    @property
    def sku(self) -> str: ...
    @property
    def brand(self) -> str | None: ...
    @property
    def category(self) -> str | None: ...
    @property
    def price(self) -> int: ...
    @property
    def cost(self) -> int | None: ...
    @property
    def currency(self) -> str: ...


def earnings(db: Session, member: int, *, now: datetime, zone: tzinfo, currency: str = "CNY") -> Earnings:
    """Return what `member` has and is about to get in the settlement `currency`, in two statements."""
    today = business_day(local_date(now, zone), zone)
    left = sql_cast(func.coalesce(func.sum(commissions.LEFT), 0), BigInteger)
    mine = Commission.member_id == member
    open_ones = mine & Commission.settled_as_of.is_(None)
    accounts = select(Account.kind, Account.balance).where(Account.member_id == member, Account.currency == currency)
    by_state = (
        select(commissions.STATE, left)
        .join(Order, Order.id == Commission.order_id)
        .where(open_ones)
        .group_by(commissions.STATE)
    )
    of_today = select(literal("today"), left).where(
        mine, Commission.earned_at >= today.start, Commission.earned_at < today.end
    )
    sums = {row[0]: row[1] for row in db.execute(union_all(accounts, by_state, of_today))}
    due_at, due = _next_due(db, member)
    shown = ledger.shown(sums)
    return Earnings(
        currency=currency,
        today=sums.get("today", 0),
        estimated=sums.get(ESTIMATED, 0),
        frozen=sums.get(FROZEN, 0),
        held=sums.get(HELD, 0),
        payable=shown.payable,
        withdrawing=shown.withdrawing,
        withdrawn=shown.withdrawn,
        owed=shown.owed,
        next_due_at=due_at,
        next_due_amount=due,
    )


def _next_due(db: Session, member: int) -> tuple[datetime | None, int]:
    row = db.execute(
        select(Commission.settle_at, sql_cast(func.sum(commissions.LEFT), BigInteger))
        .where(Commission.member_id == member, Commission.settle_at.is_not(None))
        .group_by(Commission.settle_at)
        .order_by(Commission.settle_at)
        .limit(1)
    ).one_or_none()
    return (row[0], row[1]) if row else (None, 0)


def commissions_of(
    db: Session, member: int, *, state: str | None = None, after: int | None = None, limit: int = orders.PAGE
) -> list[CommissionRow]:
    """Return the commissions of `member`, the newest sale first, of one `state` if given; those after `after`."""
    wanted = (
        select(
            Commission.id,
            Order.order_id,
            LineTable.sku,
            *orders.product_names(LineTable.sku),
            Commission.level,
            Commission.amount,
            commissions.LEFT,
            commissions.STATE,
            Commission.earned_at,
            Order.due_at,
        )
        .join(Order, Order.id == Commission.order_id)
        .join(LineTable, (LineTable.order_id == Commission.order_id) & (LineTable.line == Commission.line))
        .where(Commission.member_id == member)
        .order_by(Commission.earned_at.desc(), Commission.id.desc())
        .limit(limit)
    )
    if state is not None:
        wanted = wanted.where(commissions.STATE.in_([state]))
    if after is not None:
        earned_at = select(Commission.earned_at).where(Commission.id == after).scalar_subquery()
        earlier = (Commission.earned_at == earned_at) & (Commission.id < after)
        wanted = wanted.where(Commission.earned_at <= earned_at, (Commission.earned_at < earned_at) | earlier)
    return [CommissionRow(*row) for row in db.execute(wanted)]


def commission(db: Session, member: int, commission_id: int) -> CommissionDetail:
    """Return one of `member`'s own commissions with its explanation; anybody else's is NotFound like a missing one."""
    order_id = db.scalar(
        select(Order.order_id)
        .join(Commission, Commission.order_id == Order.id)
        .where(Commission.id == commission_id, Commission.member_id == member)
    )
    if order_id is None:
        raise NotFound(what="commission", id=commission_id)
    seen = orders.order(db, order_id, reader=member)
    its = next(each for each in seen.commissions if each.id == commission_id)
    line = next(each for each in seen.lines if each.line == its.line)
    return CommissionDetail(order_id, seen.paid_at, seen.currency, seen.commission_currency or "", its, line)


def would_earn(
    db: Session, member: int, products: Sequence[Priced], *, now: datetime, currency: str = "CNY"
) -> dict[str, WouldEarn]:
    """Return by SKU what each product would bring `member` now: selling it, or one or two levels above who sells.

    Above stands who really stands there; those below are taken to have no bonus. Left out are products in a currency
    without a rate; all of them without a plan, or if `member` cannot earn.
    """
    me = earners.people(db, [member]).get(member)
    found = plans.in_force(db, now)
    if me is None or not me.live or found is None:
        return {}
    rates = order_rates.read(db, {product.currency for product in products}, currency, now, now)
    chain = [person.earner for person in earners.chains(db, [(me, found[1])], {})[me.id]]
    would: dict[str, WouldEarn] = {}
    for product in products:
        rate = rates.at(product.currency, now)
        if rate is None:
            continue
        line = OrderLine(1, product.sku, product.brand, product.category, 1, product.price, rate, product.cost, rate)
        try:
            would[product.sku] = _at_each_level(line, chain, found[1])
        except MoneyInvalid:
            continue
    return would


def _at_each_level(line: OrderLine, chain: Sequence[Earner], plan: Plan) -> WouldEarn:
    """`chain` begins with the asking member and goes up."""
    somebody = Earner(0, live=True)
    amounts, rates = [], []
    for place in range(3):
        [shares] = split([line], [*[somebody] * place, *chain], plan)
        amounts.append(shares.captured.due[place])
        rates.append(shares.captured.rates_bp[place])
    return WouldEarn((amounts[0], amounts[1], amounts[2]), (rates[0], rates[1], rates[2]))
