"""What a benchmark found: a value, and how it stands against the floor that was measured in the same run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`ratio` is against the floor `floor_name`; `ok` says whether it is as good as `wanted`."""

    name: str
    value: float
    unit: str
    floor_name: str
    ratio: float
    wanted: float
    ok: bool
