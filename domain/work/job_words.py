"""What the work of the clock is called, and what a run of it did, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from domain.money import Money
from domain.wording import Words, words

NAMED: Final = frozenset(
    (
        "announcements",
        "evening_reminder",
        "ledger_audit",
        "morning_tasks",
        "reach_cleanup",
        "settle",
        "task_check",
        "visit_rollup",
        "weekly_summary",
    )
)
_COUNTS: Final = ("given", "done", "told", "put_out", "taken_back", "violations", "made_payable", "windows", "files")


def named(job: str) -> Words:
    """Return what people call the job; one without a name is called as in the code."""
    return words(f"job.{job}") if job in NAMED else words("as_is", text=job)


def told(job: str, result: Mapping[str, Any]) -> Words:
    """Return what a finished run did."""
    if job not in NAMED:
        return words("as_is", text=", ".join(f"{name} {value}" for name, value in result.items()))
    counts = {name: _count(result.get(name)) for name in _COUNTS}
    return words(f"job_did.{job}", day=str(result.get("day", "")), amounts=_amounts(result.get("amounts")), **counts)


def _count(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else value if isinstance(value, int) else 0


def _amounts(amounts: object) -> list[Words]:
    """Each currency's sum on a line of its own; a shop settles in one, so there is one line at most."""
    if not isinstance(amounts, Mapping):
        return []
    return [words("job_did.amount", amount=Money(minor, currency)) for currency, minor in amounts.items()]
