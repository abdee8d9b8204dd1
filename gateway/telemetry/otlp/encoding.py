"""Encode values of the node as OTLP messages, by OpenTelemetry's own SDK and encoder.

Only what is on the closed lists of `names` passes, in its form; the rest is left out and counted. A `tracestate` of
foreign systems is never among it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from gateway.telemetry.counters import Counters
from gateway.telemetry.instruments import histogram_data, make_instruments
from gateway.telemetry.logs import note_redacted
from gateway.telemetry.names import ATTRIBUTES, FIELDS, Span
from gateway.telemetry.otlp.signals import Signal
from gateway.telemetry.spans import SpanRecord

_SCOPE = "liaison"
_KINDS = {Span.SEARCH: SpanKind.SERVER, Span.ANSWER: SpanKind.SERVER, Span.COUNTERPART: SpanKind.CLIENT}
_WELL = frozenset({"ok", "changed", "suspended"})
_CONVENTIONS = {"code": "error.type", "error": "exception.type"}
"""Names of the semantic conventions; everything else is below `liaison.`."""

_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}
_OUTSIDE = frozenset({"event", "level", "time", "trace_id", "span_id"})
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Encoder:
    """Encodes what one process tells of itself; `about` are the attributes of its resource."""

    def __init__(self, about: Mapping[str, str], counters: Counters, now_ns: int) -> None:
        self._resource = Resource(dict(about))
        self._scope = InstrumentationScope(_SCOPE, about.get("service.version", ""))
        self._counters = counters
        self._since_ns = now_ns
        self._reader = _Reader()
        provider = MeterProvider(metric_readers=[self._reader], resource=self._resource, shutdown_on_exit=False)
        make_instruments(provider.get_meter(_SCOPE), counters)

    def spans(self, batch: Sequence[SpanRecord]) -> bytes:
        """Return spans as the body of an export."""
        return encode_spans([self._span(span) for span in batch]).SerializeToString()

    def lines(self, batch: Sequence[Mapping[str, Any]]) -> bytes:
        """Return log lines as the body of an export."""
        return encode_logs([self._line(fields) for fields in batch]).SerializeToString()

    def metrics(self, now_ns: int) -> bytes:
        """Return all counters, gauges and histograms as they are now, as the body of an export."""
        self._reader.collect()
        counted = [
            metric
            for resource in self._reader.data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        measured = histogram_data(self._counters, self._since_ns, now_ns)
        scope = ScopeMetrics(self._scope, [*counted, *measured], "")
        return encode_metrics(MetricsData([ResourceMetrics(self._resource, [scope], "")])).SerializeToString()

    def _span(self, span: SpanRecord) -> ReadableSpan:
        trace, kind = span.trace, _KINDS.get(span.name, SpanKind.INTERNAL)
        above = None
        if trace.parent_id:
            above = _context(trace.trace_id, trace.parent_id, is_remote=kind is SpanKind.SERVER)
        return ReadableSpan(
            span.name.value,
            context=_context(trace.trace_id, trace.span_id),
            parent=above,
            resource=self._resource,
            attributes=dict(_allowed(span.attributes)),
            kind=kind,
            status=_status(span),
            start_time=span.begun_us * 1000,
            end_time=(span.begun_us + span.duration_us) * 1000,
            instrumentation_scope=self._scope,
        )

    def _line(self, fields: Mapping[str, Any]) -> ReadableLogRecord:
        at_ns, level, event = _ns(str(fields.get("time", ""))), str(fields.get("level", "")), str(fields["event"])
        trace_id, span_id = fields.get("trace_id", ""), fields.get("span_id", "")
        record = LogRecord(
            timestamp=at_ns,
            observed_timestamp=at_ns,
            trace_id=int(trace_id, 16) if trace_id else 0,
            span_id=int(span_id, 16) if span_id else 0,
            trace_flags=TraceFlags(TraceFlags.DEFAULT),
            severity_text=level,
            severity_number=_SEVERITIES.get(level, SeverityNumber.UNSPECIFIED),
            body=event,
            attributes={_name(key): value for key, value in fields.items() if _is_told(key, value)},
        )
        record.event_name = event
        return ReadableLogRecord(record, self._resource, self._scope)


class _Reader(MetricReader):
    """Keeps what was collected, for the exporter that asked for it."""

    def __init__(self) -> None:
        super().__init__()
        self.data = MetricsData([])

    def _receive_metrics(self, metrics_data: MetricsData, *_: Any, **_kwargs: Any) -> None:
        self.data = metrics_data

    def shutdown(self, timeout_millis: float = 30_000, **_kwargs: Any) -> None:
        """End; there is nothing to end."""


def rejected(signal: Signal, body: bytes) -> int:
    """Return how many items of an export a collector says that it did not keep. Raises `ValueError` for other bytes."""
    if signal is Signal.TRACES:
        return int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)
    if signal is Signal.LOGS:
        return int(ExportLogsServiceResponse.FromString(body).partial_success.rejected_log_records)
    return int(ExportMetricsServiceResponse.FromString(body).partial_success.rejected_data_points)


def _context(trace_id: str, span_id: str, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, _SAMPLED)


def _status(span: SpanRecord) -> Status:
    is_lost = span.name is Span.COUNTERPART and "code" in span.attributes
    is_failed = span.name is Span.SOURCE and span.attributes.get("state") not in _WELL
    return Status(StatusCode.ERROR if is_lost or is_failed else StatusCode.UNSET)


def _allowed(attributes: Mapping[str, str | int]) -> Iterator[tuple[str, str | int]]:
    for name, value in attributes.items():
        form = ATTRIBUTES.get(name)
        if form is None or not (isinstance(value, int) if form is int else _fits(form, value)):
            note_redacted(1)
        elif value != "":
            yield _name(name), value


def _fits(form: Any, value: object) -> bool:
    return isinstance(value, str) and (value == "" or form.fullmatch(value) is not None)


def _is_told(key: str, value: object) -> bool:
    is_listed = (key in FIELDS or key == "dropped") and key not in _OUTSIDE
    return is_listed and value != "" and isinstance(value, str | int | float)


def _name(key: str) -> str:
    return _CONVENTIONS.get(key, f"liaison.{key}")


def _ns(time: str) -> int:
    """Return a time of a log line in nanoseconds since 1970."""
    return (datetime.fromisoformat(time) - _EPOCH) // timedelta(microseconds=1) * 1000 if time else 0
