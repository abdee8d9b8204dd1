"""W3C trace context (https://www.w3.org/TR/trace-context/) from the officer's request through both nodes."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from gateway.telemetry.logs import Logger
from gateway.telemetry.names import LogLine, Span

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trace:
    """One place in a trace: the trace, the span, and the span above it (empty at the root)."""

    trace_id: str
    span_id: str
    parent_id: str = ""
    flags: str = "01"

    @property
    def header(self) -> str:
        """The `traceparent` to send on."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def child(self) -> Trace:
        """Return a span below this one."""
        return Trace(self.trace_id, secrets.token_hex(8), self.span_id, self.flags)


def parse_traceparent(text: str) -> Trace | None:
    """Return the sender's place in its trace, or None when `text` is not a valid `traceparent`."""
    match = _TRACEPARENT.fullmatch(text) if len(text) <= 256 else None
    if not match or match[1] == "ff" or (match[1] == "00" and match[5]):
        return None
    if not int(match[2], 16) or not int(match[3], 16):
        return None
    return Trace(match[2], match[3], flags=match[4])


def start_trace(traceparent: str = "") -> Trace:
    """Return a span below the sender's, or the root of a new trace when there is no valid one."""
    parent = parse_traceparent(traceparent)
    return parent.child() if parent else Trace(secrets.token_hex(16), secrets.token_hex(8))


def record_span(log: Logger, span: Span, trace: Trace, seconds: float, **fields: object) -> None:
    """Write a span that has ended, as a log line."""
    log.debug(
        LogLine.SPAN,
        span=span.value,
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        parent_id=trace.parent_id,
        duration_us=round(seconds * 1e6),
        **fields,
    )
