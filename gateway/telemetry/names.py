"""The names of all logs, metrics and spans. A name that is not listed cannot be written."""

from __future__ import annotations

from enum import StrEnum


class _Named(StrEnum):
    """A name with the sentence that explains it, and its labels or fields. `docs/telemetry.md` is made from them."""

    help: str
    labels: tuple[str, ...]

    def __new__(cls, name: str, help: str, *labels: str) -> _Named:  # noqa: A002 - the word of OpenMetrics
        """Return the name as a text that carries its sentence and labels."""
        named = str.__new__(cls, name)
        named._value_, named.help, named.labels = name, help, labels
        return named


class LogLine(_Named):
    """Log events, `<part>.<event>`, with the fields that each has beside those of the process."""

    NODE_STARTED = "node.started", "The node listens.", "address", "signatures", "source"
    NODE_RELOADED = (
        "node.reloaded",
        "The settings were read again. `target` names those that need a restart.",
        "count",
        "target",
    )
    NODE_NOT_RELOADED = (
        "node.not-reloaded",
        "The settings could not be used, and nothing changed.",
        "error",
        "code",
        "reason",
        "at",
    )
    NODE_DRAINING = "node.draining", "The node was asked to stop; what is under way ends."
    NODE_STOPPED = "node.stopped", "The node has stopped in order."
    STOP_HANGS = "process.stop-hangs", "The stop took longer than 60 seconds, and the process ended by force."
    NODE_READY = "node.ready", "The node is ready again."
    NODE_NOT_READY = "node.not-ready", "The node is not ready; a line for each cause.", "code"
    STORAGE_BROKEN = (
        "storage.broken",
        "Database or disk failed, and the process ends.",
        "error",
        "code",
        "reason",
        "at",
    )
    LOG_FORKED = (
        "log.forked",
        "A witness knows another head of our log, and the process ends.",
        "error",
        "code",
        "reason",
        "at",
    )
    KEYS_LOST = (
        "keys.lost",
        "The security module does not sign any more, and the process ends.",
        "error",
        "code",
        "reason",
        "at",
    )
    ROUNDS_FAILED = "rounds.failed", "Periodic work has failed.", "error", "code", "reason", "at"
    EXCHANGE = (
        "exchange",
        "One question was answered, or ended without an answer. `kind` is that of its entry (docs/audit-events.md) in "
        "the exchange log, and `entry` its index there.",
        "kind",
        "peer",
        "exchange_id",
        "outcome",
        "code",
        "purpose",
        "entry",
    )
    ENTRY = "entry", "An entry of the operations log was written.", "kind", "peer", "entry"
    AGENCY_REFUSED = "agency.refused", "A call of one of our own systems was refused.", "client", "code", "reason"
    AGENCY_FAILED = (
        "agency.failed",
        "A call of one of our own systems failed in an unforeseen way.",
        "error",
        "code",
        "reason",
        "at",
    )
    SPAN = (
        "span",
        "A search or an answer took so long; at the level `debug` only.",
        "span",
        "trace_id",
        "span_id",
        "parent_id",
        "duration_us",
        "peer",
        "outcome",
        "search_id",
    )
    LIBRARY = "library", "A library has logged something; its text is left out.", "logger", "at", "error"


class Metric(_Named):
    """Counters, with their labels, all of closed sets."""

    ENTRIES = (
        "liaison_entries_total",
        "Entries that were written, by log, kind, counterpart and outcome.",
        "log",
        "kind",
        "peer",
        "outcome",
    )
    REFUSALS = "liaison_refusals_total", "Calls of counterparts that were refused.", "reason", "code"
    REST_REQUESTS = "liaison_rest_requests_total", "Answered calls of the REST API, by HTTP status.", "status"
    SEARCH_SECONDS = "liaison_search_seconds_total", "Seconds that all searches took together."
    REDACTED_FIELDS = "liaison_redacted_fields_total", "Fields that were left out of log lines."
    LOST_LOG_LINES = "liaison_lost_log_lines_total", "Log lines that no reader took in time."


class Gauge(_Named):
    """Values that are computed when metrics are read."""

    LOG_SIZE = "liaison_log_size", "Entries in a log.", "log"
    CERTIFICATE_DAYS = "liaison_certificate_days_left", "Days until a certificate expires.", "certificate"
    STATUS_SECONDS = (
        "liaison_status_seconds_left",
        "Seconds until the status of a member ends, and with it the exchange with it.",
        "member",
    )
    CHARTER_SECONDS = "liaison_charter_seconds_left", "Seconds until the charter ends."
    PEER_CONNECTED = "liaison_peer_connected", "1 while there is a connection to a counterpart, else 0.", "peer"
    QUORUM_AGE = (
        "liaison_witness_quorum_age_seconds",
        "Seconds for which entries of a log have waited for a quorum.",
        "log",
    )
    WITNESS_REACHED = "liaison_witness_reached", "1 when a witness cosigned in the last round, else 0.", "witness"
    RECEIPT_DEBT = "liaison_receipt_debt", "Answers of ours that a counterpart has not acknowledged.", "peer"
    READY = "liaison_ready", "1 while the node is ready, else 0."
    COMMIT_SECONDS = "liaison_commit_pending_seconds", "Seconds since the commit that is under way began."
    DISK_FREE = "liaison_disk_free_bytes", "Free bytes on a disk that the node writes to.", "disk"
    DISK_RESERVE = "liaison_disk_reserve_bytes", "Bytes that must stay free on a disk.", "disk"
    DESCRIPTORS_FREE = "liaison_descriptors_free", "Files and connections that the process may still open."
    RECEIPT_DEBT_SECONDS = (
        "liaison_receipt_debt_seconds",
        "Age in seconds of the oldest answer without a receipt.",
        "peer",
    )
    LOOP_LAG = "liaison_loop_lag_seconds", "Delays of the event loop in the last minute, as quantiles.", "quantile"
    LOOP_HELD = (
        "liaison_loop_held_seconds",
        "The same delays without the wait for a processor.",
        "quantile",
    )


class Span(StrEnum):
    """Spans of one exchange; each is one log line with its duration."""

    SEARCH = "search"
    ANSWER = "answer"


FIELDS = frozenset(
    {
        "component", "member", "node", "peer", "agency", "source", "client", "exchange_id", "search_id", "entry",
        "outcome", "reason", "code", "purpose", "kind", "count", "size", "status", "state", "duration_ms",
        "duration_us", "address", "version", "log", "log_number", "stage", "method", "target", "error", "at", "logger",
        "trace_id", "span_id", "parent_id", "span", "policy_hash", "trust_epoch", "production", "days_left", "dropped",
        "signatures",
    }
)  # fmt: skip
"""Fields that a log line may have: ids, counts, codes, members and durations; never content or persons' names.

A field that is not listed is left out, and the line counts those.
"""
