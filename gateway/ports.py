"""The Protocols through which the story is told: sources, the log, peers, stores.

`exchange` and `audit` see nothing else of the outside; `app.py` hands in the real parts, tests hand in others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

from gateway.errors import LiaisonError
from gateway.model.consent import OnwardAnswer, OnwardCommand
from gateway.model.exchange import AnswerMessage, LogProof, ReceiptMessage
from gateway.model.frozen import changing, frozen
from gateway.model.hit import IssuedRecord, SearchResult, SourceRecord
from gateway.model.marking import Marking, ReleaseMarking, SubjectCategory
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Purpose
from gateway.model.query import Query, QueryKind
from gateway.model.requester import Officer
from gateway.model.search import Search, SearchCommand
from gateway.model.strictness import Strictness

# ---------------------------------------------------------------- sources


@frozen
class SourceDescription:
    """What a source is: `id` such as `th.police.main`, `kind` as officers read it (`police records`)."""

    id: str
    agency: str
    kind: str
    queries: frozenset[QueryKind]
    record_types: frozenset[str]


Profile = tuple[str, Marking, SubjectCategory]
"""A record type, a marking and a category of subjects that a source has."""


@runtime_checkable
class ProfiledSource(Protocol):
    """A source that knows beforehand what its records can be to policy."""

    def profiles(self) -> list[Profile]:
        """Every combination that can occur; more than there are does no harm."""


class Source(Protocol):
    """One agency system behind an adapter (design, section 8). All calls block; a bulkhead runs them."""

    def describe(self) -> SourceDescription:
        """What the source is and can be asked."""

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Candidates for `query`; `deadline` is a value of `Clock.monotonic`. Raises `LiaisonError`.

        `strictness` says how alike names must be; a source may be stricter than it is asked to be.
        """

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """The record behind a candidate's key. Raises `Unknown` when it is gone."""

    def health(self) -> str:
        """Empty when the source can be asked, else what is wrong."""


@runtime_checkable
class BatchSource(Protocol):
    """What a `Source` has besides when it can answer several calls at once for less than one by one.

    Each item is answered as the single call would answer it, with an error in its place where that would raise one.
    What is raised says nothing of single items: each is then asked for alone.
    """

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> Sequence[SearchResult | LiaisonError]:
        """The result of each query, in order."""

    def fetch_many(self, wanted: Sequence[tuple[str, str]], deadline: float) -> Sequence[SourceRecord | LiaisonError]:
        """The record of each key and record type, in order."""


@frozen
class Occasion:
    """Why a source is asked: the exchange's id (the officer's search id when our own side asks), who gets the answer,
    the purpose, and SHA-256 of the request's payload (empty when our own side asks).
    """

    id: ExchangeId
    asker: MemberId
    purpose: Purpose
    request_hash: bytes = b""


class ReferredSource(Source, Protocol):
    """A source process as it is reached for one occasion: every call carries the node's signed reference to it."""

    def issue(
        self, key: str, record_type: str, marking: ReleaseMarking, deadline: float
    ) -> tuple[SourceRecord, IssuedRecord]:
        """The record behind a candidate's key, and the same signed by its agency for this occasion under `marking`.

        What comes back was verified: signer, audience, request, marking, type, and that the two are one. Where the
        record's own marking, which is in the first part, does not allow `marking`, nothing is signed and both are bare.
        """


@runtime_checkable
class SigningSource(Source, Protocol):
    """A source that is a process of its own, with the agency's key: it serves nothing without a reference."""

    def refer(self, occasion: Occasion) -> ReferredSource:
        """The source, to be asked for `occasion`."""


# ---------------------------------------------------------------- the log


class Retention(StrEnum):
    """Retention classes: content of each is encrypted under keys of its own for each month."""

    HIT = "hit"
    NO_HIT = "nohit"
    OPERATIONS = "ops"
    JUSTIFICATION = "why"
    """Why somebody wants to use a record onward: apart from the exchange, with an erasure clock of its own (L11)."""
    PROOF = "proof"
    """Entries that prove erasures and holds: no personal data, kept as long as the log."""


@frozen
class ReplayClaim:
    """The claim of an answered (sender, exchange id): at most one of them is ever committed."""

    sender: MemberId
    exchange_id: ExchangeId
    request_hash: bytes
    expires_us: int


@changing
class EntryDraft:
    """An entry before it has its place. `channel` is the peer whose channel counter `n` the entry takes, and
    the direction (`in`: they asked, `out`: we asked); empty = the entry has no number of its own.

    `number` is given where the counterpart counted (`received`). `private` is JSON; `request` and `answer` are
    the exact envelopes, kept encrypted beside the entry.
    """

    kind: str
    peer: str = ""
    exchange_id: str = ""
    request_hash: bytes = b""
    answer_hash: bytes = b""
    channel: str = ""
    number: int | None = None
    private: Mapping[str, Any] = field(default_factory=dict)
    request: bytes = b""
    answer: bytes = b""
    retention: Retention = Retention.NO_HIT
    claim: ReplayClaim | None = None


@frozen
class Logged:
    """A durable entry: its index in the log, its public part (the leaf's exact bytes), number and proof."""

    index: int
    entry: bytes
    number: int | None
    proof: LogProof


@frozen
class StoredAnswer:
    """The answer that was committed for a (sender, exchange id): exact envelopes and the entry's index."""

    request_hash: bytes
    answer: bytes
    entry: bytes
    index: int


class Journal(Protocol):
    """One audit log. Thread-safe; `append` is one transaction, durable and signed when it returns."""

    def append(self, drafts: Sequence[EntryDraft]) -> list[Logged | StoredAnswer]:
        """An item for each draft, in order: `Logged`, or the stored answer when the draft's claim lost.

        Raises `StorageBroken` when the storage failed: nothing was acknowledged, and the process must end.
        """

    def stored_answers(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], StoredAnswer]:
        """Those of `claims` that are answered and not yet expired."""

    def proof(self, index: int, origin: str = "") -> LogProof:
        """The proof of an entry under the newest signed checkpoint, of another number of the log with `origin`."""


@frozen
class StoredEntry:
    """An entry as it stands in the database. `content` is None when it was erased or never existed."""

    index: int
    body: bytes
    content: EncryptedContent | None


@frozen
class EncryptedContent:
    """Private part and statements of an entry under one content key, itself wrapped by a month's key."""

    key_id: str
    wrapped_key: bytes
    private: bytes
    request: bytes
    answer: bytes


@frozen
class NewEntry:
    """An entry with its place, ready to be written."""

    index: int
    body: bytes
    leaf_hash: bytes
    kind: str
    peer: str
    exchange_id: str
    time_us: int
    channel: str
    number: int | None
    content: EncryptedContent
    claim: ReplayClaim | None


@frozen
class LogState:
    """Where a log stands. `checkpoint` is that of the batch before; entries before `first` were pruned."""

    log: str
    number: int
    size: int
    root: bytes
    checkpoint: bytes
    counters: Mapping[str, int]
    first: int = 0


class LogStore(Protocol):
    """Where a log's rows live. Every failure of the database or disk is `StorageBroken`."""

    def state(self, log: str) -> LogState | None:
        """The state of `log`, or None when it has never been opened."""

    @property
    def shared(self) -> bool:
        """Whether other processes may write to the same logs."""

    def identity(self) -> str:
        """Which database this is, as long as it is the same one: a copy is another one."""

    def turn(self, known: LogState) -> AbstractContextManager[LogState]:
        """Where the log of `known` stands while nobody else can move it; `commit` inside the block ends that."""

    def commit(self, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> None:
        """One durable transaction: entries, claims and state; `before` must still be the state (compare and set). With
        `before` None the log is made, unless another process has made it."""

    def entries(self, log: str, start: int, stop: int) -> Iterator[StoredEntry]:
        """Entries with index in [start, stop), in order, a bounded number in memory at a time."""

    def bodies(self, log: str, start: int, stop: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Index, body and stored leaf hash of the entries in [start, stop), in order."""

    def leaves(self, log: str, start: int, stop: int) -> Iterator[bytes]:
        """The stored leaf hashes in [start, stop), those of pruned entries, too."""

    def logs(self) -> list[str]:
        """Names of the logs that were opened."""

    def checkpoints(self, log: str) -> list[bytes]:
        """All checkpoints that were stored with `log`, by size."""

    def find(
        self,
        log: str,
        *,
        peer: str = "",
        exchange_id: str = "",
        kind: str = "",
        since_us: int = 0,
        until_us: int = 0,
        limit: int = 1000,
    ) -> list[int]:
        """Indexes of entries that fit all given filters, newest first."""

    def of_kinds(self, log: str, kinds: Collection[str], since_us: int) -> Iterator[tuple[int, int, str, str]]:
        """Index, time, kind and exchange id of the entries of these kinds at or after a time, in order."""

    def channel(self, log: str, channel: str, first: int, last: int) -> list[bytes]:
        """Bodies of the entries of `channel` whose number lies in [first, last], by number."""

    def highest(self, log: str, channel: str) -> int:
        """The highest number in `channel`, 0 when it has none."""

    def claimed(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], tuple[bytes, int]]:
        """Request hash and entry index of those of `claims` that exist."""

    def forget_claims(self, before_us: int) -> int:
        """Delete claims that expired before `before_us`; the number deleted."""


class ContentKeys(Protocol):
    """Keys of encrypted content, in a place apart from the database."""

    def seal_content(
        self, retention: Retention, at_us: int, log: str, index: int, private: bytes, request: bytes, answer: bytes
    ) -> EncryptedContent:
        """The parts of entry `index` of `log` under a fresh content key; an empty statement stays empty."""

    def open_content(self, log: str, index: int, content: EncryptedContent) -> tuple[bytes, bytes, bytes]:
        """Private part, request and answer. `Unknown` when erased, `Contradicted` when changed."""

    def look_again(self) -> None:
        """Forget what is in memory where another process has retired or destroyed keys."""


# ---------------------------------------------------------------- peers


@frozen
class PeerStatus:
    """What we know of the connection to a counterpart."""

    member: MemberId
    connected: bool
    last_seen_us: int


class Peers(Protocol):
    """The way to counterparts. Each call carries one signed envelope and brings back one answer message."""

    async def exchange(self, member: MemberId, envelope: bytes, timeout: float, trace: str) -> AnswerMessage:
        """Send a request; `trace` is a W3C traceparent or empty. Raises `TimedOut`, `Unavailable`, `Malformed`."""

    async def acknowledge(self, member: MemberId, receipt: ReceiptMessage) -> None:
        """Send a receipt. Raises like `exchange`."""

    def status(self, member: MemberId) -> PeerStatus:
        """What is known of the connection to `member`."""


class ConsentPeers(Protocol):
    """The way to the owners of records."""

    async def consent(self, member: MemberId, envelope: bytes) -> bytes:
        """Send a request for consent; the envelope of the owner's word. Raises like `Peers.exchange`."""


# ---------------------------------------------------------------- small stores


class DocumentStore(Protocol):
    """A small durable map (searches, idempotency keys, receipts, settings that the node remembers)."""

    def get(self, kind: str, key: str) -> bytes | None:
        """The value, or None."""

    def put(self, kind: str, key: str, value: bytes, expires_us: int = 0) -> None:
        """Write durably; replaces. `expires_us` 0 = keep."""

    def put_new(self, kind: str, key: str, value: bytes, expires_us: int = 0) -> bytes | None:
        """Write unless the key exists; the existing value, or None when it was written."""

    def keys(self, kind: str) -> list[str]:
        """All keys of a kind."""

    def expired(self, kind: str, now_us: int) -> list[str]:
        """Keys of a kind that have expired and are not deleted yet."""

    def delete(self, kind: str, key: str) -> None:
        """Delete one, if it is there."""

    def expire(self, now_us: int, *, but: str = "") -> int:
        """Delete what has expired, all kinds but one; the number deleted."""


# ---------------------------------------------------------------- searches


class Searches(Protocol):
    """What the REST API and the console call: an officer's searches (`exchange.ask` serves it)."""

    async def start(self, officer: Officer, command: SearchCommand) -> Search:
        """Run a search; returns when all lines are there or the budget is over. Raises `Refused` before any
        question left the node. A repeated idempotency key of the same officer returns the first search."""

    async def get(self, officer: Officer, search_id: str) -> Search:
        """A search of this officer, late answers included; `Unknown` otherwise."""

    def follow(self, officer: Officer, search_id: str) -> AsyncIterator[Search]:
        """The search each time that a line is added, until nothing more is waited for."""


class OnwardUses(Protocol):
    """What the REST API calls when an officer wants to use a record from abroad onward."""

    async def use(self, officer: Officer, command: OnwardCommand) -> OnwardAnswer:
        """Whether it is allowed, or the owner was asked; its entry is durable. `Refused` where the marking says no."""


# ---------------------------------------------------------------- quotas


class QuotaPlace(NamedTuple):
    """What a quota counts: questions `in` (theirs) or `out` (ours), of or to `peer`, for a purpose."""

    direction: str
    peer: str
    purpose: str


@frozen
class QuotaUse:
    """How many questions were counted at a place in a day."""

    place: QuotaPlace
    used: int


class QuotaStore(Protocol):
    """Counts of a day. Every failure of the database or disk is `StorageBroken`."""

    def take(self, places: Sequence[QuotaPlace], limit: Callable[[QuotaPlace], int | None], now_us: int) -> list[bool]:
        """For each of `places`, in order, whether its question is within today's limit; those that are, are counted."""

    def used(self, day_us: int) -> list[QuotaUse]:
        """All counts of the day that a time lies in."""
