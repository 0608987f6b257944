"""What must hold between orders, commissions and the ledger: nobody gets more, earlier or twice."""

# ruff: noqa: S608 - whatever is put into these statements is a constant of the domain
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.audit.rules import Rule, everywhere
from domain.money import BP
from domain.money.commission import Captured, after_refund, base_and_margin
from domain.money.commissions import LEFT
from domain.schema import Commission, Order, OrderLine

_OPEN_CASE = (
    "EXISTS (SELECT 1 FROM order_case oc WHERE oc.order_id = o.id AND oc.opened_at IS NOT NULL "
    "AND (oc.closed_at IS NULL OR oc.closed_at < oc.opened_at))"
)
_MAY_BE_TAKEN = (
    "c.settled_as_of IS NULL AND c.reversed < c.amount AND o.due_at IS NOT NULL AND o.decision <> 'held' "
    f"AND NOT {_OPEN_CASE}"
)
_COMMISSIONS = (
    "SELECT o.order_id, c.line, c.level, m.member_id AS member FROM commission c "
    "JOIN orders o ON o.id = c.order_id JOIN member m ON m.id = c.member_id"
)

_EXCEEDED = (
    "SELECT o.order_id, l.line, CAST(s.sum AS BIGINT) AS sum FROM "
    "(SELECT order_id, line, sum(amount) AS sum FROM commission GROUP BY order_id, line) s "
    "JOIN order_line l ON l.order_id = s.order_id AND l.line = s.line JOIN orders o ON o.id = s.order_id "
    "WHERE l.captured IS NULL OR ({rate} = '1' AND {cost_rate} = '1' AND {unit_cost} IS NOT NULL "
    "AND s.sum * 10000 > {share} * CASE WHEN {amount} > {unit_cost} * {quantity} "
    "THEN {amount} - {unit_cost} * {quantity} ELSE 0 END)"
)
_CAPTURED: Final = {
    "rate": "rate",
    "cost_rate": "cost_rate",
    "unit_cost": "unit_cost",
    "quantity": "quantity",
    "amount": "amount",
    "share": "max_margin_share_bp",
}
_TEXTS = ("rate", "cost_rate")


def _exceeded() -> dict[str, str]:
    on_sqlite = {name: f"json_extract(l.captured, '$.{key}')" for name, key in _CAPTURED.items()}
    on_postgresql = {
        name: f"(l.captured::jsonb ->> '{key}')" + ("" if name in _TEXTS else "::numeric")
        for name, key in _CAPTURED.items()
    }
    return {"sqlite": _EXCEEDED.format(**on_sqlite), "postgresql": _EXCEEDED.format(**on_postgresql)}


def _exceeded_when_converted(db: Session) -> Iterator[Mapping[str, Any]]:
    """The same where a currency was converted: computed exactly, which SQL cannot."""
    converted = OrderLine.captured.is_not(None) & text(
        """NOT (captured LIKE '%"cost_rate":"1",%' AND captured LIKE '%,"rate":"1",%')"""
    )
    sums = (
        select(Order.order_id, OrderLine.line, OrderLine.captured, func.sum(Commission.amount).label("sum"))
        .join(OrderLine, (OrderLine.order_id == Commission.order_id) & (OrderLine.line == Commission.line))
        .join(Order, Order.id == Commission.order_id)
        .where(converted)
        .group_by(Order.id, Order.order_id, OrderLine.line, OrderLine.captured)
    )
    for row in db.execute(sums, execution_options={"yield_per": 1_000}):
        kept = Captured.from_json(row.captured)
        _, margin = base_and_margin(kept.base, kept.amount, kept.quantity, kept.rate, kept.unit_cost, kept.cost_rate)
        if margin is not None and row.sum > margin * kept.max_margin_share_bp // BP:
            yield {"order_id": row.order_id, "line": row.line, "sum": int(row.sum)}


def _other_than_refunds_leave(db: Session) -> Iterator[Mapping[str, Any]]:
    """Commissions of refunded lines that are not what the totals of the refunds leave of them."""
    refunded = (OrderLine.refunded_amount > 0) | (OrderLine.refunded_quantity > 0)
    rows = db.execute(
        select(
            Order.order_id,
            OrderLine.line,
            Commission.level,
            LEFT.label("left"),
            OrderLine.captured,
            OrderLine.refunded_amount,
            (OrderLine.quantity - OrderLine.refunded_quantity).label("pieces"),
        )
        .join(OrderLine, (OrderLine.order_id == Commission.order_id) & (OrderLine.line == Commission.line))
        .join(Order, Order.id == Commission.order_id)
        .where(refunded, OrderLine.captured.is_not(None), Order.decision != "denied"),
        execution_options={"yield_per": 1_000},
    )
    for row in rows:
        due = after_refund(Captured.from_json(row.captured), row.refunded_amount, row.pieces)[row.level - 1]
        if row.left != due:
            yield {"order_id": row.order_id, "line": row.line, "level": row.level, "left": row.left, "due": due}


_BOOKED = (
    "SELECT t.order_id, m.member_id AS member, CAST(sum(t.amount) AS BIGINT) AS difference FROM ("
    "SELECT o.order_id, c.member_id, c.amount - c.reversed AS amount FROM commission c "
    "JOIN orders o ON o.id = c.order_id "
    "UNION ALL SELECT e.cause, a.member_id, p.amount FROM posting p JOIN entry e ON e.id = p.entry_id "
    "JOIN account a ON a.id = p.account_id WHERE e.kind IN ('earned', 'adjusted') AND a.member_id <> 0"
    ") t LEFT JOIN member m ON m.id = t.member_id "
    "GROUP BY t.order_id, t.member_id, m.member_id HAVING sum(t.amount) <> 0"
)
_SIDES = (
    "SELECT m.member_id AS member, t.side AS account, CAST(sum(t.amount) AS BIGINT) AS difference FROM ("
    "SELECT c.member_id, CASE WHEN c.settled_as_of IS NULL THEN 'pending' ELSE 'payable' END AS side, "
    "c.amount - c.reversed AS amount FROM commission c "
    "UNION ALL SELECT a.member_id, a.kind, p.amount FROM posting p JOIN entry e ON e.id = p.entry_id "
    "JOIN account a ON a.id = p.account_id "
    "WHERE e.kind IN ('earned', 'adjusted', 'due') AND a.kind IN ('pending', 'payable')"
    ") t LEFT JOIN member m ON m.id = t.member_id "
    "GROUP BY t.member_id, m.member_id, t.side HAVING sum(t.amount) <> 0"
)

RULES: Final[tuple[Rule, ...]] = (
    everywhere(
        "6",
        "at most one commission per order, line and level, and none without its line",
        f"{_COMMISSIONS} LEFT JOIN order_line l ON l.order_id = c.order_id AND l.line = c.line "
        "WHERE l.order_id IS NULL OR EXISTS (SELECT 1 FROM commission d WHERE d.order_id = c.order_id "
        "AND d.line = c.line AND d.level = c.level AND d.id <> c.id)",
    ),
    everywhere(
        "6",
        "no commission is more than its rate of its base",
        f"{_COMMISSIONS} WHERE CAST(c.amount AS NUMERIC) * 10000 > CAST(c.base AS NUMERIC) * c.rate_bp",
    ),
    Rule("6", "all levels of a line never exceed its margin guard", _exceeded()),
    Rule("6", "all levels of a converted line never exceed its margin guard", _exceeded_when_converted),
    everywhere(
        "7",
        "a full refund, a cancellation and a denial leave nothing",
        f"{_COMMISSIONS} JOIN order_line l ON l.order_id = c.order_id AND l.line = c.line "
        "WHERE c.reversed < c.amount AND "
        "(l.refunded_amount >= l.amount OR o.cancelled_at IS NOT NULL OR o.decision = 'denied')",
    ),
    everywhere(
        "7",
        "nothing is taken back without a refund or a denial",
        f"{_COMMISSIONS} JOIN order_line l ON l.order_id = c.order_id AND l.line = c.line "
        "WHERE c.reversed > 0 AND l.refunded_amount = 0 AND l.refunded_quantity = 0 AND o.decision <> 'denied'",
    ),
    Rule("7", "after refunds each level has exactly what their totals leave", _other_than_refunds_leave),
    everywhere("7", "each order's entries come to what its commissions come to, member by member", _BOOKED),
    everywhere(
        "8",
        "nothing became payable before its time",
        f"{_COMMISSIONS} WHERE c.settled_as_of IS NOT NULL AND (o.due_at IS NULL OR o.due_at > c.settled_as_of)",
    ),
    everywhere(
        "8",
        "settlement may take nothing that is settled, held, taken back, under an open case or not yet due",
        f"{_COMMISSIONS} WHERE c.settle_at IS NOT NULL AND (NOT ({_MAY_BE_TAKEN}) OR c.settle_at <> o.due_at)",
    ),
    everywhere(
        "8",
        "settlement forgets nothing that it may take",
        f"{_COMMISSIONS} WHERE c.settle_at IS NULL AND {_MAY_BE_TAKEN}",
    ),
    everywhere(
        "8",
        "what is pending and what became payable is, member by member, what the commissions say, once",
        _SIDES,
    ),
)
