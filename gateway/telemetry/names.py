"""The names of all logs, metrics and spans. A name that is not listed cannot be written."""

from __future__ import annotations

import re
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
    WAITS_FOR_WITNESSES = (
        "node.waits",
        "The log of the node was restored or moved, and no witness answers: it asks again before it gives up.",
    )
    SOURCE_CONFINED = (
        "source.confined",
        "A source process begins. `state` says what keeps it from files that are not for it: Landlock, or their modes.",
        "state",
    )
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
    SETTING_ENDED = (
        "settings.ended",
        "A setting of an earlier version stands in the file: it counts for nothing.",
        "at",
        "target",
    )
    NODE_DRAINING = "node.draining", "The node was asked to stop; what is under way ends."
    NODE_STOPPED = "node.stopped", "The node has stopped in order."
    STOP_HANGS = (
        "process.stop-hangs",
        "The stop took longer than 60 seconds, or its database stayed away, and the process ended by force.",
    )
    STOOD_STILL = (
        "process.stood-still",
        "The process stood still for so long, and goes on: it blames nobody for that time.",
        "duration_ms",
    )
    STORAGE_AWAITED = (
        "storage.awaited",
        "The database cannot be reached, and the node waits for it; a line for each cause that it meets.",
        "error",
        "code",
        "reason",
        "state",
        "at",
    )
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
        "trace_id",
        "span_id",
    )
    ENTRY = "entry", "An entry of the operations log was written.", "kind", "peer", "entry"
    CONSOLE_REFUSED = "console.refused", "A page of the console was refused.", "code"
    CONSOLE_FAILED = (
        "console.failed",
        "A page of the console failed in an unforeseen way.",
        "error",
        "code",
        "reason",
        "at",
    )
    AGENCY_REFUSED = (
        "agency.refused",
        ("A call of one of our own systems was refused. `trace_id` is that of the caller."),
        "client",
        "code",
        "reason",
        "trace_id",
    )
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
        "A step of an exchange took so long (the spans below); at the level `debug` only.",
        "span",
        "trace_id",
        "span_id",
        "parent_id",
        "duration_us",
        "peer",
        "source",
        "log",
        "outcome",
        "state",
        "code",
        "exchange_id",
        "search_id",
        "count",
    )
    COLLECTOR_LOST = (
        "telemetry.lost",
        "The collector takes nothing, for `reason`. What waits for it is bounded; what is lost is counted.",
        "reason",
        "status",
    )
    COLLECTOR_REACHED = "telemetry.reached", "The collector takes telemetry again."
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
    REDACTED_FIELDS = "liaison_redacted_fields_total", "Fields that were left out of log lines and spans."
    LOST_LOG_LINES = "liaison_lost_log_lines_total", "Log lines that no reader took in time."
    TELEMETRY_SENT = "liaison_telemetry_sent_total", "Items that the collector took, by signal.", "signal"
    TELEMETRY_LOST = (
        "liaison_telemetry_lost_total",
        "Items that the collector did not get: no room to wait (`full`), not taken (`refused`), left over at the end "
        "(`ended`).",
        "signal",
        "reason",
    )


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
    SOURCE_UNREAD = "liaison_source_unread", "1 while the last look at a source of ours failed, else 0.", "source"
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
    OUTBOX_SECONDS = (
        "liaison_outbox_oldest_seconds",
        "Age in seconds of the oldest notice that waits for a counterpart.",
        "peer",
    )
    WORK_OVERDUE = (
        "liaison_work_overdue",
        "Open work of the desk whose clock is over; 1000 stands for as many or more.",
    )
    RETENTION_AGE = (
        "liaison_retention_age_seconds",
        "Seconds since content was last erased by age, which the leading process of a node does each hour.",
    )
    ROUND_LATE = (
        "liaison_round_late_seconds",
        "Seconds since each periodic work of this process was due to succeed, 0 while it is not.",
        "round",
    )
    LOOP_LAG = "liaison_loop_lag_seconds", "Delays of the event loop in the last minute, as quantiles.", "quantile"
    STOOD_STILL = (
        "liaison_stood_still_seconds",
        "Seconds in which the process stood still since its start (stopped, suspended, or held), all pauses together.",
    )
    LOOP_HELD = (
        "liaison_loop_held_seconds",
        "The same delays without the wait for a processor.",
        "quantile",
    )


BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0)
"""Seconds that bound the buckets of all histograms: what an officer feels is decided at 0.2 s and at 2 s."""


class Histogram(_Named):
    """Durations in seconds, counted in the buckets of `BOUNDS`."""

    SEARCH = (
        "liaison_search_duration_seconds",
        "From an officer's question until all lines were there or the budget was over.",
    )
    COUNTERPART = (
        "liaison_counterpart_duration_seconds",
        "From our question to a counterpart until its line was there, by outcome.",
        "peer",
        "outcome",
    )
    ANSWER = (
        "liaison_answer_duration_seconds",
        "From a counterpart's question until our answer was handed over, by outcome.",
        "peer",
        "outcome",
    )
    SOURCE = (
        "liaison_source_duration_seconds",
        "From a question to one of our sources until it was answered or given up, by the state of the source.",
        "source",
        "state",
    )
    COMMIT = (
        "liaison_commit_duration_seconds",
        "Writing a batch of entries: one transaction, durable, under a signed head.",
        "log",
    )


class Span(StrEnum):
    """Steps of an exchange, with the attributes that each has. `measured` is the histogram that counts it."""

    help: str
    measured: Histogram | None
    labels: tuple[str, ...]

    def __new__(cls, name: str, help: str, measured: Histogram | None, *labels: str) -> Span:  # noqa: A002 - as above
        """Return the name as a text that carries its sentence, histogram and attributes."""
        named = str.__new__(cls, name)
        named._value_, named.help, named.measured, named.labels = name, help, measured, labels
        return named

    SEARCH = "ask", "An officer's search, at home and abroad.", Histogram.SEARCH, "search_id"
    OWN = "ask own agencies", "The question to our own agencies.", None, "outcome"
    COUNTERPART = (
        "ask counterpart",
        "The question to one counterpart, until its line is there.",
        Histogram.COUNTERPART,
        "peer",
        "outcome",
        "code",
        "exchange_id",
    )
    ANSWER = (
        "answer",
        "A counterpart's question, from its arrival until the answer is handed over.",
        Histogram.ANSWER,
        "peer",
        "outcome",
        "code",
        "exchange_id",
    )
    POLICY = "policy", "Agreement, suspensions, receipts and policy decide on a question.", None
    SOURCE = (
        "source",
        "One source of ours is asked, and policy decides on what it found.",
        Histogram.SOURCE,
        "source",
        "state",
    )
    COMMIT = "commit", "Entries become durable under a signed head.", Histogram.COMMIT, "log", "count"


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

ATTRIBUTES: dict[str, re.Pattern[str] | type[int]] = {
    "peer": re.compile(r"[a-z]{2}", re.ASCII),
    "outcome": re.compile(r"[a-z_]{1,20}", re.ASCII),
    "state": re.compile(r"[a-z-]{1,20}", re.ASCII),
    "log": re.compile(r"exchange|operations", re.ASCII),
    "code": re.compile(r"[a-z][a-z-]{0,39}", re.ASCII),
    "exchange_id": re.compile(r"[0-9a-f-]{32,36}", re.ASCII),
    "search_id": re.compile(r"[0-9a-f]{32}", re.ASCII),
    "source": re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII),
    "count": int,
}
"""Attributes that a span may have, each with its form: ids, codes and words of closed sets; never content.

An attribute that is not listed, or of another form, is left out, and counted as redacted.
"""
