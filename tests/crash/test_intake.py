"""The program killed under a load of updates: each takes effect once, and of each answer it is known what became."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.intake import Intake, ended

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed, which needs fork"),
]

LONGEST_LIFE_SECONDS = 1.5


def killed_often(url: str, folder: Path, kills: int, seed: int) -> Intake:
    """Kill the program at moments of chance while people write; then let it end what is left over."""
    chance = random.Random(seed)
    trial = Intake(url, folder)
    people = trial.people()
    try:
        for _ in range(kills):
            program = trial.program()
            time.sleep(chance.random() * LONGEST_LIFE_SECONDS)
            ended(program, signal.SIGKILL)
        program = trial.program()
        (folder / "stop").touch()
        until(lambda: (folder / "quiet").exists(), folder)
        ended(program, signal.SIGTERM)
        program = trial.program(later=True)
        until(lambda: trial.waiting() == 0, folder)
        ended(program, signal.SIGTERM)
    finally:
        ended(people, signal.SIGKILL)
    return trial


def until(holds: Callable[[], bool], folder: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, (folder / "people.log").read_text() + (folder / "program.log").read_text()
        time.sleep(0.05)


def judged(trial: Intake, at_least: int) -> None:
    complaints = list(trial.complaints())
    assert complaints[:5] == []
    states = trial.states()
    trial.database.close()
    print(dict(states))
    assert sum(states.values()) >= at_least, states
    assert states["telegram sent"] > states["telegram unknown"], states


def test_killed_twelve_times_every_update_takes_effect_once_and_every_answer_is_accounted_for(
    sqlite_url: str, tmp_path: Path
) -> None:
    judged(killed_often(sqlite_url, tmp_path, kills=12, seed=6), at_least=100)


@pytest.mark.long
def test_killed_two_hundred_times(database_url: str, tmp_path: Path) -> None:
    judged(killed_often(database_url, tmp_path, kills=200, seed=7), at_least=2_000)
