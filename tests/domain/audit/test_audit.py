"""The audit: nothing to say about a sound record, and every promise that is broken behind its back named."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.database import Database
from domain import audit
from domain.periods import format_instant
from domain.schema import IMMUTABLE, immutability_ddl
from domain.sql import is_postgresql
from tests.domain.played import event, on, play, step
from tests.model.histories import History, seeded_history

PLAN = {
    "name": "autumn",
    "base": "price",
    "levels_bp": [1000, 500, 200],
    "max_margin_share_bp": 6000,
    "freeze_days": 7,
    "binding": {"policy": "last", "days": 30},
}


ONE_SERUM = {"sku": "SERUM", "quantity": 1}


def at(day: int) -> str:
    return format_instant(on(day))


def paid(day: int, order_id: str, currency: str = "CNY") -> dict[str, Any]:
    items = [{**ONE_SERUM, "quantity": 2, "amount": 20_000}]
    return event(
        day, "paid", order_id, ref={"member": "m-3"}, buyer_id="u-1", currency=currency, paid_at=at(day), items=items
    )


def a_shop_at_work() -> History:
    """Three levels and five orders: settled, completed and due later, just paid, refunded in part, in dollars."""
    people = [
        {"member_id": "m-1", "role": "merchant"},
        {"member_id": "m-2", "role": "distributor", "sponsor_id": "m-1"},
        {"member_id": "m-3", "role": "distributor", "sponsor_id": "m-2"},
    ]
    goods = [{"sku": "SERUM", "name": "Serum", "price": 12_000, "cost": 5_000, "currency": "CNY"}]
    return [
        step(0, "put_products", items=goods),
        step(0, "put_rates", items=[{"currency": "USD", "from": at(0), "rate": "7.1"}]),
        step(0, "put_members", items=people),
        step(0, "make_link", member_id="m-3", sku="SERUM"),
        step(0, "publish_plan", **{"from": at(0)}, plan=PLAN),
        paid(1, "A-1"),
        event(2, "completed", "A-1", completed_at=at(2)),
        paid(3, "A-3"),
        paid(4, "A-4"),
        event(5, "refunded", "A-4", refund_id="r-1", at=at(5), items=[{**ONE_SERUM, "amount": 9_999}]),
        paid(6, "A-5", currency="USD"),
        step(10, "settle", as_of=at(10)),
        paid(11, "A-2"),
        event(12, "completed", "A-2", completed_at=at(12)),
    ]  # fmt: skip


class Planted(NamedTuple):
    """Statements that break the rule whose sentence begins so; `on` is the database that lets itself be broken."""

    rule: str
    statements: Sequence[str]
    on: str = ""


def of_order(order_id: str) -> str:
    return f"order_id = (SELECT id FROM orders WHERE order_id = '{order_id}')"


A_POSTING = (
    "entry_id = (SELECT min(entry_id) FROM posting) AND account_id = (SELECT min(p.account_id) FROM posting p "
    "WHERE p.entry_id = (SELECT min(entry_id) FROM posting))"
)
ANOTHER_ENTRY = "INSERT INTO entry (key, kind, cause, at, recorded_at) SELECT {key}, kind, cause, at, recorded_at "
TIGHTER = (
    "UPDATE order_line SET captured = replace(captured, '\"max_margin_share_bp\":6000', '\"max_margin_share_bp\":9')"
)
A_MESSAGE = (
    "INSERT INTO outbox (key, member_id, text_key, params, category, priority, announcement_id, state, not_before, "
    "attempts, created_at) SELECT {key}, m.id, 'announcement', '{{}}', 'promotion', 60, a.id, 'queued', m.joined_at, "
    "0, m.joined_at FROM member m, announcement a WHERE m.member_id = 'm-1'"
)
EARLY = f"UPDATE commission SET settled_as_of = earned_at WHERE {of_order('A-2')}"
A_RESEND = (
    "UPDATE announcement SET resend_of = (SELECT min(id) FROM announcement) "
    "WHERE id = (SELECT max(id) FROM announcement)"
)
AN_ANNOUNCEMENT = (
    "INSERT INTO announcement (text, audience, at, state, reached_id, created_by, created_at) "
    "SELECT 'hello', 'all', joined_at, 'queued', 0, 'test', joined_at FROM member WHERE member_id = 'm-1'"
)

PLANTED = [
    Planted("every entry balances", [f"UPDATE posting SET amount = amount + 1 WHERE {A_POSTING}"]),
    Planted("every entry has at least two legs", [ANOTHER_ENTRY.format(key="'due:ghost'") + "FROM entry LIMIT 1"]),
    Planted("no leg is zero", [f"UPDATE posting SET amount = 0 WHERE {A_POSTING}"]),
    Planted("no leg is zero", [f"UPDATE posting SET account_id = 999999 WHERE {A_POSTING}"]),
    Planted("amounts and pieces", ["ALTER TABLE posting ALTER COLUMN amount TYPE numeric"], "postgresql"),
    Planted("a member's account shows", ["UPDATE account SET balance = balance - 1 WHERE kind = 'pending'"]),
    Planted("a member's account shows", ["UPDATE account SET balance = 1 WHERE kind = 'commission_expense'"]),
    Planted("the whole ledger sums to zero", [f"UPDATE posting SET amount = amount + 1 WHERE {A_POSTING}"]),
    Planted("every account is one of the chart", ["UPDATE account SET kind = 'joining_fees' WHERE kind = 'payable'"]),
    Planted("every account is one of the chart", ["UPDATE account SET member_id = 9999 + id WHERE kind = 'payable'"]),
    Planted(
        "no account is negative",
        ["UPDATE posting SET amount = -amount WHERE account_id IN (SELECT id FROM account WHERE kind = 'pending')"],
    ),
    Planted("every entry has a key of its own", [
        "ALTER TABLE entry DROP CONSTRAINT uq_entry_key", ANOTHER_ENTRY.format(key="key") + "FROM entry LIMIT 1",
    ], "postgresql"),
    Planted("an order is earned on once", [
        ANOTHER_ENTRY.format(key="'earned:again'") + "FROM entry WHERE kind = 'earned' AND cause = 'A-1'",
    ]),
    Planted("money moves for declared reasons", ["UPDATE entry SET kind = 'recruiting' WHERE cause = 'A-1'"]),
    Planted("money moves for declared reasons", ["UPDATE entry SET cause = 'A-9' WHERE cause = 'A-1'"]),
    Planted("at most one commission", [f"DELETE FROM order_line WHERE {of_order('A-1')}"]),
    Planted("at most one commission", [
        "ALTER TABLE commission DROP CONSTRAINT uq_commission_order_id_line_level",
        f"UPDATE commission SET level = 1 WHERE {of_order('A-1')} AND level = 2",
    ], "postgresql"),
    Planted("no commission is more than its rate", [f"UPDATE commission SET amount = 9000 WHERE {of_order('A-3')}"]),
    Planted("all levels of a line", [f"{TIGHTER} WHERE {of_order('A-3')}"]),
    Planted("all levels of a converted line", [f"{TIGHTER} WHERE {of_order('A-5')}"]),
    Planted("a full refund", [f"UPDATE order_line SET refunded_amount = amount WHERE {of_order('A-3')}"]),
    Planted("a full refund", ["UPDATE orders SET decision = 'denied' WHERE order_id = 'A-3'"]),
    Planted("nothing is taken back", [f"UPDATE commission SET reversed = 1 WHERE {of_order('A-3')}"]),
    Planted("after refunds", [f"UPDATE commission SET reversed = reversed - 1 WHERE {of_order('A-4')}"]),
    Planted("each order's entries", [f"UPDATE commission SET reversed = reversed + 1 WHERE {of_order('A-4')}"]),
    Planted("nothing became payable before", ["UPDATE orders SET due_at = NULL WHERE order_id = 'A-1'"]),
    Planted("nothing became payable before", [EARLY]),
    Planted("settlement may take nothing", [f"UPDATE commission SET settle_at = earned_at WHERE {of_order('A-1')}"]),
    Planted("settlement may take nothing", ["UPDATE orders SET decision = 'held' WHERE order_id = 'A-2'"]),
    Planted("settlement may take nothing", [
        "INSERT INTO order_case (order_id, case_id, opened_at) SELECT id, 'c-1', paid_at FROM orders"
        " WHERE order_id = 'A-2'"
    ]),
    Planted("settlement forgets nothing", [f"UPDATE commission SET settle_at = NULL WHERE {of_order('A-2')}"]),
    Planted("what is pending", [f"UPDATE commission SET settled_as_of = NULL WHERE {of_order('A-1')}"]),
    Planted("one message per event", [
        AN_ANNOUNCEMENT, A_MESSAGE.format(key="'one'"), A_MESSAGE.format(key="'two'"),
    ]),
    Planted("one message per event", [
        "ALTER TABLE outbox DROP CONSTRAINT uq_outbox_key", AN_ANNOUNCEMENT, A_MESSAGE.format(key="'one'"),
        A_MESSAGE.format(key="'one'"),
    ], "postgresql"),
    Planted(
        "an announcement and its resends",
        [AN_ANNOUNCEMENT, AN_ANNOUNCEMENT, A_RESEND,
         A_MESSAGE.format(key="'announcement:' || a.id || ':' || m.id")],
    ),
    Planted("every message is in a known state", ["UPDATE outbox SET state = 'sent'"]),
    Planted("every message is in a known state", ["UPDATE outbox SET state = 'sending'"]),
    Planted("what members wish can be honoured", ["UPDATE member SET first_channel = 'pigeon'"]),
    Planted("what members wish can be honoured", ["UPDATE member SET quiet_from = 60"]),
    Planted("what members wish can be honoured", ["UPDATE member SET quiet_from = 60, quiet_to = 1440"]),
    Planted("no address is stored", [
        "INSERT INTO visit (link_id, member_id, day, at, visitor, ip, bot) "
        "SELECT 1, id, '2026-01-05', joined_at, 4611686018427387904, 3232235777, operator FROM member LIMIT 1",
    ]),
    Planted("the salt of a day is gone", [
        "INSERT INTO day_salt (day, salt) VALUES ('2026-01-05', 'aa'), ('2026-01-08', 'bb')",
    ]),
    Planted("nobody stands above themselves", [
        "UPDATE member SET sponsor_id = (SELECT d.id FROM member d WHERE d.member_id = 'm-3') WHERE member_id = 'm-1'",
    ]),
    Planted("the second and third sponsor", ["UPDATE member SET sponsor2_id = NULL WHERE member_id = 'm-3'"]),
]  # fmt: skip

UNPLANTED = {
    "triggers keep entries",  # has a test of its own
    "amounts and pieces",  # on SQLite
}


@pytest.fixture
def shop(database: Database) -> Database:
    play(database, a_shop_at_work())
    return database


@contextmanager
def behind_its_back(database: Database) -> Iterator[Session]:
    """A session in which triggers, foreign keys and checks keep nobody from anything; all of it is undone."""
    with Session(database.writing) as db:
        connection = db.connection()
        if is_postgresql(db):
            db.execute(text("SET LOCAL session_replication_role = 'replica'"))
            for table, check in (("posting", "ck_posting_amount"), ("commission", "ck_commission_amount")):
                db.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {check}"))
        else:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            for table in IMMUTABLE:
                for verb in ("update", "delete"):
                    connection.exec_driver_sql(f"DROP TRIGGER {table}_no_{verb}")
        yield db
        db.rollback()
        if database.sqlite:
            connection = db.connection()
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")


def broken(database: Database, planted: Planted) -> list[str]:
    with behind_its_back(database) as db:
        for statement in planted.statements:
            db.connection().exec_driver_sql(statement)
        if database.sqlite:
            for table in IMMUTABLE:
                for trigger in immutability_ddl("sqlite", table):
                    db.connection().exec_driver_sql(trigger)
        return [violation.rule.sentence for violation in audit.violations(db)]


def test_a_sound_record_breaks_no_rule(shop: Database):
    assert shop.read_now(audit.violations) == []


def test_each_broken_promise_is_named(shop: Database):
    kind = "sqlite" if shop.sqlite else "postgresql"
    missed = []
    for planted in PLANTED:
        if planted.on in ("", kind):
            found = broken(shop, planted)
            if not any(sentence.startswith(planted.rule) for sentence in found):
                missed.append((planted.rule, planted.statements, found))
    assert missed == []
    assert shop.read_now(audit.violations) == []


def test_each_rule_has_been_seen_to_speak():
    planted = {each.rule for each in PLANTED} | UNPLANTED
    silent = {rule.sentence for rule in audit.RULES if not any(rule.sentence.startswith(begin) for begin in planted)}
    assert silent == set()


def test_a_missing_trigger_is_named(shop: Database):
    for table in IMMUTABLE:
        on = "" if shop.sqlite else f" ON {table}"
        with Session(shop.writing) as db:
            db.execute(text(f"DROP TRIGGER {table}_no_update{on}"))
            [violation] = audit.violations(db)
            db.rollback()
        assert violation.rule.number == "4"
        assert violation.rows == [{"its_table": table, "trigger": f"{table}_no_update"}]


def test_on_sqlite_an_amount_that_is_no_whole_number_is_named(sqlite_url: str):
    database = Database(sqlite_url)
    play(database, a_shop_at_work())
    with database.transaction() as db:  # as if somebody had made the table without STRICT
        db.execute(text("PRAGMA writable_schema = ON"))
        db.execute(text("UPDATE sqlite_master SET sql = replace(sql, ' STRICT', '') WHERE name = 'order_line'"))
    database.close()
    database = Database(sqlite_url)
    with database.transaction() as db:
        db.execute(text("UPDATE order_line SET amount = 'abc' WHERE rowid = 1"))
        found = audit.violations(db)
    database.close()
    [violation] = [each for each in found if each.rule.sentence == "amounts and pieces are whole numbers"]
    assert str(violation) == "1 amounts and pieces are whole numbers: place order_line.amount, row 1, value abc"


def test_of_many_rows_the_first_are_named(shop: Database):
    with behind_its_back(shop) as db:
        rows = [{"name": f"g-{number}"} for number in range(audit.MOST_ROWS + 1)]
        db.execute(text("INSERT INTO account (kind, member_id, currency, balance) VALUES (:name, 0, 'CNY', 0)"), rows)
        found = [each for each in audit.violations(db) if each.rule.number == "2"]
    [violation] = found
    assert len(violation.rows) == audit.MOST_ROWS
    assert str(violation).endswith("; and more")


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_to_a_shop_breaks_no_rule(database: Database, seed: int):
    play(database, seeded_history(seed))
    assert [str(violation) for violation in database.read_now(audit.violations)] == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1_000, 1_300))
def test_whatever_happens_to_many_shops_breaks_no_rule(sqlite_url: str, seed: int):
    database = Database(sqlite_url)
    play(database, seeded_history(seed))
    assert [str(violation) for violation in database.read_now(audit.violations)] == []
    database.close()
