"""An announcement through faults and kills: everybody gets it once, or we say honestly that we do not know."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.crash.broadcast import Trial, child, complaints, end, size, states

KILLS = 20
MOST_IN_DOUBT = 250  # messages taken or not written down yet when the program is killed, at this rate
LONGEST_RUN_SECONDS = 60
BYTES_OF_A_LINE = 120

pytestmark = [
    pytest.mark.timeout(3_000),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed, which needs fork"),
]


@pytest.mark.parametrize("recipients", [3_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_an_announcement_survives_faults_and_twenty_kills_without_a_loss_or_a_double(
    recipients: int, sqlite_url: str, tmp_path: Path
) -> None:
    trial = Trial(sqlite_url, tmp_path, recipients)
    chance = random.Random(recipients)
    trial.people()
    trial.announce()
    with child(lambda: trial.serve(faults=True), tmp_path / "fake.txt"):
        for _ in range(KILLS):
            killed_while_sending(trial, chance.randint(1, recipients // KILLS))
        with child(trial.run_program, tmp_path / "program.txt") as program:
            trial.until_done(60 + recipients / 50)
            end(program, signal.SIGTERM)
        assert list(complaints(trial))[:20] == []
        faults = trial.judged()["faults"]
    ended = states(trial)
    print(ended, faults)
    assert ended["failed"] <= faults["ok_false"]
    assert ended["unknown"] >= faults["accepted_then_no_answer"]
    assert ended["unknown"] <= faults["accepted_then_no_answer"] + KILLS * MOST_IN_DOUBT
    trial.database.close()


def killed_while_sending(trial: Trial, arrivals: int) -> None:
    """Start the program and kill it when so many of its messages have arrived."""
    until = size(trial.log) + arrivals * BYTES_OF_A_LINE
    deadline, before = time.monotonic() + LONGEST_RUN_SECONDS, -1
    with child(trial.run_program, trial.folder / "program.txt") as program:
        while size(trial.log) < until and time.monotonic() < deadline:
            time.sleep(0.02)
            if size(trial.log) == before and trial.open_messages() == 0:
                break
            before = size(trial.log)
        end(program, signal.SIGKILL)
