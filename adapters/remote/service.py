"""The service of a source process: check, log and answer each call of its node. No transport here.

1. the caller is our node (`server.py` has checked its certificate);
2. the reference is there and verifies, and was not used before;
3. the adapter searches, or reads one record that this very search found, and that is still about its subject;
4. a record is signed with the agency's key, if its own marking allows it;
5. an entry is durable in the source's own log;
6. the answer leaves. No entry, no answer.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from typing import Any

import msgspec
from liaison.source.v1 import source_pb2 as pb

from adapters.base import Adapter
from adapters.remote import wire
from adapters.remote.allowed import is_allowed, may_be_told
from adapters.remote.queries import ToldView, read_query, read_view
from adapters.remote.reference import SKEW_US, Reference, StatementKeys, verify_reference
from adapters.remote.reference_memory import ReferenceMemory, Searched
from gateway.clock import Clock
from gateway.errors import Forbidden, LiaisonError, Replayed, Unavailable
from gateway.matching.confirm import RECORD_CHANGED, confirm, weaker
from gateway.matching.keys import query_cost
from gateway.matching.thresholds import SETS
from gateway.model.hit import SourceRecord
from gateway.model.marking import ReleaseMarking
from gateway.model.names import ExchangeId, MemberId
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Event, Journal, Logged, ReplayClaim
from gateway.ports.sources import CLASSES_CHANGED, ClassedSource, Source, TellingSource, View
from gateway.recent import Recent
from gateway.records.sdjwt import RecordIssuer, issue, present
from gateway.storage.log.group_commit import LogWriter

_DETAIL = 300
_HEALTH_SECONDS = 1.0
_NOT_SERVING = "the agency's system cannot be asked"
_MAX_CAUSES = 256


class SourceService:
    """One adapter, one agency's key, one log. Thread-safe; raises `LiaisonError` to refuse."""

    def __init__(
        self,
        adapter: Adapter,
        issuer: RecordIssuer,
        keys: StatementKeys,
        journal: Journal,
        clock: Clock,
        widest: Strictness = Strictness.WIDE,
    ) -> None:
        self._adapter = adapter
        self._issuer = issuer
        self._keys = keys
        self._journal = journal
        self._log = LogWriter(journal)
        self._clock = clock
        self._widest = widest
        self._memory = ReferenceMemory()
        self._refusals = _Refusals(clock)
        self._health_lock = threading.Lock()
        self._health = float("-inf"), ""
        self._source = adapter.describe().id

    # ------------------------------------------------------------ calls

    def describe(self, message: pb.DescribeRequest, node: str, deadline: float) -> bytes:
        """Return the source's description."""
        del message, node, deadline
        return wire.description_bytes(self._adapter.describe())

    def health(self, message: pb.HealthRequest, node: str, deadline: float) -> bytes:
        """Return whether the source can be asked; beside description and state, only this needs no reference.

        It says yes or no, never why, and asks the agency's system once in `_HEALTH_SECONDS` at most.
        """
        del message, node, deadline
        with self._health_lock:
            if self._clock.monotonic() >= self._health[0]:
                problem = _NOT_SERVING if self._adapter.health() else ""
                # Counted from now: callers who waited for a slow system share the result.
                self._health = self._clock.monotonic() + _HEALTH_SECONDS, problem
            return pb.HealthResponse(problem=self._health[1]).SerializeToString()

    def scope(self, message: pb.ScopeRequest, node: str, deadline: float) -> bytes:
        """Return as of when a search finds what the agency's system shows, and which records by which queries."""
        del message, node, deadline
        as_of_us = self._adapter.checked_us() if isinstance(self._adapter, TellingSource) else None
        return wire.scope_bytes(as_of_us, self._adapter.describe())

    def changes(self, message: pb.ChangesRequest, node: str, deadline: float) -> bytes:
        """Return whether the source has changed."""
        del node, deadline
        found = self._adapter.changes(message.since)
        # The cursor reveals the mapping and the rows' state; its hash shows only that they changed.
        cursor = hashlib.sha256(found.cursor.encode()).hexdigest()
        return pb.ChangesResponse(cursor=cursor, changed=found.changed).SerializeToString()

    def classes(self, message: pb.ClassesRequest, node: str, deadline: float) -> bytes:
        """Return the classes of the source's records; none where it does not tell them."""
        del message, node, deadline
        adapter = self._adapter
        return wire.classes_bytes(adapter.classes() if isinstance(adapter, ClassedSource) else ())

    def search(self, message: pb.SearchRequest, node: str, deadline: float) -> bytes:
        """Search for candidates, for a fresh reference to exactly this query."""
        reference = self._verify(message.reference)
        if hashlib.sha256(message.query).digest() != reference.query_hash:
            raise Forbidden("the reference is for another query", code="other-query", where="query")
        query, wanted = read_query(message.query)
        if query.kind not in self._adapter.describe().queries:  # an empty result would read as no hit
            raise Unavailable("the source takes no question of this kind", code="kind-not-taken", where="query")
        query_cost(query)
        strictness = wanted.stricter(self._widest)
        self._memory.begin(reference, self._clock.now_us())
        self._check_unused(reference)
        asker, view = reference.occasion.asker, read_view(message.query)
        result = self._seen(asker, view).search(query, deadline, strictness)
        answer = wire.result_bytes(result)
        private = {
            "query": query.kind.value,
            "asked": _asked(query),
            "strictness": strictness.value,
            "hits": len(result.candidates),
        }
        hit = Retention.HIT if result.candidates else Retention.NO_HIT
        draft = self._draft(events.SOURCE_SEARCHED, reference, node, answer, private | {"capped": result.capped})
        draft.retention, draft.claim = hit, self._claim(reference)
        if not isinstance(self._log.write_now(draft), Logged):
            raise _replayed()
        # Only now, so that nothing is ever signed under a reference whose claim has lost.
        found = ((each.record_type, each.key) for each in result.candidates)
        self._memory.found(reference, found, Searched(query, strictness, result))
        return answer

    def issue(self, message: pb.IssueRequest, node: str, deadline: float) -> bytes:
        """Sign a record that the reference's search found, for the reference's exchange."""
        reference = self._verify(message.reference)
        release = wire.read_release_marking(message.release_marking)
        if not reference.occasion.request_hash:
            raise Forbidden("records are signed for requests of counterparts only", code="no-request")
        searched = self._memory.take(reference, message.record_type, message.key)
        record = self._adapter.fetch(message.key, message.record_type, deadline)
        less = _less_than_told(searched, record) if searched is not None else ""
        signed = self._sign(record, release, reference)
        marking = wire.marking_text(record.marking)
        answer = pb.IssueResponse(
            record=signed, marking=marking, category=record.category.value, quality=less
        ).SerializeToString()
        private = {"type": record.record_type, "key": record.key, "signed": bool(signed)}
        private |= {"marking": record.marking.as_json()}
        self._log.write_now(self._draft(events.SOURCE_ISSUED, reference, node, answer, private))
        return answer

    def refused(self, method: str, node: str, error: LiaisonError) -> None:
        """Note a refused call: one entry for each cause and second, with the number of calls that it stands for."""
        count = self._refusals.note((node, method, error.code))
        if count:
            draft = events.SOURCE_REFUSED.draft(
                node=node, method=method, code=error.code, detail=error.message[:_DETAIL], count=count
            )
            self._log.write_now(draft)

    def started(self, version: str) -> None:
        """Note the start; nothing is served before."""
        self._log.write_now(events.SOURCE_STARTED.draft(source=self._source, version=version))

    def stopped(self) -> None:
        """Note the end."""
        self._log.write_now(events.SOURCE_STOPPED.draft(source=self._source))

    # ------------------------------------------------------------ parts

    def _seen(self, asker: MemberId, view: ToldView | None) -> Source:
        """Return the system as `asker` sees it: what else there is, is not there for a search, and takes no place.

        Its markings decide before the node: what they give to other countries only is not seen, whatever that says.
        Raises `Unavailable` where a class of records was not decided on.
        """
        adapter = self._adapter
        if not isinstance(adapter, ClassedSource) or (view is None and asker == self._issuer.member):
            return adapter
        classes = {wire.class_id(each): each for each in adapter.classes()}
        shown = view or ToldView(frozenset(classes), frozenset(classes))
        if not classes.keys() <= shown.decided:
            raise Unavailable("records of another class came up", code=CLASSES_CHANGED, where=self._source)
        told = (each for name, each in classes.items() if name in shown.seen and may_be_told(each[1], asker))
        return adapter.within(View(frozenset(told), frozenset(classes.values()), shown.without))

    def _verify(self, data: bytes) -> Reference:
        return verify_reference(
            data, keys=self._keys, member=self._issuer.member, source=self._source, now_us=self._clock.now_us()
        )

    def _sign(self, record: SourceRecord, release: ReleaseMarking, reference: Reference) -> str:
        """Return the record with all disclosures; empty when its own marking does not allow to sign it so."""
        occasion, now_us = reference.occasion, self._clock.now_us()
        if not is_allowed(record.marking, release, asker=occasion.asker, purpose=occasion.purpose, now_us=now_us):
            return ""
        issued = issue(
            record,
            issuer=self._issuer,
            audience=occasion.asker,
            request_hash=occasion.request_hash,
            marking=release,
            now_us=now_us,
        )
        return present(issued, issued.disclosures)

    def _check_unused(self, reference: Reference) -> None:
        """Raise `Replayed` for a reference used before a restart, so that the agency's system is not searched again."""
        claim = self._claim(reference)
        if self._journal.stored_answers([(claim.sender, claim.exchange_id)]):
            raise _replayed()

    def _claim(self, reference: Reference) -> ReplayClaim:
        """Return the claim by which a reference is used for one search, also after a restart."""
        number = ExchangeId(reference.hash[:16].hex())
        return ReplayClaim(self._issuer.member, number, reference.hash, reference.expires_us + SKEW_US)

    def _draft(
        self, event: Event, reference: Reference, node: str, answer: bytes, private: dict[str, Any]
    ) -> EntryDraft:
        occasion = reference.occasion
        common: dict[str, Any] = {
            "node": node,
            "purpose": occasion.purpose.value,
            "reference": base64.b64encode(reference.data).decode(),
            "request_hash": occasion.request_hash.hex(),
        }
        return event.draft_of(
            common | private,
            peer=occasion.asker,
            exchange_id=occasion.id,
            request_hash=reference.hash,
            answer_hash=hashlib.sha256(answer).digest(),
        )


class _Refusals:
    """Counts refused calls by cause: under a flood the log gets one entry a second for each cause."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._causes: Recent[tuple[str, str, str], tuple[float, int]] = Recent(_MAX_CAUSES)

    def note(self, cause: tuple[str, str, str]) -> int:
        """Return the number of calls that an entry written now stands for; 0 when none is to be written yet."""
        with self._lock:
            now = self._clock.monotonic()
            last, waiting = self._causes.held.get(cause, (-1.0, 0))
            if last >= 0 and now - last < 1.0:
                self._causes.put(cause[0], cause, (last, waiting + 1))
                return 0
            self._causes.put(cause[0], cause, (now, 0))
            return waiting + 1


def _less_than_told(searched: Searched, record: SourceRecord) -> str:
    """Return the quality that a record bears out where it is less than what the search said of it, else nothing.

    Raises `Unavailable` when the record is about another subject.
    """
    told = searched.match(record.record_type, record.key)
    match = confirm(searched.query, record, SETS[searched.strictness])
    if match is None:
        raise Unavailable("the record is no longer the one that was found", code=RECORD_CHANGED, where=record.source)
    quality = weaker(told, match).quality
    return "" if quality is told.quality else quality.value


def _replayed() -> Replayed:
    return Replayed("this reference was used for a search before", code="reference-replayed")


def _asked(query: Query) -> dict[str, Any]:
    """Return the content of the query, so that the agency can see the subject of the search; encrypted at rest."""
    return {name: value for name, value in msgspec.to_builtins(query).items() if value}
