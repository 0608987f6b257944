"""Targets for each person: inside their bounds, no smaller for better days, within reach about seven times in ten."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from domain.work.task_aims import aim

VALUES = st.lists(st.integers(0, 300), max_size=20)
DONE = st.lists(st.booleans(), max_size=14)
BOUNDS = st.tuples(st.integers(1, 100), st.integers(0, 100)).map(lambda two: (two[0], two[0] + two[1]))


@given(VALUES, BOUNDS, DONE)
def test_a_target_stays_inside_its_bounds_and_says_truly_how_often_it_was_reached(
    values: list[int], bounds: tuple[int, int], done: list[bool]
) -> None:
    found = aim(values, *bounds, done=done)
    assert bounds[0] <= found.target <= bounds[1]
    assert found.of == len(values)
    assert found.reached == sum(value >= found.target for value in values)


@given(VALUES, BOUNDS, DONE, st.data())
def test_better_days_never_lead_to_a_smaller_target(
    values: list[int], bounds: tuple[int, int], done: list[bool], data: st.DataObject
) -> None:
    better = [value + data.draw(st.integers(0, 50)) for value in values]
    assert aim(better, *bounds, done=done).target >= aim(values, *bounds, done=done).target


@given(VALUES, BOUNDS, DONE, st.data())
def test_more_tasks_done_never_lead_to_a_smaller_target(
    values: list[int], bounds: tuple[int, int], done: list[bool], data: st.DataObject
) -> None:
    more = [one or data.draw(st.booleans()) for one in done]
    assert aim(values, *bounds, done=more).target >= aim(values, *bounds, done=done).target


@given(st.lists(st.integers(2, 300), min_size=1, max_size=20))
def test_without_a_history_of_tasks_seven_of_ten_days_would_have_done(values: list[int]) -> None:
    found = aim(values, 1, 1_000)
    assert found.reached * 10 >= found.of * 7
    assert sum(value >= found.target + 1 for value in values) * 10 < found.of * 7, "and one more would be too much"


def test_somebody_with_six_visitors_a_day_is_asked_for_what_they_usually_bring() -> None:
    assert aim([6, 5, 7, 6, 4, 9, 6, 5, 7, 6], 2, 50) == (6, 7, 10)
    assert aim([], 2, 50) == (2, 0, 0)


def _day(chance: Random, busy: float) -> int:
    """Visitors of one day: about `busy` of a hundred people each come or do not; now and then nobody asks them."""
    return 0 if chance.random() < 0.06 else sum(chance.random() < busy / 100 for _ in range(100))


def test_about_seven_in_ten_tasks_are_done_by_members_of_every_size() -> None:
    chance = Random(20261123)
    shares = {}
    for busy in (4, 8, 15, 30, 60):
        done = given = 0
        for _ in range(12):
            values = [_day(chance, busy) for _ in range(14)]
            history: list[bool] = []
            for _ in range(40):
                target = aim(values[-14:], 2, 100, done=history[-14:]).target
                values.append(_day(chance, busy))
                history.append(values[-1] >= target)
            done, given = done + sum(history), given + len(history)
        shares[busy] = done / given
    assert all(0.62 <= share <= 0.80 for share in shares.values()), shares
    assert 0.66 <= sum(shares.values()) / len(shares) <= 0.76, shares


def test_who_grows_is_asked_for_more_and_who_falls_silent_for_less() -> None:
    growing = [aim(list(range(day, day + 14)), 2, 100).target for day in range(0, 40, 10)]
    assert growing == sorted(growing)
    assert growing[-1] > growing[0] + 20
    assert aim([20] * 7 + [0] * 7, 2, 100).target == 2
