"""Logs, metrics and traces: all names in one place, and no personal data in any of them."""

from gateway.telemetry.counters import Counters
from gateway.telemetry.logs import Log, configure_logging
from gateway.telemetry.metrics import serve_metrics
from gateway.telemetry.names import Event, Gauge, Metric, Span
from gateway.telemetry.trace import Trace, parse_traceparent, record_span, start_trace

__all__ = [
    "Counters",
    "Event",
    "Gauge",
    "Log",
    "Metric",
    "Span",
    "Trace",
    "configure_logging",
    "parse_traceparent",
    "record_span",
    "serve_metrics",
    "start_trace",
]
