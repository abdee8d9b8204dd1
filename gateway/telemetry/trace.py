"""W3C trace context (https://www.w3.org/TR/trace-context/) from the officer's request through both nodes.

`traceparent` and `tracestate` are read and sent on; `baggage` is neither, since it carries content of its senders.
"""

from __future__ import annotations

import re
import secrets

import msgspec

MAX_STATE = 512
"""Bytes of a `tracestate` that is sent on; a longer one is left out whole."""

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_KEY = r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
_MEMBER = re.compile(rf"({_KEY})=[ -+\--<>-~]{{0,255}}[!-+\--<>-~]", re.ASCII)
_MAX_MEMBERS = 32
_SAMPLED = 1


class Trace(msgspec.Struct, frozen=True):
    """One place in a trace: the trace, the span, and the span above it (empty at the root).

    `is_sampled` tells whether our node records it. `state` is the sender's `tracestate`, which is sent on and never
    recorded.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    is_sampled: bool = False
    state: str = ""

    @property
    def header(self) -> str:
        """The `traceparent` to send on; empty without a trace."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_sampled else '00'}" if self.trace_id else ""

    def child(self) -> Trace:
        """Return a span below this one."""
        return Trace(self.trace_id, secrets.token_hex(8), self.span_id, self.is_sampled, self.state)


NO_TRACE = Trace("", "")


def parse_traceparent(text: str) -> Trace | None:
    """Return the sender's place in its trace, or None when `text` is not a valid `traceparent`."""
    match = _TRACEPARENT.fullmatch(text) if len(text) <= 256 else None
    if not match or match[1] == "ff" or (match[1] == "00" and match[5]):
        return None
    if not int(match[2], 16) or not int(match[3], 16):
        return None
    return Trace(match[2], match[3], is_sampled=bool(int(match[4], 16) & _SAMPLED))


def checked_state(text: str) -> str:
    """Return a `tracestate` in its plain form; an empty text for one that is too long or has another form."""
    if not text or len(text) > MAX_STATE:
        return ""
    members = [part.strip(" \t") for part in text.split(",")]
    matches = [_MEMBER.fullmatch(part) for part in members if part]
    keys = {match[1] for match in matches if match}
    return ",".join(part for part in members if part) if len(keys) == len(matches) <= _MAX_MEMBERS else ""


def start_trace(traceparent: str = "", tracestate: str = "") -> Trace:
    """Return a span below the sender's, as sampled as that; the root of a new trace when there is no valid one."""
    parent = parse_traceparent(traceparent)
    if parent is None:
        return Trace(secrets.token_hex(16), secrets.token_hex(8))
    return Trace(parent.trace_id, secrets.token_hex(8), parent.span_id, parent.is_sampled, checked_state(tracestate))
