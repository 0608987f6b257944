"""Settlement: what is due becomes payable at its time, once, to the minor unit, and one bad row stops nobody else."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from bot.database import Database
from domain import audit, dump
from domain.money import bookkeeping, ledger, settlement
from domain.money.settlement import Limits, Settled, SettlementInFuture, settle
from domain.sales import holds
from domain.schema import Alert, Base, Commission, Entry, Outbox
from tests.domain.played import completed, event, on, opening, paid, play, step
from tests.model.histories import History


def settled_on(database: Database, day: float, *, as_of: float | None = None) -> Settled:
    return settle(database.write_now, database.read_now, as_of=on(day if as_of is None else as_of), now=on(day))


def balances(database: Database, member_id: str = "m-3") -> tuple[int, int]:
    """What that member has pending and payable."""
    found = database.read_now(
        lambda db: ledger.balances(db, db.scalar(text(f"SELECT id FROM member WHERE member_id = '{member_id}'")))
    )
    each = found.get("CNY", ledger.Balances())
    return each.pending, each.payable - each.owed


def in_order(database: Database) -> None:
    assert [str(violation) for violation in database.read_now(audit.violations)] == []


def test_what_is_due_becomes_payable_to_the_minor_unit(database: Database):
    play(database, [*opening(), paid(1, "A-1", 9_999), completed(2, "A-1")])
    assert balances(database) == (999, 0)
    assert settled_on(database, 9) == Settled(3, {"CNY": 999 + 499 + 199})
    assert [balances(database, f"m-{n}") for n in (1, 2, 3)] == [(0, 199), (0, 499), (0, 999)]
    in_order(database)


def test_not_a_microsecond_before_its_time(database: Database):
    play(database, [*opening(), paid(1, "A-1"), completed(2, "A-1")])
    early = settle(database.write_now, database.read_now, as_of=on(9) - timedelta(microseconds=1), now=on(9))
    assert early == Settled()
    assert settled_on(database, 9).made_payable == 3


def test_only_once(database: Database):
    play(database, [*opening(), paid(1, "A-1"), completed(2, "A-1")])
    assert settled_on(database, 9).made_payable == 3
    assert settled_on(database, 9) == Settled()
    assert settled_on(database, 20) == Settled()
    assert balances(database) == (0, 1000)


def test_a_time_that_has_not_come_is_refused(database: Database):
    with pytest.raises(SettlementInFuture):
        settled_on(database, 9, as_of=9.5)


def test_a_member_hears_once_how_much_became_payable(database: Database):
    play(database, [*opening(), paid(1, "A-1"), paid(1, "A-2"), completed(2, "A-1"), completed(2, "A-2")])
    settled_on(database, 9)
    with database.transaction() as db:
        told = db.scalars(select(Outbox.params).where(Outbox.text_key == "notice.commission_payable")).all()
    assert sorted(params["amount"]["$money"] for params in told) == [[400, "CNY"], [1000, "CNY"], [2000, "CNY"]]


def test_what_became_due_later_for_the_same_time_is_settled_by_a_further_entry(database: Database):
    play(database, [*opening(), paid(1, "A-1"), paid(1, "A-2"), completed(2, "A-1")])
    settled_on(database, 10, as_of=9)
    play(database, [completed(2, "A-2")])
    assert settled_on(database, 11, as_of=9).made_payable == 3
    assert balances(database) == (0, 2000)
    with database.transaction() as db:
        keys = db.scalars(select(Entry.key).where(Entry.kind == "due").order_by(Entry.key)).all()
    instant = "20260114T000000Z"
    assert keys == [f"due:{instant}/{number}/m-{n}" for number in (1, 2) for n in (1, 2, 3)]
    in_order(database)


def test_what_is_held_or_under_an_open_case_waits(database: Database):
    play(database, [
        *opening(), paid(1, "A-1"), paid(1, "A-2"), completed(2, "A-1"), completed(2, "A-2"),
        step(3, "hold", order_id="A-1", reason="looks odd"),
        event(3, "case_opened", "A-2", case_id="c", at=on(3).isoformat()),
    ])  # fmt: skip
    assert settled_on(database, 10) == Settled()
    with database.transaction() as db:
        holds.release(db, "A-1", "it was fine", actor="test", now=on(10))
    assert settled_on(database, 10).made_payable == 3
    play(database, [event(11, "case_closed", "A-2", case_id="c", at=on(11).isoformat())])
    assert settled_on(database, 12).made_payable == 3
    in_order(database)


def test_what_a_refund_left_is_settled_and_what_it_took_is_not(database: Database):
    half = [{"sku": "SERUM", "quantity": 0, "amount": 5_000}]
    play(database, [
        *opening(), paid(1, "A-1"), completed(2, "A-1"),
        event(3, "refunded", "A-1", refund_id="r", at=on(3).isoformat(), items=half),
        paid(1, "A-2"), completed(2, "A-2"), event(3, "cancelled", "A-2", at=on(3).isoformat()),
    ])  # fmt: skip
    assert settled_on(database, 9) == Settled(3, {"CNY": 500 + 250 + 100})
    in_order(database)


def test_a_refund_after_settlement_leaves_the_member_owing_and_the_next_settlement_nets_it(database: Database):
    everything = [{"sku": "SERUM", "quantity": 1, "amount": 10_000}]
    play(database, [*opening(), paid(1, "A-1"), completed(2, "A-1")])
    settled_on(database, 9)
    with database.transaction() as db:  # paid out, as a withdrawal will do it
        member = db.execute(text("SELECT id FROM member WHERE member_id = 'm-3'")).scalar_one()
        ledger.post(db, withdrawal(member, 1000), now=on(9))
    play(database, [
        event(10, "refunded", "A-1", refund_id="r", at=on(10).isoformat(), items=everything),
        paid(10, "A-2", 12_000), completed(11, "A-2"),
    ])  # fmt: skip
    assert balances(database) == (1200, -1000)
    settled_on(database, 18)
    assert balances(database) == (0, 200)
    in_order(database)


def withdrawal(member: int, amount: int) -> list[Any]:
    return [
        bookkeeping.withdrawal_requested("w-1", member, amount, "CNY"),
        bookkeeping.withdrawal_paid("w-1", member, amount, "CNY", fee=0, tax=0),
    ]


def many(orders: int, members: int = 12) -> History:
    sales = [paid(1, f"A-{n}", 1_000 + n, f"m-{3 + n % (members - 2)}") for n in range(orders)]
    return [*opening(members), *sales, *(completed(2, f"A-{n}") for n in range(orders))]


def test_the_number_of_statements_does_not_grow_with_the_commissions(
    database: Database, count_statements: Callable[[Session], AbstractContextManager[list[str]]]
):
    play(database, many(60))
    seen: list[int] = []

    def write(work: Callable[[Session], Any]) -> Any:
        with database.transaction() as db, count_statements(db) as statements:
            result = work(db)
        seen.append(len(statements))
        return result

    assert settle(write, database.read_now, as_of=on(9), now=on(9)).made_payable == 180
    assert len(seen) == 1
    assert seen[0] <= 12


@pytest.mark.parametrize("limits", [Limits(1, 1), Limits(7, 100), Limits(1_000, 3)])
def test_the_portions_leave_the_same_books_however_they_are_cut(
    sqlite_url: str, limits: Limits, monkeypatch: pytest.MonkeyPatch
):
    database = Database(sqlite_url)
    play(database, many(30))
    with database.transaction() as db:
        settle(lambda work: work(db), lambda work: work(db), as_of=on(9), now=on(9))
        whole = list(dump.lines(db))
        db.rollback()
    monkeypatch.setattr(settlement, "ON_SQLITE", limits)
    settled_on(database, 9)
    assert database.read_now(lambda db: list(dump.lines(db))) == whole
    database.close()


def test_a_member_with_more_than_fits_is_settled_in_several_entries(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(settlement, "OF_ONE_MEMBER", 4)
    monkeypatch.setattr(settlement, "ON_SQLITE", Limits(4, 1))
    monkeypatch.setattr(settlement, "ON_POSTGRESQL", Limits(4, 1))
    play(database, many(10, members=3))
    assert settled_on(database, 9).made_payable == 30
    with database.transaction() as db:
        causes = db.scalars(select(Entry.cause).where(Entry.kind == "due")).all()
    assert Counter(cause.rpartition("/")[2] for cause in causes) == {"m-1": 3, "m-2": 3, "m-3": 3}
    in_order(database)


def spoil(database: Database, member_id: str) -> None:
    """Somebody wrote nonsense past every check: more is taken back than there was."""
    with database.transaction() as db:
        if database.sqlite:
            db.execute(text("PRAGMA ignore_check_constraints = ON"))
        else:
            db.execute(text("ALTER TABLE commission DROP CONSTRAINT ck_commission_reversed"))
        theirs = select(text("id")).select_from(text("member")).where(text(f"member_id = '{member_id}'"))
        db.execute(update(Commission).where(Commission.member_id.in_(theirs)).values(reversed=Commission.amount + 1))


def test_a_bad_row_is_set_aside_and_reported_and_everybody_else_is_paid(bare_database_url: str):
    database = Database(bare_database_url)
    Base.metadata.create_all(database.writing)
    play(database, many(30))
    spoil(database, "m-7")
    settled = settled_on(database, 9)
    assert settled.set_aside == ["m-7"]
    with database.transaction() as db:
        open_ones = db.execute(
            select(Commission.member_id, func.count())
            .where(Commission.settled_as_of.is_(None))
            .group_by(Commission.member_id)
        ).all()
        [alert] = db.execute(select(Alert.text_key, Alert.params)).all()
    assert len(open_ones) == 1
    assert settled.made_payable == 90 - open_ones[0][1]
    assert alert.text_key == "alert.settlement_set_aside"
    assert alert.params["member"] == "m-7"
    assert settled_on(database, 10).set_aside == ["m-7"]
    database.close()
