"""Logs, metrics and traces: all names in one place, and no personal data in any of them."""

from gateway.telemetry.counters import Counters
from gateway.telemetry.logs import Logger, configure_logging
from gateway.telemetry.loop_lag import LoopLag
from gateway.telemetry.metrics import serve_metrics
from gateway.telemetry.names import Gauge, LogLine, Metric, Span
from gateway.telemetry.trace import Trace, parse_traceparent, record_span, start_trace

__all__ = [
    "Counters",
    "Gauge",
    "LogLine",
    "Logger",
    "LoopLag",
    "Metric",
    "Span",
    "Trace",
    "configure_logging",
    "parse_traceparent",
    "record_span",
    "serve_metrics",
    "start_trace",
]
