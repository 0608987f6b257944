"""What must hold in the ledger: entries balance, accounts are the sums of their postings, nothing was ever changed."""

# ruff: noqa: S608 - whatever is put into these statements is a constant of the domain
from __future__ import annotations

from typing import Final

from domain.audit.rules import Rule, everywhere, quoted
from domain.money.bookkeeping import Account, EntryKind
from domain.schema import IMMUTABLE

_OF_MEMBER = quoted([kind.value for kind in Account if kind.of_member])
_OF_PLATFORM = quoted([kind.value for kind in Account if not kind.of_member])
_NEVER_NEGATIVE = quoted([kind.value for kind in Account if not kind.may_be_negative])
_ENTRY_KINDS = quoted([kind.value for kind in EntryKind])

_WHOLE: Final = {
    "account": ("balance",),
    "posting": ("amount",),
    "commission": ("base", "rate_bp", "amount", "reversed"),
    "order_line": ("amount", "quantity", "refunded_amount", "refunded_quantity"),
    "orders": ("amount", "shipping"),
}
"""Columns of money and pieces. PostgreSQL's types keep them whole; SQLite's do only in STRICT tables."""

_NOT_WHOLE = " UNION ALL ".join(
    f"SELECT '{table}.{column}' AS place, rowid AS row, {column} AS value FROM {table} "
    f"WHERE typeof({column}) <> 'integer'"
    for table, columns in _WHOLE.items()
    for column in columns
)
_WRONG_TYPE = (
    "SELECT c.table_name || '.' || c.column_name AS place, c.data_type AS type FROM information_schema.columns c "
    "WHERE c.table_schema = current_schema() AND c.data_type <> 'bigint' AND ("
    + " OR ".join(
        f"(c.table_name = '{table}' AND c.column_name IN ({quoted(list(columns))}))"
        for table, columns in _WHOLE.items()
    )
    + ")"
)

_GUARDED_ON_SQLITE = " UNION ALL ".join(
    f"SELECT '{table}' AS its_table, '{table}_no_{verb}' AS trigger WHERE NOT EXISTS "
    f"(SELECT 1 FROM sqlite_master m WHERE m.type = 'trigger' AND m.tbl_name = '{table}' "
    f"AND m.name = '{table}_no_{verb}')"
    for table in IMMUTABLE
    for verb in ("update", "delete")
)
_GUARDED_ON_POSTGRESQL = " UNION ALL ".join(
    f"SELECT '{table}' AS its_table, '{table}_no_{verb}' AS trigger WHERE NOT EXISTS "
    "(SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    f"WHERE n.nspname = current_schema() AND c.relname = '{table}' AND t.tgname = '{table}_no_{verb}' "
    "AND t.tgenabled <> 'D')"
    for table in IMMUTABLE
    for verb in ("update", "truncate")
)

RULES: Final[tuple[Rule, ...]] = (
    everywhere(
        "1",
        "every entry balances per currency",
        "SELECT e.key AS entry, a.currency, CAST(sum(p.amount) AS BIGINT) AS sum FROM posting p "
        "JOIN entry e ON e.id = p.entry_id JOIN account a ON a.id = p.account_id "
        "GROUP BY e.id, e.key, a.currency HAVING sum(p.amount) <> 0",
    ),
    everywhere(
        "1",
        "every entry has at least two legs",
        "SELECT e.key AS entry, count(p.entry_id) AS legs FROM entry e LEFT JOIN posting p ON p.entry_id = e.id "
        "GROUP BY e.id, e.key HAVING count(p.entry_id) < 2",
    ),
    everywhere(
        "1",
        "no leg is zero, none without its entry and its account",
        "SELECT p.entry_id AS entry, p.account_id AS account, p.amount FROM posting p "
        "LEFT JOIN entry e ON e.id = p.entry_id LEFT JOIN account a ON a.id = p.account_id "
        "WHERE p.amount = 0 OR e.id IS NULL OR a.id IS NULL",
    ),
    Rule("1", "amounts and pieces are whole numbers", {"sqlite": _NOT_WHOLE, "postgresql": _WRONG_TYPE}),
    everywhere(
        "2",
        "a member's account shows the sum of its postings, a platform account keeps no balance beside them",
        "SELECT a.kind AS account, coalesce(m.member_id, '') AS member, a.currency, a.balance, "
        "CAST(coalesce(s.sum, 0) AS BIGINT) AS postings FROM account a "
        "LEFT JOIN (SELECT account_id, sum(amount) AS sum FROM posting GROUP BY account_id) s ON s.account_id = a.id "
        "LEFT JOIN member m ON m.id = a.member_id "
        "WHERE a.balance <> CASE WHEN a.member_id = 0 THEN 0 ELSE coalesce(s.sum, 0) END",
    ),
    everywhere(
        "2",
        "the whole ledger sums to zero per currency",
        "SELECT a.currency, CAST(sum(p.amount) AS BIGINT) AS sum FROM posting p "
        "JOIN account a ON a.id = p.account_id GROUP BY a.currency HAVING sum(p.amount) <> 0",
    ),
    everywhere(
        "2",
        "every account is one of the chart and has the owner it needs",
        "SELECT a.kind AS account, a.member_id AS owner, a.currency FROM account a "
        "LEFT JOIN member m ON m.id = a.member_id WHERE NOT "
        f"((a.kind IN ({_OF_MEMBER}) AND m.id IS NOT NULL) OR (a.kind IN ({_OF_PLATFORM}) AND a.member_id = 0))",
    ),
    everywhere(
        "3",
        "no account is negative but the platform's and what members owe after reversals",
        "SELECT a.kind AS account, m.member_id AS member, a.currency, -CAST(sum(p.amount) AS BIGINT) AS shows "
        "FROM posting p JOIN account a ON a.id = p.account_id LEFT JOIN member m ON m.id = a.member_id "
        f"WHERE a.kind IN ({_NEVER_NEGATIVE}) "
        "GROUP BY a.id, a.kind, m.member_id, a.currency HAVING sum(p.amount) > 0",
    ),
    Rule(
        "4",
        "triggers keep entries, postings and the audit log from being changed",
        {"sqlite": _GUARDED_ON_SQLITE, "postgresql": _GUARDED_ON_POSTGRESQL},
    ),
    everywhere(
        "5",
        "every entry has a key of its own",
        "SELECT e.key AS entry, count(*) AS times FROM entry e GROUP BY e.key HAVING count(*) > 1",
    ),
    everywhere(
        "5",
        "an order is earned on once",
        "SELECT e.cause AS order_id, count(*) AS entries FROM entry e WHERE e.kind = 'earned' "
        "GROUP BY e.cause HAVING count(*) > 1",
    ),
    everywhere(
        "6",
        "money moves for declared reasons only, commissions for orders only: nobody is paid for joining or recruiting",
        "SELECT e.key AS entry, e.kind, e.cause FROM entry e LEFT JOIN orders o ON o.order_id = e.cause "
        f"WHERE e.kind NOT IN ({_ENTRY_KINDS}) OR (e.kind IN ('earned', 'adjusted') AND o.id IS NULL)",
    ),
)
