"""The three signals of OTLP: paths of the collector, and how much of each may wait."""

from __future__ import annotations

from enum import StrEnum


class Signal(StrEnum):
    """A kind of telemetry that a collector takes."""

    path: str
    room: int

    def __new__(cls, name: str, path: str, room: int) -> Signal:
        """Return the name as a text that carries the path below the endpoint, and the items that may wait."""
        named = str.__new__(cls, name)
        named._value_, named.path, named.room = name, path, room
        return named

    TRACES = "traces", "/v1/traces", 4096
    METRICS = "metrics", "/v1/metrics", 1
    LOGS = "logs", "/v1/logs", 4096
