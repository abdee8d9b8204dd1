"""Three nodes over the demo's invented databases, a caller with any certificate, and readers of their logs."""

from __future__ import annotations

import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import grpc
from liaison.exchange.v1 import exchange_pb2 as pb
from msgspec import structs

from gateway.app.run.node import Node
from gateway.audit.entries.entry import Entry, decode_private, parse_entry
from gateway.clock import SystemClock
from gateway.demo.sources import planted
from gateway.model.exchange import Answer, AnswerMessage, Request
from gateway.model.handed.searches import SearchCommand
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.names import MemberId, new_exchange_id
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import DocumentQuery, PersonQuery, Query
from gateway.model.requester import Requester
from gateway.model.search import Line, Search
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm, PartialDate
from gateway.ports.sources import ClassedSource, RecordClass, Source, SourceDescription, View
from gateway.rpc import methods
from gateway.signing.keys import SigningKey
from gateway.statements.answer import ANSWER_KIND
from gateway.statements.request import REQUEST_KIND
from gateway.storage.log.log_store import SqlLogStore
from tests.support.federation import Member
from tests.support.nodes import SourcePlan, World, build_world, silent_after
from tests.support.samples import ONE_EACH, give_indexes, sample_database
from tests.support.sealing import payload_of
from tests.support.waiting import MOST_S

T = TypeVar("T")

TH, VN, KH = MemberId("th"), MemberId("vn"), MemberId("kh")
CLOCK = SystemClock()
PASSPORT = DocumentQuery(planted.STOLEN_PASSPORT.number, planted.STOLEN_PASSPORT.issuer)
NO_PASSPORT = DocumentQuery("ZZ0000000", "VNM")
LIFETIME_US = 60_000_000


def person(who: planted.Person) -> PersonQuery:
    """A person by name in Thai script and birth year."""
    return PersonQuery((NameForm(who.thai, "Thai"),), PartialDate(str(who.birth.year)))


def sample_world(folder: Path, members: Sequence[str] = ("th", "vn", "kh")) -> World:
    """Return a federation whose nodes have a database of the demo each."""
    sources = {}
    for sample in ONE_EACH:
        url = f"sqlite:///{sample_database(sample, folder / 'sources')}"
        sources[sample.member] = [SourcePlan(sample.id, sample.agency, sample.mapping_file, url)]
    world = build_world(folder, sources, members)
    for member in members:
        give_indexes(world.home(member), member)
    return world


def command(query: Query = PASSPORT, to: Sequence[MemberId] = (VN,), **changes: Any) -> SearchCommand:
    """A search that is allowed."""
    first = SearchCommand(query, tuple(to), Purpose.INVESTIGATION, Offence.NARC, case="TH-2026-0417")
    return structs.replace(first, **changes)


def request(**changes: Any) -> Request:
    """A request of Thailand to Viet Nam that is answered."""
    now_us = changes.get("issued_us", CLOCK.now_us())
    first = Request(
        exchange_id=new_exchange_id(),
        sender=TH,
        recipient=VN,
        issued_us=now_us,
        expires_us=now_us + LIFETIME_US,
        purpose=Purpose.INVESTIGATION,
        offence=Offence.DOCFRAUD,
        case="TH-2026-0417",
        ticket="",
        agreement="gms-border-2026",
        requester=Requester("officer", "th.blo.aranyaprathet", "police", "0123456789abcdef"),
        token_commitment=secrets.token_bytes(32),
        query=PASSPORT,
        trust_hash=bytes(32),
        policy_hash=bytes(32),
    )
    return structs.replace(first, **changes)


def submission(envelope: bytes, budget_ms: int = 3_000) -> bytes:
    """The message of the unary call."""
    return pb.SubmitExchangeRequest(envelope=envelope, budget_ms=budget_ms).SerializeToString()


def answer_of(message: AnswerMessage) -> Answer:
    """Return the content of an answer."""
    return ANSWER_KIND.parse(payload_of(message.envelope))


# ---------------------------------------------------------------- logs


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry with its private part and statements."""

    entry: Entry
    private: dict[str, Any]
    request: bytes
    answer: bytes


def entries(node: Node, log: str = "exchange", since: int = 0) -> list[Logged]:
    """The entries of a running node's log from a place on, opened."""
    store = node.resources.store
    name = {"exchange": node.resources.exchange_log, "operations": node.resources.operations_log}[log].store_name
    state = store.state(name)
    assert state is not None
    found = []
    for stored in store.entries(name, since, state.size):
        assert stored.content is not None
        private, asked, answer = node.resources.keystore.open_content(name, stored.index, stored.content)
        found.append(Logged(parse_entry(stored.body), decode_private(private), asked, answer))
    return found


def bodies(store: SqlLogStore, log: str = "exchange/1") -> list[bytes]:
    """The exact bytes of all entries."""
    state = store.state(log)
    return [body for _, body, _ in store.bodies(log, 0, state.size)] if state else []


def last(node: Node, log: str = "exchange") -> Logged:
    """The newest entry."""
    return entries(node, log)[-1]


def kinds(node: Node, exchange_id: str, log: str = "exchange") -> list[str]:
    """Kinds of the entries about one exchange, in their order."""
    return [item.entry.kind for item in entries(node, log) if item.entry.exchange_id == exchange_id]


# ---------------------------------------------------------------- a caller


@dataclass(frozen=True, slots=True)
class Caller:
    """A gRPC client of its own: address, roots, and the identity that it shows (none where `key` is empty)."""

    address: str
    roots: bytes
    server_name: str
    key: bytes = b""
    certificate: bytes = b""

    @asynccontextmanager
    async def channel(self, *extra: tuple[str, int]) -> AsyncIterator[Any]:
        """A new connection, with options of gRPC beside the usual ones."""
        credentials = grpc.ssl_channel_credentials(self.roots, self.key or None, self.certificate or None)
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.ssl_target_name_override", self.server_name),
            ("grpc.enable_retries", 0),
            ("grpc.max_metadata_size", 4 * 1024 * 1024),
            *extra,
        ]
        async with grpc.aio.secure_channel(self.address, credentials, options=options) as channel:
            yield channel

    async def call(self, path: str, data: bytes, **options: Any) -> bytes:
        """One unary call on a connection of its own."""
        async with self.channel() as channel:
            answer: bytes = await channel.unary_unary(path)(data, timeout=MOST_S, **options)
            return answer

    async def submit(self, envelope: bytes, budget_ms: int = 3_000) -> AnswerMessage:
        """One exchange."""
        return methods.SUBMIT.answer.read(await self.call(methods.SUBMIT.path, submission(envelope, budget_ms)))

    async def refused(self, path: str, data: bytes, **options: Any) -> grpc.StatusCode:
        """Return the status of a call that must not be answered."""
        try:
            answer = await self.call(path, data, **options)
        except grpc.aio.AioRpcError as error:
            return error.code()
        raise AssertionError(f"{len(answer)} bytes came back")


def caller(world: World, who: str = "th", to: str = "vn", **changes: Any) -> Caller:
    """A caller with a member's own certificate."""
    member, target = world.federation[who], world.federation[to]
    made = Caller(
        f"127.0.0.1:{world.ports[to]}",
        target.home.joinpath("ca.pem").read_bytes(),
        f"{target.name}.{to}.liaison.internal",
        member.home.joinpath("keys", "tls.key").read_bytes(),
        member.certificate("tls"),
    )
    return replace(made, **changes)


def sealed(member: Member, key: SigningKey | None = None, **changes: Any) -> bytes:
    """The envelope of a request signed by a member's statement key, or by another one."""
    return REQUEST_KIND.build(request(**changes), key or member.key("statement")).envelope


# ---------------------------------------------------------------- sources that misbehave


@dataclass(slots=True)
class WatchedSource:
    """A real source that is counted, and that can be made to hang, raise, or give something else."""

    inner: Source
    searches: int = 0
    fetches: int = 0
    query: Query | None = None
    strictness: Strictness | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    error: Callable[[], BaseException] | None = None
    result: object = None
    change: Callable[[SourceRecord], SourceRecord] | None = None

    def __post_init__(self) -> None:
        self.gate.set()

    def describe(self) -> SourceDescription:
        return self.inner.describe()

    def classes(self) -> Collection[RecordClass]:
        return self.inner.classes() if isinstance(self.inner, ClassedSource) else ()

    def within(self, view: View) -> Source:
        return WatchedPart(self, self.inner.within(view)) if isinstance(self.inner, ClassedSource) else self

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        return self.search_in(self.inner, query, deadline, strictness)

    def search_in(self, inner: Source, query: Query, deadline: float, strictness: Strictness) -> SearchResult:
        self.searches += 1
        self.query, self.strictness = query, strictness
        self.gate.wait(MOST_S)
        if self.error is not None:
            raise self.error()
        if self.result is not None:
            return self.result  # type: ignore[return-value]  # what a source returns is untrusted
        return inner.search(query, deadline, strictness)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        self.fetches += 1
        record = self.inner.fetch(key, record_type, deadline)
        return self.change(record) if self.change else record

    def health(self) -> str:
        return self.inner.health()

    def reset(self) -> None:
        """Behave again."""
        self.searches = self.fetches = 0
        self.gate.set()
        self.error = self.result = self.change = None


@dataclass(slots=True)
class WatchedPart:
    """Shows what an asker sees of a watched source."""

    whole: WatchedSource
    inner: Source

    def describe(self) -> SourceDescription:
        return self.whole.describe()

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        return self.whole.search_in(self.inner, query, deadline, strictness)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        return self.whole.fetch(key, record_type, deadline)

    def health(self) -> str:
        return self.whole.health()


async def asked_too_early(node: Node, source: WatchedSource, ask: Callable[[], Awaitable[T]]) -> T:
    """Return what `ask` got while a counterpart's source was still searching. The answer comes once its gate opens.

    On a busy machine a question may be given up before it reaches the source, and then no answer is late: it is asked
    again, with more patience.
    """
    source.gate.clear()
    for seconds in (0.2, 1.0, 5.0, 20.0):
        before = source.searches
        with silent_after(node, seconds):
            got = await ask()
        if source.searches > before:
            return got
    raise TimeoutError("no question has reached the source")


def watch(node: Node, wall: int = 0) -> WatchedSource:
    """Put a watched source into the wall of a node's source."""
    watched = WatchedSource(node.resources.walls[wall].source)
    node.resources.walls[wall].source = watched
    return watched


@asynccontextmanager
async def stopping(world: World) -> AsyncIterator[World]:
    """Stop all nodes of the world when the block ends."""
    try:
        yield world
    finally:
        for member in list(world.nodes):
            with suppress(KeyError):
                await world.stop(member)


def lines(search: Search) -> Mapping[str, Line]:
    """The lines of a search by member."""
    return {line.member: line for line in search.lines}
