"""`[telemetry]`: what a process says of its own work, and to whom."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.sections.setting import setting

LOG_LEVELS = ("debug", "info", "warning", "error")
SIGNALS = ("traces", "metrics", "logs")


@dataclass(frozen=True, slots=True)
class Telemetry:
    """`[telemetry]`: what this process says of its own work, never with personal data (docs/telemetry.md)."""

    log_level: str = setting("debug, info, warning or error.", "info", live=True)
    endpoint: str = setting(
        "Address of an OpenTelemetry collector (OTLP/HTTP, extra `otlp`): https://HOST:4318, or http:// on this "
        "machine. Empty: none.",
        "",
    )
    signals: tuple[str, ...] = setting("What it gets: traces, metrics, logs.", SIGNALS)
    ca: str = setting("PEM file of the CA of its certificate.", "", path=True)
    certificate: str = setting("PEM file of our client certificate for it. Empty: none.", "", path=True)
    key: str = setting("PEM file of that certificate's key (mode 0600).", "", path=True)
    headers: str = setting(
        "File of headers for it, a `name: value` on each line, such as its credential (mode 0600). Empty: none.",
        "",
        path=True,
    )
    timeout_ms: int = setting("Milliseconds in which it must take an export.", 3000, minimum=100, maximum=60_000)
    sample_ratio: float = setting("Part of the traces that begin here that are recorded, from 0 to 1.", 0.1, maximum=1)
    traces_per_s: int = setting(
        "Traces in a second that are recorded at most: of our own systems together, and of each counterpart.",
        10,
        minimum=1,
        maximum=10_000,
    )
