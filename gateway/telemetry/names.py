"""The names of all logs, metrics and spans. What is not listed here cannot be written."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """Log events, `<part>.<what happened>`."""

    NODE_STARTED = "node.started"
    NODE_DRAINING = "node.draining"
    NODE_STOPPED = "node.stopped"
    NODE_FAILED = "node.failed"
    LISTENING = "node.listening"
    SETTINGS_LOADED = "settings.loaded"
    EXCHANGE_ANSWERED = "exchange.answered"
    EXCHANGE_REFUSED = "exchange.refused"
    EXCHANGE_DUPLICATE = "exchange.duplicate"
    EXCHANGE_CONFLICT = "exchange.conflict"
    SEARCH_STARTED = "search.started"
    SEARCH_DONE = "search.done"
    ANSWER_RECEIVED = "search.answer"
    ANSWER_LATE = "search.late"
    ANSWER_REJECTED = "search.answer_rejected"
    PEER_CONNECTED = "peer.connected"
    PEER_LOST = "peer.lost"
    PEER_REFUSED = "peer.refused"
    PEER_CUT = "peer.cut"
    SOURCE_FAILED = "source.failed"
    SOURCE_TIMEOUT = "source.timeout"
    SOURCE_INDEXED = "source.indexed"
    POLICY_LOADED = "policy.loaded"
    POLICY_REFUSED = "policy.refused"
    TRUST_ACCEPTED = "trust.accepted"
    TRUST_REFUSED = "trust.refused"
    SUSPENDED = "suspension.suspended"
    RESUMED = "suspension.resumed"
    AGENCY_REFUSED = "agency.refused"
    AGENCY_FAILED = "agency.failed"
    RECEIPT_SENT = "receipt.sent"
    RECEIPT_RECEIVED = "receipt.received"
    STORAGE_BROKEN = "storage.broken"
    CLOCK_JUMPED = "clock.jumped"
    SPAN = "span"
    LIBRARY = "library"


class Metric(StrEnum):
    """Counters, `liaison_<what>_total`; the comment names the labels."""

    EXCHANGES = "liaison_exchanges_total"  # peer, outcome
    REFUSALS = "liaison_refusals_total"  # reason, code
    SEARCHES = "liaison_searches_total"  # outcome
    ANSWERS = "liaison_answers_total"  # peer, outcome
    LATE_ANSWERS = "liaison_late_answers_total"  # peer
    ANSWER_SECONDS = "liaison_answer_seconds_total"  # peer
    ENTRIES = "liaison_entries_total"  # log
    BATCHES = "liaison_batches_total"  # stage
    BATCHED = "liaison_batched_items_total"  # stage
    STAGE_SECONDS = "liaison_stage_seconds_total"  # stage
    SOURCE_CALLS = "liaison_source_calls_total"  # source, state
    STREAMS = "liaison_streams_opened_total"  # peer
    UNPARSED = "liaison_unparsed_messages_total"  # method
    UNKNOWN_METHODS = "liaison_unknown_methods_total"
    REST_REQUESTS = "liaison_rest_requests_total"  # status
    REDACTED_FIELDS = "liaison_redacted_fields_total"


class Gauge(StrEnum):
    """Values that are asked for when metrics are read."""

    QUEUED = "liaison_queued"
    IN_FLIGHT = "liaison_in_flight"
    LOG_SIZE = "liaison_log_size"
    CERTIFICATE_DAYS = "liaison_certificate_days_left"
    RECEIPT_DEBT = "liaison_receipt_debt"


class Span(StrEnum):
    """Spans of one exchange; each is one log line with its duration."""

    SEARCH = "search"
    ASK = "ask"
    ANSWER = "answer"
    STAGE_IN = "stage.in"
    SOURCES = "sources"
    STAGE_OUT = "stage.out"


FIELDS = frozenset(
    {
        "component", "member", "node", "peer", "agency", "source", "client", "exchange_id", "search_id", "entry",
        "outcome", "reason", "code", "purpose", "kind", "count", "size", "status", "state", "duration_ms",
        "duration_us", "address", "version", "log", "log_number", "stage", "method", "target", "error", "at", "logger",
        "trace_id", "span_id", "parent_id", "span", "policy_hash", "trust_epoch", "production", "days_left", "dropped",
    }
)  # fmt: skip
"""Fields that a log line may have: ids, counts, codes, members and durations; never content, names or numbers
of persons. A field that is not listed is left out, and the line says how many were."""
