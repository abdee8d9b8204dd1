"""Logs and metrics of a running node, taken at one seam: each entry is counted, and may become a log line.

So the code of exchanges does not depend on telemetry, and a log line holds no more than an entry's public part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from certs.profile import end_of
from gateway.clock import DAY_US, Clock
from gateway.errors import LiaisonError, StorageAway
from gateway.host import descriptors
from gateway.host.disk_reserve import DiskReserve
from gateway.model.exchange import LogProof, Outcome
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Purpose
from gateway.ports.desk import DeskStore, WorkFilter
from gateway.ports.entries.events import ASKED
from gateway.ports.journal import EntryDraft, Journal, Logged, StoredAnswer
from gateway.ports.peers import PeerStatus
from gateway.telemetry import Counters, Gauge, Logger, LogLine, Metric, Recorder, Span, parse_traceparent

_OUTCOMES = frozenset(outcome.value for outcome in Outcome)
_MOST_WORK = 1000
_GAUGE_S = 0.5
"""Seconds that the metrics wait for the database."""

_PURPOSES = frozenset(purpose.value for purpose in Purpose)
_CODE = re.compile(r"[a-z][a-z-]{0,39}", re.ASCII)


_Values = dict[tuple[tuple[str, str], ...], float]


class WatchedJournal:
    """A journal that counts the entries of the journal behind it, and writes a log line for each.

    The exchange log is the hot path: its counts are added up and its lines written for a batch. The entry of a question
    that has just left makes no line; its answer or its silence does.
    """

    def __init__(self, name: str, journal: Journal, recorder: Recorder) -> None:
        self._name = name
        self._journal = journal
        self._counters = recorder.counters
        self._recorder = recorder
        self._log = Logger(component="audit", log=name)

    def append(self, drafts: Sequence[EntryDraft]) -> list[Logged | StoredAnswer]:
        """Write to the journal behind it; telemetry comes after the entries are durable."""
        begun = self._recorder.monotonic()
        written = self._journal.append(drafts)
        if self._recorder.is_on:
            self._record(drafts, begun, self._recorder.monotonic())
        pairs = [(draft, item) for draft, item in zip(drafts, written, strict=True) if isinstance(item, Logged)]
        counts = Counter((draft.kind, draft.peer, draft.private.get("outcome", "")) for draft, _ in pairs)
        for (kind, peer, outcome), count in counts.items():
            shown = outcome if outcome in _OUTCOMES else ""
            self._counters.add(Metric.ENTRIES, count, log=self._name, kind=kind, peer=peer, outcome=shown)
        if self._name == "operations":
            for draft, item in pairs:
                self._log.info(LogLine.ENTRY, kind=draft.kind, peer=draft.peer, entry=item.index)
        else:
            rows = [_exchange(draft, item.index) for draft, item in pairs if draft.event is not ASKED]
            self._log.info_each(LogLine.EXCHANGE, rows)
        return written

    def _record(self, drafts: Sequence[EntryDraft], begun: float, ended: float) -> None:
        """Count how long the entries took, and record that as a span of each exchange that is traced."""
        told: dict[str, str | int] = {"log": self._name, "count": len(drafts)}
        self._recorder.record(self._recorder.span(Span.COMMIT, None, begun, ended, told))
        for draft in drafts:
            if draft.trace and (above := parse_traceparent(draft.trace)) is not None:
                self._recorder.record(self._recorder.span(Span.COMMIT, above.child(), begun, ended, told))

    def stored_answers(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], StoredAnswer]:
        """Return the stored answers of the journal behind it."""
        return self._journal.stored_answers(claims)

    def proof(self, index: int, origin: str = "") -> LogProof:
        """Return the proof of the journal behind it."""
        return self._journal.proof(index, origin)


def _exchange(draft: EntryDraft, index: int) -> dict[str, str | int]:
    """Return the fields of an exchange's log line: ids, and words of closed sets.

    A refusal's code may come from the counterpart: what is not formed as a code is left out.
    """
    private = draft.private
    outcome, purpose = private.get("outcome", ""), private.get("purpose", "")
    code = private.get("refusal") or private.get("code") or ""
    return {
        "kind": draft.kind,
        "peer": draft.peer,
        "exchange_id": draft.exchange_id,
        "outcome": outcome if outcome in _OUTCOMES else "",
        "code": code if code and isinstance(code, str) and _CODE.fullmatch(code) else "",
        "purpose": purpose if purpose in _PURPOSES else "",
        "entry": index,
        "trace_id": draft.trace[3:35],
        "span_id": draft.trace[36:52],
    }


def watch_node(
    counters: Counters,
    clock: Clock,
    *,
    log_sizes: Mapping[str, Callable[[], int]],
    certificates: Path,
    counterparts: Callable[[], Iterable[PeerStatus]],
    debts: tuple[Callable[[], Mapping[str, float]], Callable[[], Mapping[str, float]]],
) -> None:
    """Register the gauges of a node: log sizes, days left of the certificates in a folder, connections, receipt debt.

    `debts` has two functions: open answers by counterpart, and the age in seconds of the oldest of them.
    """
    counters.gauge(Gauge.LOG_SIZE, lambda: {(("log", name),): size() for name, size in log_sizes.items()})
    counters.gauge(Gauge.CERTIFICATE_DAYS, lambda: _days_left(certificates, clock))
    counters.gauge(
        Gauge.PEER_CONNECTED, lambda: {(("peer", peer.member),): float(peer.connected) for peer in counterparts()}
    )
    for name, read in zip((Gauge.RECEIPT_DEBT, Gauge.RECEIPT_DEBT_SECONDS), debts, strict=True):
        counters.gauge(name, partial(_by_peer, read))


def watch_machine(
    counters: Counters, reserve: DiskReserve, hangs_s: Callable[[], float], ready: Callable[[], bool]
) -> None:
    """Register the gauges of the machine under a node: room on disks, descriptors, the commit that is under way."""
    counters.gauge(Gauge.READY, lambda: {(): float(ready())})
    counters.gauge(Gauge.COMMIT_SECONDS, lambda: {(): hangs_s()})
    counters.gauge(Gauge.DESCRIPTORS_FREE, lambda: {(): float(descriptors.free())})
    counters.gauge(Gauge.DISK_FREE, lambda: {(("disk", room.name),): float(room.free) for room in reserve.rooms})
    counters.gauge(Gauge.DISK_RESERVE, lambda: {(("disk", room.name),): float(room.reserve) for room in reserve.rooms})


def watch_desk(counters: Counters, clock: Clock, store: DeskStore, retained_us: Callable[[], int | None]) -> None:
    """Register the gauges of the desk: what waits for counterparts, overdue work, and when content was last erased.

    `retained_us` returns None in a process that does not erase. While the database does not answer, the metrics come
    without the first two: what is read of a node then says most.
    """
    readers = _Readers()

    def outboxes() -> _Values:
        now_us = clock.now_us()
        return {(("peer", each.peer),): (now_us - each.oldest_us) / 1e6 for each in store.outboxes()}

    def overdue() -> _Values:
        late = store.works(WorkFilter(due_us=clock.now_us(), limit=_MOST_WORK))
        return {(): float(sum(not work.paused_us for work in late))}

    def retention() -> _Values:
        last_us = retained_us()
        return {} if last_us is None else {(): (clock.now_us() - last_us) / 1e6}

    counters.gauge(Gauge.OUTBOX_SECONDS, partial(readers.values, outboxes))
    counters.gauge(Gauge.WORK_OVERDUE, partial(readers.values, overdue))
    counters.gauge(Gauge.RETENTION_AGE, retention)


class _Readers:
    """Reads gauges from the database in a thread of its own, which waits while the server is away or stands still."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gauges")
        self._late: Future[_Values] | None = None

    def values(self, read: Callable[[], _Values]) -> _Values:
        """Return what `read` returns; nothing where the database does not answer, and at once until it does."""
        if self._late is not None and not self._late.done():
            return {}
        reading = self._thread.submit(read)
        try:
            return reading.result(_GAUGE_S)
        except TimeoutError:
            self._late = reading
        except StorageAway:
            pass
        return {}


def _by_peer(read: Callable[[], Mapping[str, float]]) -> _Values:
    return {(("peer", peer),): value for peer, value in read().items()}


def _days_left(folder: Path, clock: Clock) -> _Values:
    days: _Values = {}
    for file in sorted(folder.glob("*.pem")):
        try:
            left = (end_of(file.read_bytes()) - clock.now_us()) / DAY_US
        except (LiaisonError, OSError):
            left = float("nan")
        days[(("certificate", file.stem),)] = left
    return days
