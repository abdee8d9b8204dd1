"""Logs, metrics and traces: all names in one place, and no personal data in any of them."""

from gateway.telemetry.counters import Counters
from gateway.telemetry.logs import Logger, configure_logging
from gateway.telemetry.loop_lag import LoopLag
from gateway.telemetry.metrics import serve_metrics
from gateway.telemetry.names import Gauge, Histogram, LogLine, Metric, Span
from gateway.telemetry.sampling import Sampler
from gateway.telemetry.spans import Recorder, SpanRecord
from gateway.telemetry.trace import NO_TRACE, Trace, parse_traceparent, start_trace

__all__ = [
    "NO_TRACE",
    "Counters",
    "Gauge",
    "Histogram",
    "LogLine",
    "Logger",
    "LoopLag",
    "Metric",
    "Recorder",
    "Sampler",
    "Span",
    "SpanRecord",
    "Trace",
    "configure_logging",
    "parse_traceparent",
    "serve_metrics",
    "start_trace",
]
