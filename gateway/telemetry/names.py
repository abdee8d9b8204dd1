"""The names of all logs, metrics and spans. A name that is not listed cannot be written."""

from __future__ import annotations

from enum import StrEnum


class LogLine(StrEnum):
    """Log events, `<part>.<event>`. An entry of the audit log is written as `entry` with its kind."""

    NODE_STARTED = "node.started"
    NODE_DRAINING = "node.draining"
    NODE_STOPPED = "node.stopped"
    STOP_HANGS = "process.stop-hangs"
    NODE_READY = "node.ready"
    NODE_NOT_READY = "node.not-ready"
    STORAGE_BROKEN = "storage.broken"
    LOG_FORKED = "log.forked"
    ROUNDS_FAILED = "rounds.failed"
    ENTRY = "entry"
    AGENCY_REFUSED = "agency.refused"
    AGENCY_FAILED = "agency.failed"
    SPAN = "span"
    LIBRARY = "library"


class Metric(StrEnum):
    """Counters; the comment names the labels, all of closed sets."""

    ENTRIES = "liaison_entries_total"  # log, kind, peer, outcome
    REFUSALS = "liaison_refusals_total"  # reason, code
    REST_REQUESTS = "liaison_rest_requests_total"  # status
    SEARCH_SECONDS = "liaison_search_seconds_total"
    REDACTED_FIELDS = "liaison_redacted_fields_total"
    LOST_LOG_LINES = "liaison_lost_log_lines_total"


class Gauge(StrEnum):
    """Values that are computed when metrics are read."""

    LOG_SIZE = "liaison_log_size"  # log
    CERTIFICATE_DAYS = "liaison_certificate_days_left"  # certificate
    PEER_CONNECTED = "liaison_peer_connected"  # peer
    QUORUM_AGE = "liaison_witness_quorum_age_seconds"  # log
    WITNESS_REACHED = "liaison_witness_reached"  # witness
    RECEIPT_DEBT = "liaison_receipt_debt"  # peer; answers of ours that are not acknowledged
    READY = "liaison_ready"  # 1 or 0
    COMMIT_SECONDS = "liaison_commit_pending_seconds"  # since the commit that is under way began
    DISK_FREE = "liaison_disk_free_bytes"  # disk
    DISK_RESERVE = "liaison_disk_reserve_bytes"  # disk
    DESCRIPTORS_FREE = "liaison_descriptors_free"
    RECEIPT_DEBT_SECONDS = "liaison_receipt_debt_seconds"  # peer; age of the oldest of them
    LOOP_LAG = "liaison_loop_lag_seconds"  # quantile; delays of the event loop in the last minute
    LOOP_HELD = "liaison_loop_held_seconds"  # quantile; these delays without the wait for a processor


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
