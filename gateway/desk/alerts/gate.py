"""The source `desk.alerts`: alerts of ours and of counterparts, for searches of our own officers only.

It stands in the desk's own database, so that it answers with every link cut. No counterpart's question is ever asked
here: answers are gathered from other sources. What is withdrawn is not shown from the transaction on
that took the withdrawal, since each hit looks at its thread and its copy again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from adapters.base import MAX_CANDIDATES, Budget, best
from gateway.clock import Clock
from gateway.desk.acting.home import Stand
from gateway.desk.alerts.book import AlertBook, HeldAlert, in_turn
from gateway.desk.alerts.issuing import RECORD_TYPE, verified
from gateway.desk.alerts.values import ALERTS, SOURCE
from gateway.errors import LiaisonError, StorageBroken, Unknown
from gateway.exchange.parts import Parts
from gateway.matching.thresholds import SETS
from gateway.model.desk.notices import Alert, Change, NoticeType
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.hit import Candidate, SearchResult, SourceRecord
from gateway.model.marking import Marking
from gateway.model.names import ExchangeId, MemberId
from gateway.model.query import Query, QueryKind
from gateway.model.search import ShownHit, ShownRecord
from gateway.model.strictness import Strictness
from gateway.ports.desk import DeskRows, DeskStore, Holding, Thread
from gateway.ports.documents import DocumentStore
from gateway.ports.sources import SourceDescription
from gateway.records.verify import VerifiedRecord
from gateway.statements.notices.notice import parse_notice

# ------------------------------------------------------------ contacts
# When each counterpart was heard last is remembered over a restart: the alerts of one that is silent for long end. An
# owner that cannot be heard cannot withdraw either. So its alerts warn for `_TRUSTED_US` after its last word.


_TRUSTED_US = 48 * 3_600_000_000
_KIND = "desk-contact"
_EVERY_US = 60_000_000
"""A later word is written down at most so often."""


class Contacts:
    """Knows when each counterpart was heard last. `signed` returns when one has signed something in this process."""

    def __init__(self, documents: DocumentStore, clock: Clock, signed: Callable[[MemberId], int]) -> None:
        self._documents = documents
        self._clock = clock
        self._signed = signed
        self._heard: dict[MemberId, int] = {}
        self._kept: dict[MemberId, int] = {}

    def heard(self, member: MemberId) -> None:
        """Note that a counterpart is heard now."""
        self._heard[member] = self._clock.now_us()

    def last_us(self, member: MemberId, other_us: int = 0) -> int:
        """Return when a counterpart was heard last; 0: never. `other_us` is a time that the caller knows of."""
        told_us = max(other_us, self._heard.get(member, 0), self._signed(member), self._kept.get(member, 0))
        return min(told_us, self._clock.now_us())

    def is_trusted(self, member: MemberId, other_us: int = 0) -> bool:
        """Tell whether what a counterpart said last still counts."""
        return self._clock.now_us() < self.last_us(member, other_us) + _TRUSTED_US

    def keep(self) -> None:
        """Write down what is new, and read what other processes of this home wrote. It blocks."""
        for key in self._documents.keys(_KIND):
            member = MemberId(key)
            self._kept[member] = max(self._kept.get(member, 0), int(self._documents.get(_KIND, key) or b"0"))
        for member in set(self._heard) | set(self._kept):
            told_us = self.last_us(member)
            if told_us - self._kept.get(member, 0) >= _EVERY_US:
                self._documents.put(_KIND, member, b"%d" % told_us)
                self._kept[member] = told_us


KIND = "alerts"
_LIVE = (ThreadState.NEW, ThreadState.OPEN, ThreadState.ANSWERED)
_SHOWN = frozenset({HoldingState.HELD, HoldingState.CHANGING, HoldingState.OBJECTED})


class AlertGate:
    """A `Source` over the alerts that are in force here. Thread-safe."""

    def __init__(self, parts: Parts, store: DeskStore, contacts: Contacts) -> None:
        self._parts = parts
        self._store = store
        self._contacts = contacts
        self._book = AlertBook()
        self._versions: dict[ThreadKey, int] = {}
        self._unread: dict[ThreadKey, MemberId] = {}
        self._owners: dict[MemberId, tuple[int, int]] = {}
        self._turn = threading.Lock()
        self._reading: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------ what it holds

    def load(self) -> None:
        """Take in all alerts that stand now, and drop the others. It blocks."""
        found = {thread.key: thread for thread in self._store.threads(kinds=(ThreadKind.ALERT,), states=_LIVE)}
        for key in [key for key in self._book.alerts if key not in found]:
            self._drop(key)
        for thread in found.values():
            self._take(thread)
        self._count()

    def changed(self, rows: DeskRows) -> None:
        """Take in the rows of an entry that is durable, in a thread, where they change an alert or hide its copy."""
        if (thread := rows.thread) and (thread.kind is ThreadKind.ALERT or any(map(_hides, rows.holdings))):
            reading = asyncio.create_task(asyncio.to_thread(self._take_in, thread, rows))
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)

    def _take_in(self, thread: Thread, rows: DeskRows) -> None:
        hidden = {(copy.jti, copy.owner) for copy in rows.holdings if _hides(copy)}
        for alert in self._book.alerts.values() if hidden else ():
            if (alert.jti, alert.owner) in hidden:
                self._drop(alert.key)
        if thread.kind is not ThreadKind.ALERT:
            return
        if thread.state in _LIVE:
            self._take(thread)
        else:
            # A reading of an earlier version that is under way must not put it back.
            with self._turn:
                self._versions[thread.key] = max(thread.version, self._versions.get(thread.key, 0))
            self._drop(thread.key)
        self._count()

    @property
    def alerts(self) -> Sequence[HeldAlert]:
        """Return the alerts that warn now, for a copy that an office takes with it."""
        return [alert for alert in self._book.alerts.values() if self._is_in_force(alert)]

    def _take(self, thread: Thread) -> None:
        with self._turn:
            if self._versions.get(thread.key, 0) < thread.version:
                self._read(thread)

    def _read(self, thread: Thread) -> None:
        try:
            held = self._own(thread) if thread.key.peer == self._parts.member else self._taken(thread)
        except StorageBroken:  # it is read again: an alert that stands is not taken for one that cannot be read
            raise
        except LiaisonError:
            held = None
            self._unread[thread.key] = thread.key.peer
        else:
            self._unread.pop(thread.key, None)
        self._versions[thread.key] = thread.version
        if held is None:
            self._book.remove(thread.key)
        else:
            self._book.put(held)

    def _count(self) -> None:
        """Note the owners of what is held: until when it warns, and when its owner was heard with it last."""
        found: dict[MemberId, tuple[int, int]] = {}
        with self._turn:
            for alert in self._book.alerts.values():
                until_us, heard_us = found.get(alert.owner, (0, 0))
                found[alert.owner] = max(until_us, alert.until_us), max(heard_us, alert.heard_us)
            self._owners = found

    def _drop(self, key: ThreadKey) -> None:
        with self._turn:
            self._unread.pop(key, None)
            self._book.remove(key)

    def _own(self, thread: Thread) -> HeldAlert | None:
        alert = ALERTS.read(thread)
        if alert.stand is not Stand.ON:
            return None
        me = self._parts.member
        record = verified(self._parts, alert.record, me, me, alert.id, alert.signed_us)
        times = _Times(alert.hidden_until_us, alert.until_us, alert.signed_us)
        return _held(thread, me, record, alert.record, (), times)

    def _taken(self, thread: Thread) -> HeldAlert | None:
        """Return the alert of a counterpart as its newest notice tells it, verified as of when we took it."""
        if thread.opener:
            return None
        newest: tuple[Alert, str, int] | None = None
        for row in self._store.notices(thread.key):
            if row.placed.side is not Side.OPENER or not row.envelope:
                continue
            if row.placed.type is NoticeType.ALERT:
                body = parse_notice(row.envelope).body
                assert isinstance(body, Alert)
                newest = body, body.record, row.time_us
            elif row.placed.type is NoticeType.CHANGE and newest is not None:
                change = parse_notice(row.envelope).body
                if isinstance(change, Change) and change.record:
                    newest = newest[0], change.record, row.time_us
        if newest is None:
            return None
        alert, compact, at_us = newest
        peer, me = thread.key.peer, self._parts.member
        record = verified(self._parts, compact, peer, me, thread.key.thread_id, at_us)
        if any(map(_hides, self._store.holdings(jti=record.jti, direction=Direction.IN, holder=me))):
            return None
        return _held(thread, peer, record, compact, alert.scope, _Times(0, alert.until_us, at_us))

    # ------------------------------------------------------------ Source

    def describe(self) -> SourceDescription:
        """Return the source's description: it takes every kind of question."""
        me = self._parts.member
        return SourceDescription(f"{me}.{SOURCE}", "desk", KIND, frozenset(QueryKind), frozenset({RECORD_TYPE}))

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return the alerts that a question finds, surest first. Raises `Malformed`, `TimedOut`."""
        return self.search_those(self._is_in_force, query, deadline, strictness)

    def search_those(
        self, sees: Callable[[HeldAlert], bool], query: Query, deadline: float, strictness: Strictness
    ) -> SearchResult:
        """Return `search` of those alerts that an asker sees: the others take none of their places.

        Where there are more than a search tells, the surest of each owner are told, in turn.
        """
        budget = Budget(self._parts.clock, deadline)
        found = sorted(self._book.search(query, SETS[strictness], budget.check, sees), key=lambda one: -one[1].score)
        told = in_turn(found, lambda one: (one[0].owner,))[:MAX_CANDIDATES]
        candidates = (Candidate(SOURCE, _place(alert.key), RECORD_TYPE, match, Marking()) for alert, match in told)
        return best(candidates, capped=len(found) > len(told))

    def within(self, office: str) -> OfficeAlerts:
        """Return the alerts that are for an office, and in force."""
        return OfficeAlerts(self, lambda alert: alert.is_for(office) and self._is_in_force(alert))

    def told_since_us(self, query: Query) -> int:
        """Return when the newest alert of a counterpart that a question finds was last told to us; 0 without any."""
        if self.is_empty:
            return 0
        found = self._book.search(query, SETS[Strictness.USUAL])
        return max((alert.heard_us for alert, _ in found if alert.owner != self._parts.member), default=0)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Raise `Unknown`: alerts are shown with their hit."""
        del key, record_type, deadline
        raise Unknown("the source has no such record", code="unknown-record")

    def health(self) -> str:
        """Return an empty text: the source is a part of the node."""
        return ""

    # ------------------------------------------------------------ what an officer sees

    def shown(self, candidate: Candidate, reference: str, office: str) -> ShownHit | None:
        """Return an alert as an officer of an office sees it; None where it is not for them, or over by now."""
        alert = self._book.alerts.get(_key(candidate.key))
        if alert is None or not alert.is_for(office) or not self._still_stands(alert):
            return None
        record = ShownRecord(alert.agency, alert.own_key, alert.fields, alert.marking, alert.undisclosed, alert.compact)
        match = candidate.match
        return ShownHit(reference, match.quality, RECORD_TYPE, match.rules, alert.action, record)

    def of_counterparts(self, hits: Sequence[ShownHit]) -> list[ThreadKey]:
        """Return the threads of the counterparts' alerts among the hits of a search at home."""
        shown = {hit.record.compact for hit in hits if hit.record is not None and hit.record_type == RECORD_TYPE}
        if not shown:
            return []
        me = self._parts.member
        return [alert.key for alert in self._book.alerts.values() if alert.owner != me and alert.compact in shown]

    def trusted_until_us(self, alert: HeldAlert) -> int:
        """Return until when what an alert's owner says may be believed, if it is not heard again."""
        if alert.owner == self._parts.member:
            return alert.until_us
        return self._contacts.last_us(alert.owner, alert.heard_us) + _TRUSTED_US

    @property
    def is_empty(self) -> bool:
        """Tell whether no alert is held, and none that could not be read."""
        return not self._owners and not self._unread

    @property
    def missing(self) -> tuple[str, ...]:
        """Return whose alerts cannot be told now: of owners that were not heard for long, or that cannot be read."""
        now_us = self._parts.clock.now_us()
        silent = {
            owner
            for owner, (until_us, heard_us) in self._owners.items()
            if now_us < until_us and owner != self._parts.member and not self._contacts.is_trusted(owner, heard_us)
        }
        return tuple(sorted(f"{KIND} {owner}" for owner in silent | set(self._unread.values())))

    def _is_in_force(self, alert: HeldAlert) -> bool:
        now_us = self._parts.clock.now_us()
        return alert.from_us <= now_us < alert.until_us and self._is_trusted(alert)

    def _is_trusted(self, alert: HeldAlert) -> bool:
        """Tell whether the owner's word counts: it was heard of late, and since our database was restored."""
        if alert.owner == self._parts.member:
            return True
        return self._parts.heard(alert.owner) and self._contacts.is_trusted(alert.owner, alert.heard_us)

    def _still_stands(self, alert: HeldAlert) -> bool:
        """Look at the rows again: another process may have taken a withdrawal a moment ago."""
        thread = self._store.thread(alert.key)
        if thread is None or thread.state not in _LIVE:
            return False
        if alert.owner == self._parts.member:
            return ALERTS.read(thread).is_told(self._parts.clock.now_us())
        copies = self._store.holdings(jti=alert.jti, direction=Direction.IN, holder=self._parts.member)
        return not any(map(_hides, copies))


class OfficeAlerts:
    """The alerts of the gate that an officer of one office sees."""

    def __init__(self, gate: AlertGate, sees: Callable[[HeldAlert], bool]) -> None:
        self._gate = gate
        self._sees = sees

    def describe(self) -> SourceDescription:
        """Return the source's description."""
        return self._gate.describe()

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return the alerts that a question finds, surest first. Raises `Malformed`, `TimedOut`."""
        return self._gate.search_those(self._sees, query, deadline, strictness)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Raise `Unknown`: alerts are shown with their hit."""
        return self._gate.fetch(key, record_type, deadline)

    def health(self) -> str:
        """Return an empty text: the source is a part of the node."""
        return self._gate.health()


def _hides(copy: Holding) -> bool:
    """Tell whether a counterpart's alert is not shown any more, since its copy is not."""
    return copy.type == RECORD_TYPE and copy.direction is Direction.IN and copy.state not in _SHOWN


class _Times(NamedTuple):
    """From when and until when an alert warns, and when its owner said so."""

    from_us: int
    until_us: int
    heard_us: int


def _held(
    thread: Thread,
    owner: MemberId,
    record: VerifiedRecord,
    compact: str,
    offices: tuple[str, ...],
    times: _Times,
) -> HeldAlert:
    return HeldAlert(
        key=thread.key,
        owner=owner,
        agency=record.owner,
        own_key=record.own_key,
        offices=offices,
        action=str(record.fields.get("alert_class", "")),
        fields=record.fields,
        marking=record.marking,
        jti=record.jti,
        compact=compact,
        undisclosed=record.undisclosed,
        from_us=times.from_us,
        until_us=times.until_us,
        heard_us=times.heard_us,
        version=thread.version,
    )


def _place(key: ThreadKey) -> str:
    return f"{key.peer}/{key.thread_id}"


def _key(place: str) -> ThreadKey:
    peer, _, thread_id = place.partition("/")
    return ThreadKey(MemberId(peer), ExchangeId(thread_id))
