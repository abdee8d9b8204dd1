"""Spans as values, and the recorder of a node, which counts, logs and exports them.

A span is made where the step was done, in whatever process that is, and recorded where the telemetry of the node is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec
from msgspec import structs

from gateway.telemetry.counters import Counters
from gateway.telemetry.logs import Logger, is_debugged
from gateway.telemetry.names import LogLine, Span
from gateway.telemetry.sampling import Sampler
from gateway.telemetry.trace import NO_TRACE, Trace, start_trace


class SpanRecord(msgspec.Struct, frozen=True):
    """A step that has ended: its name and place, when it began (microseconds since 1970), how long it took, and more.

    A span without a trace is only counted. It is a plain value: `msgspec` carries it between processes.
    """

    name: Span
    trace: Trace
    begun_us: int
    duration_us: int
    attributes: Mapping[str, str | int] = {}


class SpanSink(Protocol):
    """What exports spans; it never waits."""

    def take(self, span: SpanRecord) -> None:
        """Take a sampled span."""


class Recorder:
    """The spans and durations of one node. With nothing that reads them it is off, and costs one look at `is_on`."""

    def __init__(self, counters: Counters, now_us: Callable[[], int], monotonic: Callable[[], float]) -> None:
        self.counters = counters
        self._now_us = now_us
        self.monotonic = monotonic
        self._log = Logger(component="exchange")
        self._sampler: Sampler | None = None
        self._sink: SpanSink | None = None

    def export(self, sampler: Sampler, sink: SpanSink) -> None:
        """Give the spans of traces that `sampler` takes to `sink` from now on."""
        self._sampler, self._sink = sampler, sink

    @property
    def is_on(self) -> bool:
        """Tell whether spans are read: durations by metrics, traces by a collector, or both by the log's reader."""
        return self._sink is not None or self.counters.is_timed or is_debugged()

    def begin(self, traceparent: str = "", tracestate: str = "") -> Trace:
        """Return the first span of a search of our own officers, below that of the system that asked."""
        trace = start_trace(traceparent, tracestate)
        if self._sampler is None:
            return trace
        takes = self._sampler.takes_ours(trace.is_sampled if trace.parent_id else None)
        return structs.replace(trace, is_sampled=takes)

    def join(self, traceparent: str, peer: str) -> Trace | None:
        """Return the first span of a counterpart's question; None where it has no trace and none is recorded."""
        if not traceparent and self._sampler is None:
            return None
        trace = start_trace(traceparent)
        takes = self._sampler is not None and self._sampler.takes_peer(peer, wished=trace.is_sampled)
        if not takes and not trace.parent_id:
            return None
        return structs.replace(trace, is_sampled=takes)

    def span(
        self, name: Span, trace: Trace | None, begun: float, ended: float, attributes: Mapping[str, str | int]
    ) -> SpanRecord:
        """Return a step that lasted from `begun` to `ended` (values of `Clock.monotonic`)."""
        begun_us = self._now_us() - round((self.monotonic() - begun) * 1e6)
        return SpanRecord(name, trace or NO_TRACE, begun_us, round((ended - begun) * 1e6), attributes)

    def record(self, span: SpanRecord) -> None:
        """Count the duration of a span, log it at the level `debug`, and export it where it is sampled."""
        if span.name.measured is not None and self.counters.is_timed:
            labels = tuple((label, str(span.attributes.get(label, ""))) for label in span.name.measured.labels)
            ended_us = span.begun_us + span.duration_us
            self.counters.observe(span.name.measured, labels, span.duration_us / 1e6, span.trace, ended_us)
        if not span.trace.trace_id:
            return
        if self._sink is not None and span.trace.is_sampled:
            self._sink.take(span)
        if is_debugged():
            self._log.debug(
                LogLine.SPAN,
                span=span.name.value,
                trace_id=span.trace.trace_id,
                span_id=span.trace.span_id,
                parent_id=span.trace.parent_id,
                duration_us=span.duration_us,
                **span.attributes,
            )
