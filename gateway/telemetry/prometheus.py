"""The histograms of a node as Prometheus reads them; loaded where metrics are served."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from gateway.telemetry.counters import Counters
from gateway.telemetry.names import BOUNDS, Histogram


class HistogramCollector(Collector):
    """Reads the durations each time that metrics are asked for."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield each histogram with its buckets; one without durations has its head only."""
        families = {
            histogram: HistogramMetricFamily(histogram.value, histogram.help, labels=histogram.labels)
            for histogram in Histogram
        }
        for histogram, labels, found in self._counters.durations():
            buckets = list(zip([*map(str, BOUNDS), "+Inf"], accumulate(found.counts), strict=True))
            families[histogram].add_metric([value for _, value in labels], buckets, sum_value=found.total)
        yield from families.values()
