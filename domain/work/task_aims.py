"""How much to ask of one member: what they would have managed on about seven of their last ten days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

WANTED_BP: Final = 7_000
"""The share of days on which a task should be within reach."""

_EASIER_BP: Final = 8_500
_HARDER_BP: Final = 5_500
_MOSTLY_DONE_BP: Final = 8_500
_MOSTLY_MISSED_BP: Final = 5_500
_ENOUGH: Final = 5
"""Tasks given before that say how it went; fewer say nothing."""


class Aim(NamedTuple):
    """A target, and on how many of how many days before it was reached."""

    target: int
    reached: int
    of: int


def aim(values: Sequence[int], lowest: int, highest: int, *, done: Sequence[bool] = ()) -> Aim:
    """Choose a target from what was managed on each day or in each week lately, and whether tasks like it were `done`.

    It is the largest number between `lowest` and `highest` that the wanted share of `values` reaches; `lowest` if there
    is none. Whoever did nearly all such tasks lately is asked for more, who missed most of them for less. Better days
    never lead to a smaller target.
    """
    best = sorted(values, reverse=True)
    needed = max(1, -(-len(best) * wanted_bp(done) // 10_000))
    managed = best[needed - 1] if best else lowest
    target = min(max(managed, lowest), highest)
    return Aim(target, sum(value >= target for value in best), len(best))


def wanted_bp(done: Sequence[bool]) -> int:
    """The share of days, in basis points, on which the next target should have been reached."""
    if len(done) < _ENOUGH:
        return WANTED_BP
    share_bp = sum(done) * 10_000 // len(done)
    if share_bp > _MOSTLY_DONE_BP:
        return _HARDER_BP
    return _EASIER_BP if share_bp < _MOSTLY_MISSED_BP else WANTED_BP
