"""Counters as a plain dictionary, which observable instruments read only on demand (MEASURED-11)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping

import msgspec
from msgspec import structs

from gateway.telemetry.names import BOUNDS, Gauge, Histogram, Metric
from gateway.telemetry.trace import Trace

Labels = tuple[tuple[str, str], ...]


class Example(msgspec.Struct, frozen=True):
    """A duration with the trace that it comes from (an exemplar)."""

    seconds: float
    trace_id: str
    span_id: str
    time_us: int


class Durations(msgspec.Struct):
    """Durations of one histogram with the same labels: a count for each bucket of `BOUNDS`, and one for longer ones.

    `examples` has the last recorded trace of each bucket.
    """

    counts: list[int]
    total: float = 0.0
    least: float = 0.0
    most: float = 0.0
    examples: dict[int, Example] = {}


class Counters:
    """All counts of one process. `add` costs a fraction of a microsecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[Metric, Labels], float] = {}
        self._gauges: dict[Gauge, Callable[[], Mapping[Labels, float]]] = {}
        self._durations: dict[tuple[Histogram, Labels], Durations] = {}
        self.is_timed = False
        """Tells whether durations are read: while they are not, they need not be measured."""

    def observe(self, histogram: Histogram, labels: Labels, seconds: float, trace: Trace, at_us: int) -> None:
        """Count a duration. Labels are those of the histogram, in its order; a sampled trace is kept as an example."""
        place = bisect_left(BOUNDS, seconds)
        key = (histogram, labels)
        with self._lock:
            found = self._durations.get(key)
            if found is None:
                found = self._durations[key] = Durations([0] * (len(BOUNDS) + 1), least=seconds)
            found.least, found.most = min(found.least, seconds), max(found.most, seconds)
            found.counts[place] += 1
            found.total += seconds
            if trace.is_sampled:
                found.examples[place] = Example(seconds, trace.trace_id, trace.span_id, at_us)

    def durations(self) -> list[tuple[Histogram, Labels, Durations]]:
        """Return all durations, as they are now."""
        with self._lock:
            return [
                (histogram, labels, structs.replace(found, counts=list(found.counts), examples=dict(found.examples)))
                for (histogram, labels), found in self._durations.items()
            ]

    def add(self, metric: Metric, by: float = 1, **labels: str) -> None:
        """Count `by` more. Labels are ids and codes of closed sets, so that their number stays bounded."""
        key = (metric, tuple(labels.items()))
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + by

    def gauge(self, gauge: Gauge, read: Callable[[], Mapping[Labels, float]]) -> None:
        """Call `read` whenever metrics are read; it returns a value for each set of labels."""
        self._gauges[gauge] = read

    def value(self, metric: Metric, **labels: str) -> float:
        """Return the sum of all counts of `metric` that have these labels."""
        wanted = set(labels.items())
        return sum(count for name, found, count in self.counts() if name is metric and wanted <= set(found))

    def counts(self) -> list[tuple[Metric, Labels, float]]:
        """Return all counts, labels in the order of their names."""
        with self._lock:
            copy = list(self._counts.items())
        merged: dict[tuple[Metric, Labels], float] = {}
        for (metric, labels), count in copy:
            key = (metric, tuple(sorted(labels)))
            merged[key] = merged.get(key, 0) + count
        return [(metric, labels, count) for (metric, labels), count in merged.items()]

    def gauges(self) -> dict[Gauge, Callable[[], Mapping[Labels, float]]]:
        """Return the function of each gauge, which returns its current values."""
        return dict(self._gauges)
