"""Any number of commissions that are due at one instant, made in a few statements."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text

from bot.database import Database

THEN: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""When all of them are due, and everything before them happened."""

AMOUNT: Final = 10
"""Minor units of each commission."""

_SERIES: Final = {
    "sqlite": "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < :count) SELECT n FROM g)",
    "postgresql": "(SELECT n FROM generate_series(1, CAST(:count AS bigint)) AS n)",
}
_THEN: Final = {
    "sqlite": str(int(THEN.timestamp()) * 1_000_000),
    "postgresql": "CAST('2026-11-01 00:00:00Z' AS timestamptz)",
}
_FALSE: Final = {"sqlite": "0", "postgresql": "false"}

# Spread as if by chance, the same on both databases; the square leans towards the first members.
_EARNER: Final = "1 + (n * 7919 % 99991) * (n * 7919 % 99991) / 99991 * :members / 99991"


def fill(database: Database, commissions: int, members: int, *, lines: int = 1) -> None:
    """Make orders of so many `lines` with three levels each; a few members earn much, most of them little.

    The ledger knows what each member has pending by one entry per member.
    """
    kind = "sqlite" if database.sqlite else "postgresql"
    series, then, no = _SERIES[kind], _THEN[kind], _FALSE[kind]
    each = 3 * lines
    statements = (
        (f"INSERT INTO member (id, member_id, name, role, status, operator, mode, class, joined_at) "
         f"SELECT n, 'm-' || n, '', 'distributor', 'active', {no}, 'network', 'self_picked_products', {then} "
         f"FROM {series} g", members),
        (f"INSERT INTO orders (id, order_id, currency, rate, amount, shipping, paid_at, credit_reason, freeze_days, "
         f"decision, decisions, due_at, recorded_at) SELECT n, 'A-' || n, 'CNY', '1', 100, 0, {then}, 'credit_ref', 0, "
         f"'none', 0, {then}, {then} FROM {series} g", -(-commissions // each)),
        (f"INSERT INTO commission (order_id, line, level, member_id, base, rate_bp, amount, reversed, earned_at, "
         f"settle_at) SELECT (n - 1) / {each} + 1, (n - 1) % {each} / 3 + 1, (n - 1) % 3 + 1, {_EARNER}, 100, 1000, "
         f":amount, 0, {then}, {then} FROM {series} g", commissions),
        ("INSERT INTO account (kind, member_id, currency, balance) SELECT 'pending', member_id, 'CNY', -sum(amount) "
         "FROM commission GROUP BY member_id", 0),
        ("INSERT INTO account (kind, member_id, currency, balance) VALUES ('commission_expense', 0, 'CNY', 0)", 0),
        (f"INSERT INTO entry (key, kind, cause, at, recorded_at) SELECT 'earned:' || member_id, 'earned', 'A-1', "
         f"{then}, {then} FROM account WHERE member_id <> 0", 0),
        ("INSERT INTO posting (entry_id, account_id, amount) SELECT e.id, a.id, a.balance FROM account a "
         "JOIN entry e ON e.key = 'earned:' || a.member_id", 0),
        ("INSERT INTO posting (entry_id, account_id, amount) SELECT p.entry_id, a.id, -p.amount FROM posting p "
         "JOIN account a ON a.kind = 'commission_expense'", 0),
    )  # fmt: skip
    with database.transaction() as db:
        for statement, count in statements:
            values = {"count": count, "members": members, "amount": AMOUNT}
            db.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
