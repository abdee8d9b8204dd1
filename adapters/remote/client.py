"""The node's side of a source process: an adapter that asks over mutual TLS and checks every answer.

It holds no agency key. Each search carries a fresh signed reference. A record in an answer must be signed by the
listed `own` key of the agency, for this recipient, this request and this marking, before it is used.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import msgspec
from liaison.source.v1 import source_pb2 as pb

from adapters.base import Changes
from adapters.load import NodeSide, Place
from adapters.remote import wire
from adapters.remote.allowed import is_allowed
from adapters.remote.queries import query_bytes
from adapters.remote.reference import build_reference
from adapters.remote.seen import SeenReferred
from certs.names import source_tls_name
from certs.tls import TlsIdentity, channel_credentials
from gateway.clock import Clock
from gateway.errors import BadSignature, Forbidden, LiaisonError, Misconfigured, TimedOut, Unavailable, Unknown
from gateway.host.durable import make_folder, replace
from gateway.matching.confirm import RECORD_CHANGED
from gateway.model.hit import Disclosure, IssuedRecord, SearchResult, SourceRecord
from gateway.model.marking import ReleaseMarking
from gateway.model.query import OF_AGENCIES, Query, QueryKind
from gateway.model.strictness import Strictness
from gateway.ports.sources import CLASSES_CHANGED, HEALTH_S, Occasion, RecordClass, Source, SourceDescription, View
from gateway.records.sdjwt import digest_of
from gateway.records.types import RECORD_TYPES
from gateway.records.verify import VerifiedRecord, verify_record
from gateway.rpc import methods
from gateway.rpc.contract import Method, largest_answer
from gateway.rpc.strict import parse
from gateway.rpc.transport import client_options

MAX_ANSWER = largest_answer(methods.SOURCE_METHODS)
"""The most bytes that a node reads of a source's answer."""

_SCHEME = "source://"
_DESCRIBE_S = 1.0
_FIND_S = 2.0
"""A source that was away is found again within a second or two."""
_CHANGES_S = 10.0

if TYPE_CHECKING:
    Call = grpc.UnaryUnaryMultiCallable[bytes, bytes]


def open_remote(place: Place) -> RemoteSource:
    """Return the source process at `source://host:port`. While it cannot be reached, it counts as missing."""
    if place.node is None:
        raise Misconfigured(
            "only a node can ask a source process", code="no-node", remedy="`liaison source check` looks at one"
        )
    target = place.url.removeprefix(_SCHEME)
    host, colon, port = target.rpartition(":")
    if not place.url.startswith(_SCHEME) or not colon or not host or not port.isdecimal():
        raise Misconfigured(
            "`{url}` is not the address of a source process",
            code="bad-url",
            remedy="source://host:port, such as source://10.1.2.3:7543",
            url=place.url[:80],
        )
    return RemoteSource(target, place.node, place.index_dir / f"{place.node.source}.source.json", place.clock)


class RemoteSource:
    """`adapters.base.Adapter` and `gateway.ports.sources.SigningSource`. Thread-safe.

    The source's description is kept in a file, so that a node which starts while the source is away knows what is
    missing.
    """

    def __init__(self, target: str, node: NodeSide, kept: Path, clock: Clock) -> None:
        self.node = node
        self.clock = clock
        self._wire = _Wire(target, node, clock)
        self._kept = kept
        self.as_of_us: int | None = 0
        self._description = self._read_kept() or _anything(node)
        self.classes: frozenset[RecordClass] | None = None
        """The classes of its records; None where it does not tell them: it is away, or of an earlier version."""
        try:
            self._take_description(clock.monotonic() + _DESCRIBE_S)
            self.take_classes(clock.monotonic() + _DESCRIBE_S)
        except LiaisonError:
            return  # missing for now; `health` and each search say so

    @property
    def left_out(self) -> Mapping[str, Mapping[str, int]]:
        """Empty: rows that cannot be read are known at the source only."""
        return {}

    @property
    def is_known(self) -> bool:
        """Tell whether the source has ever described itself."""
        return self._kept.exists()

    def describe(self) -> SourceDescription:
        """Return the latest description of the source."""
        return self._description

    def refer(self, occasion: Occasion) -> Referred:
        """Return the source, to be asked for `occasion`."""
        return Referred(self, occasion)

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Refuse: nothing is asked without an occasion."""
        del query, deadline, strictness
        raise _unreferred(self.node.source)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Refuse: nothing is asked without an occasion."""
        del key, record_type, deadline
        raise _unreferred(self.node.source)

    def changes(self, since: str) -> Changes:
        """Tell whether the source has changed; its cursor is a hash."""
        request = pb.ChangesRequest(since=since).SerializeToString()
        data = self.call(methods.CHANGES, request, self.clock.monotonic() + _CHANGES_S)
        found = parse(pb.ChangesResponse, data, self.node.source)
        return Changes(found.cursor, found.cursor != since)

    def refresh(self) -> bool:
        """Ask for the source's description and its age, and use a renewed certificate of ours.

        Return whether the description changed.
        """
        self._wire.renew()
        before = self._description
        self._take_description(self.clock.monotonic() + _FIND_S, wait=True)
        self.take_classes(self.clock.monotonic() + _DESCRIBE_S)
        return self._description != before

    def health(self) -> str:
        """Return an empty text when the source can be asked, else the problem."""
        try:
            data = self.call(methods.SOURCE_HEALTH, b"", self.clock.monotonic() + HEALTH_S + _DESCRIBE_S)
            return parse(pb.HealthResponse, data, self.node.source).problem[:200]
        except LiaisonError as error:
            return error.message

    def close(self) -> None:
        """End the connection."""
        self._wire.close()

    def call(self, method: Method[Any, Any], data: bytes, deadline: float) -> bytes:
        """Make one call and return its answer. Raises only our own errors (`_failure`)."""
        return self._wire.call(method, data, deadline)

    def take_classes(self, deadline: float) -> None:
        """Ask for the classes of its records; where it does not answer, keep those that are known."""
        with suppress(LiaisonError):
            self.classes = wire.read_classes(self._wire.call(methods.CLASSES, b"", deadline), self._description) or None

    def _take_description(self, deadline: float, *, wait: bool = False) -> None:
        data = self._wire.call(methods.DESCRIBE, b"", deadline, wait=wait)
        self.as_of_us, found = self._with_scope(
            wire.read_description(data, self.node.source, self.node.agency), deadline
        )
        if found != self._description or not self._kept.exists():
            self._keep(found)
        self._description = found

    def _with_scope(self, found: SourceDescription, deadline: float) -> tuple[int | None, SourceDescription]:
        """Return as of when the source is searched from now on, and its description with which query finds what.

        The time is None where each search asks its system, and 0 where it does not tell, being of an earlier version.
        It is asked each minute and not with each search: what is said of a search is at most so much too old.
        """
        try:
            data = self._wire.call(methods.SCOPE, b"", deadline)
            return wire.read_scope(data, self.clock.now_us(), found)
        except LiaisonError:  # what it told before holds for the same source
            known = msgspec.structs.replace(found, found_by=self._description.found_by)
            return self.as_of_us, known if known == self._description else found

    def _keep(self, found: SourceDescription) -> None:
        said = {"kind": found.kind, "queries": sorted(found.queries), "record_types": sorted(found.record_types)}
        try:
            make_folder(self._kept.parent)
            replace(self._kept, json.dumps(said).encode(), 0o600)
        except LiaisonError as error:  # a help for the next start, and no reason to end the node
            raise Unavailable(error.message, code="index-disk", where=str(self._kept)) from error

    def _read_kept(self) -> SourceDescription | None:
        try:
            said = json.loads(self._kept.read_bytes())
            queries, types = frozenset(map(QueryKind, said["queries"])), frozenset(map(str, said["record_types"]))
            return SourceDescription(self.node.source, self.node.agency, str(said["kind"]), queries, types)
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Referred:
    """A `gateway.ports.sources.ReferredSource`: a source process for one occasion; one search, then its records."""

    def __init__(self, source: RemoteSource, occasion: Occasion) -> None:
        self._source = source
        self._occasion = occasion
        self._reference = b""

    def describe(self) -> SourceDescription:
        """Return the source's description."""
        return self._source.describe()

    def health(self) -> str:
        """Return an empty text when the source can be asked, else the problem."""
        return self._source.health()

    def classes(self) -> frozenset[RecordClass]:
        """Return the classes of the source's records; none where it does not tell them."""
        return self._source.classes or frozenset()

    def within(self, view: View) -> Source:
        """Return the source as an asker sees it, where it tells the classes of its records."""
        return SeenReferred(self, view) if self._source.classes is not None else self

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return the candidates, under a fresh reference."""
        return self.search_seen(query, deadline, strictness, None)

    def search_seen(self, query: Query, deadline: float, strictness: Strictness, view: View | None) -> SearchResult:
        """Return the candidates that a view shows. Raises `Unavailable` where it has not decided on all classes."""
        node = self._source.node
        asked = query_bytes(query, strictness, view)
        self._reference = build_reference(
            self._occasion,
            member=node.member,
            source=node.source,
            query=asked,
            key=node.key(),
            now_us=self._source.clock.now_us(),
        )
        request = pb.SearchRequest(reference=self._reference, query=asked).SerializeToString()
        as_of_us = self._source.as_of_us
        try:
            data = self._source.call(methods.SEARCH, request, deadline)
        except Unavailable as error:
            if error.code == CLASSES_CHANGED:
                self._source.take_classes(deadline)
            raise
        return msgspec.structs.replace(wire.read_result(data, self._source.describe()), as_of_us=as_of_us)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Refuse: a source process gives no record that it does not sign."""
        del key, record_type, deadline
        raise _unreferred(self._source.node.source)

    def issue(
        self, key: str, record_type: str, marking: ReleaseMarking, deadline: float
    ) -> tuple[SourceRecord, IssuedRecord]:
        """Return the record with its signed, verified form; both bare if its own marking does not allow `marking`."""
        request = pb.IssueRequest(
            reference=self._reference, key=key, record_type=record_type, release_marking=wire.marking_text(marking)
        )
        data = self._source.call(methods.ISSUE, request.SerializeToString(), deadline)
        message = parse(pb.IssueResponse, data, self._source.node.source)
        verified = self._verify(message.record, record_type, marking) if message.record else None
        record = self._record(message, key, record_type, verified)
        if verified is None:
            self._check_refusal(record, marking)
            return record, IssuedRecord("", {})
        return record, _issued(message.record, verified)

    def _verify(self, text: str, record_type: str, marking: ReleaseMarking) -> VerifiedRecord:
        """Return the record after all checks of a recipient, and a check that it is the one that was ordered."""
        node, occasion = self._source.node, self._occasion
        verified = verify_record(
            text,
            node.keys(),
            member=node.member,
            audience=occasion.asker,
            request_hash=occasion.request_hash,
            now_us=self._source.clock.now_us(),
        )
        if not verified.own_key or verified.agency != node.agency:
            raise BadSignature("not signed with the agency's own key", code="not-own-key", where=node.source)
        if verified.type != record_type or verified.marking != marking.as_json():
            raise BadSignature("another record or marking than was asked for", code="foreign-record", where=node.source)
        if verified.exp != int(marking.not_after.timestamp()):
            raise BadSignature("it expires at another time than its marking says", code="bad-expiry", where=node.source)
        return verified

    def _record(
        self, message: pb.IssueResponse, key: str, record_type: str, verified: VerifiedRecord | None
    ) -> SourceRecord:
        return SourceRecord(
            source=self._source.node.source,
            key=key,
            record_type=record_type,
            owner=f"{self._source.node.member}.{self._source.node.agency}",
            fields=verified.fields if verified else {},
            marking=wire.read_marking(message.marking),
            category=wire.read_category(message.category),
            borne_out=wire.read_quality(message.quality) if message.quality else None,
        )

    def _check_refusal(self, record: SourceRecord, marking: ReleaseMarking) -> None:
        """Raise `Unavailable` if the record's own marking allows signing that the source refused."""
        occasion, now_us = self._occasion, self._source.clock.now_us()
        if is_allowed(record.marking, marking, asker=occasion.asker, purpose=occasion.purpose, now_us=now_us):
            raise Unavailable("the source does not sign what it may", code="not-signed", where=record.source)


class _Wire:
    """The connection: one channel, with our node's TLS key, to a server of our own country's CA."""

    def __init__(self, target: str, node: NodeSide, clock: Clock) -> None:
        self._target = target
        self._node = node
        self._clock = clock
        self._lock = threading.Lock()
        self._identity = node.identity()
        self._channel, self._calls = self._open(self._identity)

    def call(self, method: Method[Any, Any], data: bytes, deadline: float, *, wait: bool = False) -> bytes:
        """Make one call and return its answer. Raises as `_failure`; `wait` lets a lost source be found again."""
        left = deadline - self._clock.monotonic()
        if left <= 0:
            raise TimedOut("no time was left for the source", where=self._node.source)
        with self._lock:
            call = self._calls[method]
        try:
            answer: bytes = call(data, timeout=left, wait_for_ready=wait)
        except grpc.RpcError as error:
            raise _failure(error, self._node.source) from error
        except ValueError as error:  # the channel was closed under the call
            raise Unavailable("the connection was closed", where=self._node.source) from error
        method.check_answer_size(answer)
        return answer

    def renew(self) -> None:
        """Open a new channel if our certificate was renewed; running calls end on the old one."""
        identity = self._node.identity()
        if identity == self._identity:
            return
        opened = self._open(identity)
        with self._lock:
            self._identity = identity
            (old, self._channel), self._calls = (self._channel, opened[0]), opened[1]
        old.close()

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _open(self, identity: TlsIdentity) -> tuple[grpc.Channel, dict[Method[Any, Any], Call]]:
        channel = grpc.secure_channel(
            self._target,
            channel_credentials(identity, self._node.ca),
            options=client_options(source_tls_name(self._node.member, self._node.agency), MAX_ANSWER),
        )
        return channel, {method: channel.unary_unary(method.path) for method in methods.SOURCE_METHODS}


def _failure(error: grpc.RpcError, source: str) -> LiaisonError:
    """Return the error of a failed call. A source that fails is missing; it never refuses the whole question."""
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimedOut("the source did not answer in time", where=source)
    if code is grpc.StatusCode.NOT_FOUND:
        return Unknown("the source has no such record", code="unknown-record", where=source)
    said = (error.details() or "") if isinstance(error, grpc.Call) else ""
    if said == RECORD_CHANGED:
        return Unavailable("the record is no longer the one that was found", code=RECORD_CHANGED, where=source)
    if said == CLASSES_CHANGED:
        return Unavailable("records of another class came up", code=CLASSES_CHANGED, where=source)
    if code is grpc.StatusCode.UNAVAILABLE:
        return Unavailable("the source cannot be reached", where=source, remedy="`liaison source check` at its home")
    return Unavailable(
        "the source refused: {word} {said!a}", code="source-refused", where=source, word=code.name, said=said[:60]
    )


def _unreferred(source: str) -> Forbidden:
    text = "a source process is asked for one exchange, and signs what it gives"
    return Forbidden(text, code="no-reference", where=source)


def _issued(text: str, verified: VerifiedRecord) -> IssuedRecord:
    """Return the parts of a verified SD-JWT; `verified.fields` has one field for each disclosure, in their order."""
    jwt, *encoded, _ = text.split("~")
    pairs = zip(verified.fields, encoded, strict=True)
    return IssuedRecord(jwt, {name: Disclosure(digest_of(each), each) for name, each in pairs})


def _anything(node: NodeSide) -> SourceDescription:
    """Return the description of a source never seen: its silence makes every answer partial."""
    return SourceDescription(node.source, node.agency, f"{node.agency} records", OF_AGENCIES, frozenset(RECORD_TYPES))
