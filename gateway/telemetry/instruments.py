"""The counters, gauges and histograms of a node as OpenTelemetry and Prometheus read them; loaded with an exporter."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import AggregationTemporality, HistogramDataPoint
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.metrics.export import Metric as MetricData

from gateway.telemetry.counters import Counters, Durations
from gateway.telemetry.logs import lost_lines, redacted_fields
from gateway.telemetry.names import BOUNDS, Gauge, Histogram, Metric

Read = Callable[[CallbackOptions], Iterable[Observation]]


def make_instruments(meter: Meter, counters: Counters) -> None:
    """Make an observable instrument for each counter and gauge."""
    for metric in Metric:
        # Exporters add `_total` themselves.
        meter.create_observable_counter(
            metric.value.removesuffix("_total"), [_counts(counters, metric)], description=metric.help
        )
    for gauge in Gauge:
        meter.create_observable_gauge(gauge.value, [_values(counters, gauge)], description=gauge.help)


def _counts(counters: Counters, metric: Metric) -> Read:
    def read(_options: CallbackOptions) -> Iterable[Observation]:
        if metric is Metric.REDACTED_FIELDS:
            return [Observation(redacted_fields())]
        if metric is Metric.LOST_LOG_LINES:
            return [Observation(lost_lines())]
        return [Observation(count, dict(labels)) for name, labels, count in counters.counts() if name is metric]

    return read


def _values(counters: Counters, gauge: Gauge) -> Read:
    def read(_options: CallbackOptions) -> Iterable[Observation]:
        found = counters.gauges().get(gauge)
        return [Observation(value, dict(labels)) for labels, value in found().items()] if found else []

    return read


def histogram_data(counters: Counters, since_ns: int, now_ns: int) -> list[MetricData]:
    """Return all histograms in the form of the SDK, cumulative since `since_ns`."""
    points: dict[Histogram, list[HistogramDataPoint]] = {}
    for histogram, labels, found in counters.durations():
        points.setdefault(histogram, []).append(
            HistogramDataPoint(
                attributes=dict(labels),
                start_time_unix_nano=since_ns,
                time_unix_nano=now_ns,
                count=sum(found.counts),
                sum=found.total,
                bucket_counts=found.counts,
                explicit_bounds=BOUNDS,
                min=found.least,
                max=found.most,
                exemplars=_exemplars(found),
            )
        )
    return [
        MetricData(histogram.value, histogram.help, "s", HistogramData(data, AggregationTemporality.CUMULATIVE))
        for histogram, data in points.items()
    ]


def _exemplars(found: Durations) -> list[Exemplar]:
    return [
        Exemplar({}, each.seconds, each.time_us * 1000, int(each.span_id, 16), int(each.trace_id, 16))
        for each in found.examples.values()
    ]
