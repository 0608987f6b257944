"""The shop held against the model: the same histories, the same answers, the same commissions to the last unit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from bot.database import Database
from tests.model.adapter import Shop
from tests.model.histories import History, describe, histories, seeded_history
from tests.model.oracle import World

SHORT, LONG, PER_TEST = 200, 2000, 20
ON_POSTGRESQL = 20


def chunks(count: int) -> list[range]:
    return [range(start, start + PER_TEST) for start in range(0, count, PER_TEST)]


@pytest.fixture
def sqlite_shop(sqlite_url: str) -> Iterator[Database]:
    database = Database(sqlite_url)
    yield database
    database.close()


@pytest.mark.parametrize("numbers", chunks(SHORT), ids=str)
def test_the_shop_agrees_with_the_model(sqlite_shop: Database, numbers: range) -> None:
    agree_on(sqlite_shop, numbers)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("numbers", chunks(LONG)[SHORT // PER_TEST :], ids=str)
def test_the_shop_agrees_with_the_model_at_length(sqlite_shop: Database, numbers: range) -> None:
    agree_on(sqlite_shop, numbers)


@pytest.mark.postgresql
def test_the_shop_agrees_with_the_model_on_postgresql(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    agree_on(database, range(LONG, LONG + ON_POSTGRESQL))
    database.close()


def test_the_shop_agrees_with_the_model_on_whatever_comes_to_mind(sqlite_shop: Database) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(histories(pay_outs=True))
    def agree(history: History) -> None:
        disagreement = first_disagreement(sqlite_shop, history)
        assert disagreement is None, f"{disagreement}\n{describe(history)}"

    agree()


def agree_on(database: Database, numbers: Sequence[int]) -> None:
    for number in numbers:
        history = seeded_history(number, pay_outs=number % 2 == 1)
        disagreement = first_disagreement(database, history)
        assert disagreement is None, f"history {number}: {disagreement}\n{describe(history)}"


class _Undo(Exception):
    """The history is over; nothing of it stays."""


def first_disagreement(database: Database, history: History) -> str | None:
    """Let model and shop live through the history; say where they part."""
    found: str | None = None
    try:
        with database.transaction() as db:
            found = next(differences(Shop(db), World(), history), None)
            raise _Undo
    except _Undo:
        return found


def differences(shop: Shop, world: World, history: History) -> Iterator[str]:
    for number, step in enumerate(history):
        wanted, got = world.apply(step), shop.apply(step)
        if replace(got, reason=None) != replace(wanted, reason=None):
            yield f"step {number} {step}: answered {got}, wanted {wanted}"
        if step["step"] in ("settle", "deny", "release"):
            yield from (f"after step {number}: {each}" for each in balances_that_differ(shop, world))
    yield from (f"in the end: {each}" for each in commissions_that_differ(shop, world))
    yield from (f"in the end: {each}" for each in balances_that_differ(shop, world))
    if shop.listed() != len(world.listed):
        yield f"{shop.listed()} events listed for the operator, wanted {len(world.listed)}"
    if not shop.books_are_sound():
        yield "the books are not sound"


def commissions_that_differ(shop: Shop, world: World) -> Iterator[str]:
    for order_id in world.orders:
        for wanted, got in itertools.zip_longest(world.commissions(order_id), shop.commissions(order_id)):
            if got and got["state"] == "reversed" and wanted:
                wanted["due_at"] = got["due_at"]  # when it would have been due is not promised
            if wanted != got:
                yield f"commission of {order_id}: {got}, wanted {wanted}"


def balances_that_differ(shop: Shop, world: World) -> Iterator[str]:
    got = shop.balances()
    for member_id in world.members:
        wanted = world.balances(member_id)
        if got[member_id] != wanted:
            yield f"balances of {member_id}: {got[member_id]}, wanted {wanted}"
