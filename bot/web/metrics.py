"""Figures for whoever keeps the house running: requests, writes in groups, what waits to be sent, when jobs ran."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from domain.schema import Alert, Outbox
from domain.schema.messages import UNDER_WAY
from domain.work import job_runs

CONTENT_TYPE: Final = "text/plain; version=0.0.4"
_LABELS: Final = ("method", "route", "status")
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OPEN: Final = {
    "queued": "state = 'queued'",
    "sending": f"{UNDER_WAY} AND state = 'sending'",
    "deferred": "state = 'deferred'",
    "unknown": "state = 'unknown'",
}
"""Messages that are not done yet, in the words of the small indexes that hold them."""


@dataclass(slots=True)
class _Times:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the database says at the moment of asking."""

    outbox: Mapping[str, int]
    alerts: int
    jobs: Mapping[str, datetime]


def snapshot(db: Session) -> Snapshot:
    waiting = [
        select(func.count()).select_from(Outbox).where(text(condition)).scalar_subquery()
        for condition in _OPEN.values()
    ]
    alerts = select(func.count()).select_from(Alert).where(Alert.cleared_at.is_(None)).scalar_subquery()
    *counts, open_alerts = db.execute(select(*waiting, alerts)).one()
    return Snapshot(dict(zip(_OPEN, counts, strict=True)), open_alerts, job_runs.last_done(db))


class Metrics:
    """Counts in the process; holds names of routes and states only, nothing of any person and no secret."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, str, int], _Times] = {}
        self._groups: Counter[str] = Counter()
        self._grouped: Counter[str] = Counter()
        self._visits: Counter[str] = Counter()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        times = self._times.get((method, route, status))
        if times is None:
            times = self._times[method, route, status] = _Times()
        times.counts[bisect_left(BOUNDS, seconds)] += 1
        times.total += seconds

    def group(self, name: str, size: int) -> None:
        """A group of `size` items was written in one transaction."""
        self._groups[name] += 1
        self._grouped[name] += size

    def visits(self, what: str, count: int = 1) -> None:
        """Visits that were answered before they were written: `kept` for later, or `lost`."""
        self._visits[what] += count

    def text(self, seen: Snapshot | None) -> bytes:
        """Return everything in Prometheus' text format; None: the database could not be asked."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(self._families(seen)))
        ProcessCollector(registry=registry)
        return generate_latest(registry)

    def _families(self, seen: Snapshot | None) -> Iterator[Metric]:
        requests = HistogramMetricFamily(
            "fenxiao_http_request_seconds", "Requests answered, and the time to the answer", labels=_LABELS
        )
        bounds = [*map(str, BOUNDS), "+Inf"]
        for (method, route, status), times in self._times.items():
            buckets = list(zip(bounds, map(float, accumulate(times.counts)), strict=True))
            requests.add_metric([method, route, str(status)], buckets, times.total)
        yield requests
        yield _counter("fenxiao_write_groups", "Groups written in one transaction", "what", self._groups)
        yield _counter("fenxiao_write_group_items", "Items written in groups", "what", self._grouped)
        yield _counter("fenxiao_visits_late", "Visits answered before they were written", "what", self._visits)
        yield GaugeMetricFamily(
            "fenxiao_database_up", "Whether the database answered just now", value=0 if seen is None else 1
        )
        if seen is None:
            return
        yield _gauge("fenxiao_outbox_messages", "Messages that are not done yet", "state", seen.outbox)
        yield GaugeMetricFamily("fenxiao_alerts_open", "Alerts that nobody has dealt with", value=seen.alerts)
        done = {job: at.timestamp() for job, at in seen.jobs.items()}
        yield _gauge("fenxiao_job_last_done_timestamp_seconds", "When each job was last done", "job", done)


class _Families(Collector):
    def __init__(self, families: Iterator[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return self._families


def _counter(name: str, meaning: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for key, count in counts.items():
        family.add_metric([key], count)
    return family


def _gauge(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
