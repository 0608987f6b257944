"""The dump: what two shops with the same history share to the letter, and nothing else."""

import json
import tracemalloc
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from bot.database import Database
from domain import dump
from domain.mall import links
from domain.messages import announcements
from domain.schema import Base, Brand, Entry, Fact, Member, OrderEvent, Outbox, Product
from tests.domain.played import play
from tests.model.histories import seeded_history
from tests.someone import THEN, member


def dumped(database: Database) -> list[str]:
    return database.read_now(lambda db: list(dump.lines(db)))


def rows_of(database: Database, table: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in dumped(database)]
    return [row for row in rows if row["table"] == table]


def test_every_table_has_its_rule():
    assert set(dump.RULES) == set(Base.metadata.tables)


@pytest.mark.parametrize("name", sorted(dump.RULES))
def test_every_rule_names_columns_that_there_are(name: str):
    rule, columns = dump.RULES[name], set(Base.metadata.tables[name].c.keys())
    assert {*rule.key, *rule.left_out, *rule.points_to, *rule.shown, *rule.codes} <= columns
    assert not set(rule.left_out) & {*rule.key, *rule.points_to, *rule.shown, *rule.codes}
    assert "id" not in rule.key


def test_no_surrogate_id_is_shown():
    shown = {
        (name, column.name)
        for name, rule in dump.RULES.items()
        for column in Base.metadata.tables[name].c
        if (column.name == "id" or column.name.endswith("_id")) and column.name not in (*rule.left_out, *rule.shown)
        if column.name != "id" and not column.foreign_keys and column.name not in rule.points_to
    }
    assert shown == {  # the ids that the shop and the operators know things by
        ("member", "member_id"), ("member", "buyer_id"), ("orders", "order_id"), ("orders", "buyer_id"),
        ("binding", "buyer_id"), ("refund", "refund_id"), ("order_case", "case_id"),
        ("order_event", "order_id"), ("order_event", "webhook_id"),
    }  # fmt: skip


def burn_ids(database: Database) -> None:
    """Let surrogate ids begin elsewhere than in another database."""
    with database.transaction() as db:
        for table in (Member, Product, Entry):
            sequence = f"pg_get_serial_sequence('{table.__tablename__}', 'id')"
            db.execute(text(f"SELECT setval({sequence}, 1000 + nextval({sequence}))"))


@pytest.mark.parametrize("seed", [3, 11, 15])
def test_the_same_history_gives_the_same_dump_on_both_databases(sqlite_url: str, postgresql_url: str, seed: int):
    one, other = Database(sqlite_url), Database(postgresql_url)
    burn_ids(other)
    for database in (one, other):
        play(database, seeded_history(seed))
    assert dumped(one) == dumped(other)
    one.close()
    other.close()


def test_a_minor_unit_more_is_seen(database: Database):
    play(database, seeded_history(3))
    before = dumped(database)
    with database.transaction() as db:
        db.execute(text("UPDATE account SET balance = balance - 1 WHERE member_id <> 0"))
    changed = set(dumped(database)) - set(before)
    assert {json.loads(line)["table"] for line in changed} == {"account"}


def test_texts_are_sorted_alike_on_both_databases(database: Database):
    names = ["äpfel", "Zeder", "apfel", "_x", "面霜", "Apfel", "é"]
    with database.transaction() as db:
        db.execute(insert(Brand), [{"name": name} for name in names])
    assert [row["name"] for row in rows_of(database, "brand")] == sorted(names)


def test_a_code_is_shown_as_what_it_is_the_link_of(database: Database):
    play(database, seeded_history(3))
    with database.transaction() as db:
        codes = set(db.scalars(text("SELECT code FROM link")))
    text_of_all = "\n".join(dumped(database))
    assert not [code for code in codes if f'"{code}"' in text_of_all]
    credited = [row["ref"] for row in rows_of(database, "orders") if isinstance(row["ref"], dict)]
    assert credited
    assert all(ref["link"][1] == "product" for ref in credited)


def test_a_code_that_is_nobodys_stays(database: Database):
    with database.transaction() as db:
        row = {"webhook_id": "w", "type": "order.paid", "order_id": "A-1", "fingerprint": "", "status": "refused"}
        event = insert(OrderEvent).values(data={"ref": "nosuchcode"}, received_at=THEN, **row)
        db.execute(event)
    [shown] = rows_of(database, "order_event")
    assert shown["data"] == {"ref": "nosuchcode"}


def test_neither_secrets_nor_times_of_recording_are_shown(database: Database, now: datetime):
    with database.transaction() as db:
        one = member(db, "m-1", joined_at=now)
        made = links.make(db, one, "shop", now=now)
        db.execute(insert(Fact).values(name="secret", value="hush"))
        announcements.schedule(db, "hello", "all", now + timedelta(days=1), by="member:m-1", now=now)
    seen = "\n".join(dumped(database))
    assert "hush" not in seen
    assert made.code not in seen
    assert "2026-11-23" not in seen
    assert rows_of(database, "fact") == [{"table": "fact", "name": "secret"}]


def test_an_announcement_and_its_messages_are_shown_without_their_numbers(database: Database, now: datetime):
    with database.transaction() as db:
        member(db, "m-1")
        announced = announcements.schedule(db, "hello", "all", now, by="member:m-1", now=now)
        announcements.enqueue_chunk(db, announced, now=now)
    [message] = rows_of(database, "outbox")
    assert message["member_id"] == "m-1"
    assert message["announcement_id"] == ["2026-11-23T02:00:00Z", "all", "hello", "member:m-1"]


def test_what_became_of_a_message_is_shown_but_not_when(database: Database, now: datetime):
    def one(at: datetime) -> list[str]:
        with database.transaction() as db:
            db.execute(update(Outbox).values(created_at=at, finished_at=at, not_before=at, state="sent", attempts=2))
        return dumped(database)

    play(database, seeded_history(3))
    assert one(now) == one(now + timedelta(hours=3))
    with database.transaction() as db:
        assert db.execute(select(Outbox.id)).all()


def test_a_large_shop_is_dumped_in_little_memory(sqlite_url: str):
    database = Database(sqlite_url)
    with database.transaction() as db:
        db.execute(insert(Brand), [{"name": f"brand {number:06}", "story": "x" * 500} for number in range(20_000)])
    tracemalloc.start()
    lines = database.read_now(lambda db: sum(1 for _ in dump.lines(db)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    database.close()
    assert lines == 20_000
    assert peak < 6_000_000
