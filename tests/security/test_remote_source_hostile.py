"""A source process among liars: callers that are not our node, references that do not hold, and the source itself.

The source runs in this process, over real TLS and gRPC; each case changes one thing.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from liaison.exchange.v1 import envelope_pb2
from liaison.source.v1 import source_pb2 as pb
from msgspec import structs

from adapters.remote import wire
from adapters.remote.client import MAX_ANSWER, RemoteSource
from adapters.remote.queries import query_bytes
from adapters.remote.reference import LIFETIME_US, PAYLOAD_TYPE, SKEW_US, build_reference
from adapters.remote.server import SourceServer
from certs.authority import issue as certify
from certs.authority import load_authority
from certs.keyfiles import create_key, load_key
from certs.names import CertificateName, CertificateUse, Holder
from certs.profile import read_leaf
from certs.tls import TlsIdentity, server_credentials
from gateway.app.run.source import Process
from gateway.clock import ManualClock, SystemClock, from_us
from gateway.config.source_home import load_source
from gateway.demo.sources import planted
from gateway.errors import Malformed, Unavailable
from gateway.model.exchange import Outcome
from gateway.model.hit import Candidate, Quality, SourceRecord
from gateway.model.marking import Level, Onward, ReleaseMarking
from gateway.model.names import MemberId, new_exchange_id
from gateway.model.purpose import Purpose
from gateway.model.query import PersonQuery, Query
from gateway.model.search import Line
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm
from gateway.ports.sources import CLASSES_CHANGED, Occasion, RecordClass, View
from gateway.records.sdjwt import RecordIssuer, issue, present
from gateway.rpc import methods
from gateway.signing.dsse import pae
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.storage.log.claims import HELD_S
from tests.support.exchange import CLOCK, KH, TH, VN, command, last, lines, person, stopping
from tests.support.forger import eventually
from tests.support.load import waiting
from tests.support.nodes import SourcePlan, World, officer, write_settings
from tests.support.source_process import CUSTOMS, KIND, Knock, RemoteWorld, knock, log_entries, remote_world, status_of
from tests.support.waiting import MOST_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

DRIVER = person(planted.DRIVER)
Change = Callable[[bytes], bytes]
HER = officer("th")


@dataclass(slots=True)
class Liar:
    """The source's real service, whose answers a case changes."""

    honest: Any
    changes: dict[str, Change] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if name not in ("describe", "search", "issue", "changes", "health"):
            return getattr(self.honest, name)

        def call(message: Any, node: str, deadline: float) -> bytes:
            answer: bytes = getattr(self.honest, name)(message, node, deadline)
            return self.changes[name](answer) if name in self.changes else answer

        return call


@dataclass(slots=True)
class Counted:
    """The agency's system, with a list of what it was asked, and a problem if it is to have one."""

    honest: Any
    asked: list[str] = field(default_factory=list)
    problem: str = ""

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self.honest, name)

    def health(self) -> str:
        self.asked.append("health")
        return self.problem


@dataclass(slots=True)
class Blind:
    """A log that does not know beforehand which claims are taken."""

    honest: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)

    def stored_answers(self, _claims: Any) -> dict[Any, Any]:
        return {}


@dataclass(slots=True)
class Odd:
    """An agency's system that fails in a way that nobody foresaw."""

    asked: int = 0

    def refresh(self) -> bool:
        self.asked += 1
        raise ValueError("unforeseen")


@dataclass(slots=True)
class Rounds:
    """The end of a process, after some rounds that take no time."""

    left: int

    def wait(self, _seconds: float) -> bool:
        self.left -= 1
        return self.left < 0


@dataclass(slots=True)
class Stage:
    """The federation, the source in this process, and what it lies about."""

    remote: RemoteWorld
    process: Process
    liar: Liar
    broken: list[BaseException]

    @property
    def world(self) -> World:
        return self.remote.world

    @property
    def knock(self) -> Knock:
        """A caller with our node's certificate."""
        return knock(self.remote)

    def refused(self) -> list[str]:
        """Codes of the refusals in the source's log."""
        return [item.private["code"] for item in log_entries(self.remote.home) if item.entry.kind == "source-refused"]

    def key(self) -> SigningKey:
        return self.world.federation["kh"].key("statement")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("hostile")
    remote = remote_world(folder)
    with_a_second_source(remote, folder)
    process, server, liar, broken = serve(remote)
    async with stopping(remote.world):
        for member in ("th", "kh"):
            await remote.world.start(member)
        yield Stage(remote, process, liar, broken)
    server.stop(1.0)
    process.journal.close()
    process.adapter.close()


def serve(remote: RemoteWorld) -> tuple[Process, SourceServer, Liar, list[BaseException]]:
    """The source process in this process, with a liar between its service and its server."""
    process = Process(load_source(remote.home))
    liar, broken = Liar(process.service), list[BaseException]()
    credentials = server_credentials(lambda: identity(remote.home), (remote.home / "ca.pem").read_bytes, print)
    server = SourceServer(liar, process.accepted, credentials, CLOCK, 8, broken.append)  # type: ignore[arg-type]
    process.service.started("test")
    server.start(f"127.0.0.1:{remote.port}")
    return process, server, liar, broken


def identity(home: Path, name: str = "tls") -> TlsIdentity:
    return TlsIdentity.load(home / "keys" / f"{name}.key", home / "keys" / f"{name}.pem")


def with_a_second_source(remote: RemoteWorld, folder: Path) -> None:
    """An embedded source beside the process, which must never suffer."""
    mapping = folder / "embedded.toml"
    text = CUSTOMS.mapping_file.read_text(encoding="utf-8").replace(f'"{CUSTOMS.id}"', '"kh.customs.embedded"')
    mapping.write_text(text, encoding="utf-8")
    embedded = SourcePlan("kh.customs.embedded", "customs", mapping, f"sqlite:///{folder / 'own.sqlite'}")
    (folder / "own.sqlite").write_bytes(CUSTOMS.build(folder / "sources").read_bytes())
    with closing(sqlite3.connect(folder / "own.sqlite")) as database:  # it answers, and knows nobody
        database.execute("DELETE FROM party")
        database.commit()
    plan = SourcePlan(CUSTOMS.id, CUSTOMS.agency, Path(), f"source://127.0.0.1:{remote.port}")
    write_settings(remote.world.home("kh"), "kh", remote.world.ports["kh"], [plan, embedded])


@pytest.fixture(autouse=True)
def honest_again(stage: Stage) -> Iterator[None]:
    yield
    stage.liar.changes.clear()


# ---------------------------------------------------------------- callers and references


def occasion(**changes: Any) -> Occasion:
    return structs.replace(Occasion(new_exchange_id(), TH, Purpose.INVESTIGATION, bytes(32)), **changes)


def reference(key: SigningKey, **changes: Any) -> bytes:
    """A good reference to a search for the driver, or one with one thing changed."""
    values: dict[str, Any] = {
        "member": KH, "source": CUSTOMS.id, "query": query_bytes(DRIVER), "key": key, "now_us": CLOCK.now_us(),
    }  # fmt: skip
    return build_reference(changes.pop("occasion", None) or occasion(), **{**values, **changes})


def search(data: bytes, query: bytes = query_bytes(DRIVER)) -> bytes:
    return pb.SearchRequest(reference=data, query=query).SerializeToString()


def release(**changes: Any) -> ReleaseMarking:
    """A marking that is allowed for the driver's record."""
    first = ReleaseMarking(
        level=Level.RESTRICTED,
        use=frozenset(),
        caveats=frozenset(),
        onward=Onward.NONE,
        purposes=frozenset({Purpose.INVESTIGATION.value}),
        not_after=from_us(CLOCK.now_us()).replace(second=0, microsecond=0) + timedelta(hours=1),
    )
    return structs.replace(first, **changes)


def order(stage: Stage, data: bytes, found: Candidate, **changes: Any) -> bytes:
    marking = release(use=found.marking.use, evaluation=found.marking.evaluation, **changes)
    text = wire.marking_text(marking)
    return pb.IssueRequest(
        reference=data, key=found.key, record_type=found.record_type, release_marking=text
    ).SerializeToString()


def found_by(stage: Stage, data: bytes, query: bytes = query_bytes(DRIVER)) -> Candidate:
    answer = stage.knock.call(methods.SEARCH.path, search(data, query))
    return wire.read_result(answer, stage.process.adapter.describe()).candidates[0]


async def test_a_good_reference_is_served(stage: Stage) -> None:
    data = reference(stage.key())
    found = found_by(stage, data)
    answer = pb.IssueResponse.FromString(stage.knock.call(methods.ISSUE.path, order(stage, data, found)))
    assert answer.record.count("~") > 4


CASES: dict[str, tuple[str, Callable[[Stage], bytes]]] = {
    "no reference": ("no-reference", lambda _: b""),
    "garbage": ("malformed", lambda _: b"\xff\xfe garbage"),
    "too large": ("reference-too-large", lambda stage: reference(stage.key()) + bytes(4_000)),
    "forged: another key of our own country": (
        "not-accepted",
        lambda stage: reference(stage.world.federation["kh"].key("status")),
    ),
    "forged: another country's statement key": (
        "not-accepted",
        lambda stage: reference(stage.world.federation["th"].key("statement")),
    ),
    "forged: our key's name, another key's signature": (
        "bad-signature",
        lambda stage: renamed(reference(stage.world.federation["th"].key("statement")), stage.key()),
    ),
    "changed after it was signed": ("bad-signature", lambda stage: altered(reference(stage.key()))),
    "another kind of statement": ("wrong-payload-type", lambda stage: retyped(stage.key())),
    "to another source": ("wrong-audience", lambda stage: reference(stage.key(), source="kh.customs.other")),
    "of another member": ("wrong-audience", lambda stage: reference(stage.key(), member=VN)),
    "stale": ("expired", lambda stage: reference(stage.key(), now_us=CLOCK.now_us() - LIFETIME_US)),
    "of the future": ("from-the-future", lambda stage: reference(stage.key(), now_us=CLOCK.now_us() + 2 * SKEW_US)),
    "for another query": (
        "other-query",
        lambda stage: reference(stage.key(), query=query_bytes(person(planted.HIDDEN))),
    ),
}


def renamed(data: bytes, key: SigningKey) -> bytes:
    message = envelope_pb2.Envelope.FromString(data)
    message.signatures[0].keyid = key.key_id
    return message.SerializeToString()


def altered(data: bytes) -> bytes:
    message = envelope_pb2.Envelope.FromString(data)
    inner = pb.Reference.FromString(message.payload)
    inner.audience = "vn"
    message.payload = inner.SerializeToString()
    return message.SerializeToString()


def retyped(key: SigningKey) -> bytes:
    kind = "application/vnd.liaison.request.v1+protobuf"
    payload = envelope_pb2.Envelope.FromString(reference(key)).payload
    signature = envelope_pb2.Signature(sig=key.sign(pae(kind, payload)), keyid=key.key_id)
    assert kind != PAYLOAD_TYPE
    return envelope_pb2.Envelope(payload=payload, payload_type=kind, signatures=[signature]).SerializeToString()


@pytest.mark.parametrize("case", CASES)
async def test_a_reference_that_does_not_hold_is_refused_and_logged(stage: Stage, case: str) -> None:
    code, make = CASES[case]
    before = len(searches(stage))
    _, said = stage.knock.said(methods.SEARCH.path, search(make(stage)))
    assert said == code
    assert code in stage.refused()
    assert len(searches(stage)) == before


def searches(stage: Stage) -> list[object]:
    return [item for item in log_entries(stage.remote.home) if item.entry.kind == "source-searched"]


async def test_a_reference_is_good_for_one_search(stage: Stage) -> None:
    data = reference(stage.key())
    found_by(stage, data)
    status, said = stage.knock.said(methods.SEARCH.path, search(data))
    assert (status, said) == (grpc.StatusCode.ALREADY_EXISTS, "reference-replayed")
    assert "reference-replayed" in stage.refused()


async def test_a_reference_that_was_used_before_a_restart_is_refused_after_it(stage: Stage) -> None:
    data = reference(stage.key())
    found = found_by(stage, data)
    counted = Counted(stage.process.adapter)
    forgetful = type(stage.process.service)(
        counted,
        stage.process.issuer,
        stage.process.accepted,
        stage.process.journal,
        CLOCK,
    )
    stage.liar.honest, kept = forgetful, stage.liar.honest
    try:
        _, said = stage.knock.said(methods.SEARCH.path, search(data))
        _, signed = stage.knock.said(methods.ISSUE.path, order(stage, data, found))
    finally:
        stage.liar.honest = kept
    assert (said, signed) == ("reference-replayed", "not-searched")
    assert "search" not in counted.asked


async def test_nothing_is_signed_under_a_reference_whose_claim_lost(stage: Stage) -> None:
    """Two processes of one home, or a restart within a search: both saw the reference unused."""
    data = reference(stage.key())
    found = found_by(stage, data)
    process = stage.process
    other = type(process.service)(process.adapter, process.issuer, process.accepted, Blind(process.journal), CLOCK)
    stage.liar.honest, kept = other, stage.liar.honest
    try:
        _, said = stage.knock.said(methods.SEARCH.path, search(data))
        _, signed = stage.knock.said(methods.ISSUE.path, order(stage, data, found))
    finally:
        stage.liar.honest = kept
    assert (said, signed) == ("reference-replayed", "not-searched")


async def test_health_needs_no_reference_and_so_says_yes_or_no_once_a_second(stage: Stage) -> None:
    counted = Counted(stage.process.adapter, problem="the table of secret/names is gone")
    process, clock = stage.process, ManualClock(CLOCK.now())
    service = type(process.service)(counted, process.issuer, process.accepted, process.journal, clock)
    said = {pb.HealthResponse.FromString(service.health(pb.HealthRequest(), "gw1", 0.0)).problem for _ in range(50)}
    assert said == {"the agency's system cannot be asked"}
    assert counted.asked.count("health") == 1
    clock.advance(timedelta(seconds=2))
    counted.problem = ""
    assert service.health(pb.HealthRequest(), "gw1", 0.0) == b""


async def test_an_unforeseen_failure_of_the_system_ends_no_round(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Odd()
    forgotten: list[int] = []
    monkeypatch.setattr(stage.process, "adapter", odd)
    monkeypatch.setattr(stage.process, "_ended", Rounds(3))
    monkeypatch.setattr(stage.process._store, "forget_claims", forgotten.append)
    stage.process._refresh()
    assert (odd.asked, len(forgotten)) == (3, 3)


async def test_a_source_forgets_by_the_time_since_its_start_and_by_no_clock_that_jumped(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = stage.process
    clock = SystemClock()
    monkeypatch.setattr(process, "_clock", clock)
    monkeypatch.setattr(process, "_begun", clock.monotonic())
    assert process._over_us() == 0
    monkeypatch.setattr(process, "_begun", clock.monotonic() - HELD_S)
    assert abs(clock.now_us() - process._over_us()) < 60_000_000
    wall = clock._wall
    monkeypatch.setattr(clock, "_wall", lambda: wall() + 86_400_000_000_000)
    assert process._over_us() == 0


async def test_the_node_cannot_make_a_source_wider_than_its_agency_allows(stage: Stage) -> None:
    query = query_bytes(PersonQuery((NameForm("Kita Bunna"),)), Strictness.WIDE)
    process = stage.process
    stricter = type(process.service)(
        process.adapter, process.issuer, process.accepted, process.journal, CLOCK, Strictness.STRICT
    )
    assert pb.SearchResponse.FromString(
        stage.knock.call(methods.SEARCH.path, search(reference(stage.key(), query=query), query))
    ).candidates
    stage.liar.honest, kept = stricter, stage.liar.honest
    try:
        answer = stage.knock.call(methods.SEARCH.path, search(reference(stage.key(), query=query), query))
    finally:
        stage.liar.honest = kept
    assert not pb.SearchResponse.FromString(answer).candidates
    assert log_entries(stage.remote.home)[-1].private["strictness"] == "strict"


async def test_only_what_the_search_found_is_signed_and_twice_at_most(stage: Stage) -> None:
    data = reference(stage.key())
    found = found_by(stage, data)
    other = structs.replace(found, key="1" if found.key != "1" else "2")
    assert stage.knock.said(methods.ISSUE.path, order(stage, data, other))[1] == "not-searched"
    assert stage.knock.said(methods.ISSUE.path, order(stage, reference(stage.key()), found))[1] == "not-searched"
    for _ in range(2):
        stage.knock.call(methods.ISSUE.path, order(stage, data, found))
    assert stage.knock.said(methods.ISSUE.path, order(stage, data, found))[1] == "reference-replayed"


async def test_nothing_is_signed_for_our_own_officers_search(stage: Stage) -> None:
    data = reference(stage.key(), occasion=occasion(asker=KH, request_hash=b""))
    found = found_by(stage, data)
    assert stage.knock.said(methods.ISSUE.path, order(stage, data, found))[1] == "no-request"


@pytest.mark.parametrize(
    "changes",
    [
        {"level": Level.OPEN},
        {"onward": Onward.SAME_COUNTRY},
        {"purposes": frozenset({Purpose.BORDER_CHECK.value})},
    ],
    ids=str,
)
async def test_a_marking_weaker_than_the_records_own_is_not_signed(stage: Stage, changes: dict[str, Any]) -> None:
    data = reference(stage.key())
    found = found_by(stage, data)
    answer = pb.IssueResponse.FromString(stage.knock.call(methods.ISSUE.path, order(stage, data, found, **changes)))
    assert (answer.record, wire.read_marking(answer.marking)) == ("", found.marking)


async def test_a_record_that_is_hidden_from_the_asker_is_neither_found_nor_signed(
    stage: Stage,
) -> None:
    query = query_bytes(person(planted.HIDDEN))
    data = reference(stage.key(), query=query)
    answer = stage.knock.call(methods.SEARCH.path, search(data, query))
    assert wire.read_result(answer, stage.process.adapter.describe()).candidates == ()
    (found,) = stage.process.adapter.search(person(planted.HIDDEN), CLOCK.monotonic() + 5).candidates
    assert found.marking.hidden_from("th") or "th" not in found.marking.releasable_to
    assert stage.knock.said(methods.ISSUE.path, order(stage, data, found))[1] == "not-searched"


async def test_a_source_searches_as_the_asker_sees_it(stage: Stage) -> None:
    (source,) = (wall.source for wall in stage.world.nodes["kh"].resources.walls if wall.signs)
    assert isinstance(source, RemoteSource)
    classes = source.refer(occasion()).classes()
    assert classes == frozenset(stage.process.adapter.classes())  # type: ignore[attr-defined]

    def told(
        seen: frozenset[RecordClass],
        decided: frozenset[RecordClass],
        query: Query = DRIVER,
        without: frozenset[str] = frozenset(),
    ) -> int:
        part = source.refer(occasion()).within(View(seen, decided, without))
        return len(part.search(query, CLOCK.monotonic() + 5).candidates)

    assert told(classes, classes) == 1
    (found,) = stage.process.adapter.search(DRIVER, CLOCK.monotonic() + 5).candidates
    its = frozenset({(found.record_type, found.marking, found.category)})
    assert told(classes - its, classes) == 0, "it is not there for who may not learn of it"
    assert told(classes, classes, person(planted.HIDDEN)) == 0, "its marking decides before the node"
    assert told(classes, classes, without=frozenset({found.key})) == 0, "n226: its owner withdrew it"
    with pytest.raises(Unavailable) as caught:
        told(frozenset(), classes - its)
    assert caught.value.code == CLASSES_CHANGED, "a class that was not decided on is not passed over"


# ---------------------------------------------------------------- who calls


async def test_a_caller_with_another_certificate_of_our_country_is_refused_and_logged(stage: Stage) -> None:
    status, said = knock(stage.remote, key="client-cli").said(methods.DESCRIBE.path, b"")
    assert (status, said) == (grpc.StatusCode.UNAUTHENTICATED, "not-our-node")
    assert "not-our-node" in stage.refused()


async def test_a_node_of_our_country_that_is_not_named_is_refused(stage: Stage, tmp_path: Path) -> None:
    name = CertificateName(KH, CertificateUse.NODE, "node2")
    key = create_key(tmp_path / "other.key")
    authority = load_authority(stage.world.federation["kh"].authority)
    certificate = certify(authority, key.public_key(), name, CLOCK)  # type: ignore[arg-type]
    other = replace(stage.knock, key=(tmp_path / "other.key").read_bytes(), certificate=certificate)
    assert other.said(methods.DESCRIBE.path, b"") == (grpc.StatusCode.UNAUTHENTICATED, "not-our-node")


async def test_calls_without_their_messages_hold_no_thread_of_the_source(stage: Stage) -> None:
    """A system of our country that may not call begins more calls than the source has threads, and says no more."""
    other = knock(stage.remote, key="client-cli")
    credentials = grpc.ssl_channel_credentials(other.roots, other.key, other.certificate)
    options = [("grpc.ssl_target_name_override", other.name), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(f"127.0.0.1:{other.port}", credentials, options) as channel:
        calls: list[Any] = [channel.stream_unary(methods.SEARCH.path)(timeout=20) for _ in range(32)]
        assert {await call.code() for call in calls} == {grpc.StatusCode.UNAUTHENTICATED}
        assert refusal(stage) == ""


async def test_a_call_that_our_node_gives_up_before_its_message_is_no_refusal(stage: Stage) -> None:
    node, before = stage.knock, len(stage.refused())
    credentials = grpc.ssl_channel_credentials(node.roots, node.key, node.certificate)
    options = [("grpc.ssl_target_name_override", node.name), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(f"127.0.0.1:{node.port}", credentials, options) as channel:
        calls: list[Any] = [channel.stream_unary(methods.SEARCH.path)(timeout=0.2) for _ in range(16)]
        assert {await call.code() for call in calls} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    assert refusal(stage) == ""
    # Calls of the test before may get their entry only now.
    assert set(stage.refused()[before:]) <= {"not-our-node"}


async def test_a_call_that_ends_without_a_message_is_no_refusal_of_an_empty_one(stage: Stage) -> None:
    node, before = stage.knock, len(stage.refused())
    credentials = grpc.ssl_channel_credentials(node.roots, node.key, node.certificate)
    options = [("grpc.ssl_target_name_override", node.name), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(f"127.0.0.1:{node.port}", credentials, options) as channel:
        call: Any = channel.stream_unary(methods.SEARCH.path)(timeout=20)
        await call.done_writing()
        assert (await call.code(), await call.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "no-message")
    assert "no-reference" not in stage.refused()[before:]
    assert stage.knock.call(methods.DESCRIBE.path, b""), "an empty message is a message"


@pytest.mark.parametrize("case", ["another country's node", "nobody"])
async def test_a_caller_whom_our_authority_does_not_know_gets_no_connection(stage: Stage, case: str) -> None:
    other = replace(stage.knock, key=b"", certificate=b"") if case == "nobody" else knock(stage.remote, "th")
    assert other.said(methods.DESCRIBE.path, b"")[0] is grpc.StatusCode.UNAVAILABLE


async def test_a_statement_key_that_is_taken_away_is_refused_at_once(stage: Stage) -> None:
    (file,) = (stage.remote.home / "accepted").glob("*.pem")
    kept = file.read_bytes()
    assert stage.knock.said(methods.SEARCH.path, search(b""))[1] == "no-reference"
    file.unlink()
    try:
        await eventually(lambda: refusal(stage) == "not-accepted")
    finally:
        file.write_bytes(kept)
    await eventually(lambda: refusal(stage) == "")


def refusal(stage: Stage) -> str:
    try:
        stage.knock.call(methods.SEARCH.path, search(reference(stage.key())))
    except grpc.RpcError as error:
        return status_of(error)[1]
    return ""


async def test_a_method_that_is_not_in_the_table_is_not_served(stage: Stage) -> None:
    assert stage.knock.said(f"/{methods.SOURCE}/Drop", b"")[0] is grpc.StatusCode.UNIMPLEMENTED
    assert "unknown-method" in stage.refused()


async def test_a_message_over_the_methods_size_is_refused(stage: Stage) -> None:
    query = pb.Query(number=pb.NumberQuery(kind="document", parts={"number": "x" * 33_000})).SerializeToString()
    assert stage.knock.said(methods.SEARCH.path, search(reference(stage.key()), query))[0] is (
        grpc.StatusCode.RESOURCE_EXHAUSTED
    )


# ---------------------------------------------------------------- a source that lies


async def ask(stage: Stage) -> Line:
    found = await stage.world.nodes["th"].asking.searches.start(HER, command(DRIVER, (KH,)))
    line: Line = lines(found)["kh"]
    return line


def remade(stage: Stage, **changes: Any) -> Change:
    """The same record, signed by somebody, for somebody."""

    def change(answer: bytes) -> bytes:
        message = pb.IssueResponse.FromString(answer)
        said = payload(message.record)
        found = searched(stage)
        record = stage.process.adapter.fetch(found.key, found.record_type, CLOCK.monotonic() + 5)
        values: dict[str, Any] = {
            "issuer": stage.process.issuer,
            "audience": TH,
            "request_hash": urlsafe_b64decode(said["request"] + "="),
            "marking": wire.read_release_marking(json.dumps(said["marking"])),
            "now_us": CLOCK.now_us(),
        }
        values |= {name: value for name, value in changes.items() if name != "record"}
        issued = issue(structs.replace(record, **changes.get("record", {})), **values)
        message.record = present(issued, issued.disclosures)
        return message.SerializeToString()

    return change


def payload(record: str) -> dict[str, Any]:
    body = record.split(".")[1]
    said: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return said


def searched(stage: Stage) -> Candidate:
    return stage.process.adapter.search(DRIVER, CLOCK.monotonic() + 5).candidates[0]


def edited(kind: type[Any], edit: Callable[[Any], None]) -> Change:
    def change(answer: bytes) -> bytes:
        message = kind.FromString(answer)
        edit(message)
        data: bytes = message.SerializeToString()
        return data

    return change


def put(**values: Any) -> Callable[[Any], None]:
    """Set fields of an answer's first candidate, or of the answer."""

    def edit(message: Any) -> None:
        target = message.candidates[0] if hasattr(message, "candidates") else message
        for name, value in values.items():
            setattr(target, name, value(getattr(target, name)) if callable(value) else value)

    return edit


def swap(text: str, place: int) -> str:
    at = place % len(text)
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def stranger(stage: Stage, member: str = "kh", held: Holder = Holder.OWN) -> RecordIssuer:
    """A key that the member's CA certified for customs, and that nobody listed."""
    folder = stage.remote.home / f"stranger-{member}-{held.value}"
    if not folder.exists():
        folder.mkdir()
        create_key(folder / "key.key")
    name = CertificateName(MemberId(member), CertificateUse.AGENCY, "customs", held)
    authority = load_authority(stage.world.federation[member].authority)
    public: Any = load_key(folder / "key.key").public_key()
    return RecordIssuer(
        load_signing_key(folder / "key.key"),
        read_leaf(certify(authority, public, name, CLOCK)).der,
        MemberId(member),
        "customs",
    )


def held_by_node(stage: Stage) -> RecordIssuer:
    """The key that the node held before the agency had its own; it is still listed."""
    folder = stage.remote.home.parent / "held"
    certificate = read_leaf((folder / "agency-customs.pem").read_bytes()).der
    return RecordIssuer(load_signing_key(folder / "agency-customs.key"), certificate, KH, "customs")


LIES: dict[str, tuple[str, Callable[[Stage], Change]]] = {
    "the signature is another": (
        "issue",
        lambda _: edited(pb.IssueResponse, put(record=lambda text: swap(text, text.index("~") - 5))),
    ),
    "a disclosure was changed": ("issue", lambda _: edited(pb.IssueResponse, put(record=lambda text: swap(text, -9)))),
    "for another recipient": ("issue", lambda stage: remade(stage, audience=VN)),
    "for another request": ("issue", lambda stage: remade(stage, request_hash=b"\1" * 32)),
    "signed with a key that is not listed": ("issue", lambda stage: remade(stage, issuer=stranger(stage))),
    "signed by another country's agency": (
        "issue",
        lambda stage: remade(stage, issuer=stranger(stage, "th"), record={"owner": "th.customs"}),
    ),
    "signed with a listed key that the node holds": (
        "issue",
        lambda stage: remade(stage, issuer=held_by_node(stage)),
    ),
    "under a weaker marking": ("issue", lambda stage: remade(stage, marking=release(level=Level.OPEN))),
    "no record, and no reason for none": ("issue", lambda _: edited(pb.IssueResponse, put(record=""))),
    "text instead of a record": ("issue", lambda _: edited(pb.IssueResponse, put(record="~~~"))),
    "an unknown marking": ("issue", lambda _: edited(pb.IssueResponse, put(marking='{"level":"TOP"}'))),
    "garbage for a record": ("issue", lambda _: lambda _answer: b"\xff" * 900),
    "an oversized answer": ("issue", lambda _: lambda _answer: bytes(MAX_ANSWER + 1)),
    "garbage for candidates": ("search", lambda _: lambda _answer: b"\x08\xff\xff garbage"),
    "an oversized list": ("search", lambda _: lambda _answer: bytes(MAX_ANSWER + 1)),
    "too many candidates": (
        "search",
        lambda _: edited(pb.SearchResponse, lambda m: m.candidates.extend([m.candidates[0]] * 30)),
    ),
    "a candidate twice": (
        "search",
        lambda _: edited(pb.SearchResponse, lambda m: m.candidates.append(m.candidates[0])),
    ),
    "a score that is no number": ("search", lambda _: edited(pb.SearchResponse, put(score=float("nan")))),
    "an unknown record type": ("search", lambda _: edited(pb.SearchResponse, put(record_type="Secret"))),
    "an unknown quality": ("search", lambda _: edited(pb.SearchResponse, put(quality="SURE"))),
    "a key that was not found": ("search", lambda _: edited(pb.SearchResponse, put(key="no-such-key"))),
    "an unknown field": ("search", lambda _: lambda answer: answer + b"\x9a\x06\x01x"),
    "control characters in a rule": (
        "search",
        lambda _: edited(pb.SearchResponse, lambda m: m.candidates[0].rules.append("\x1b[2J")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
async def test_a_source_that_lies_is_missing_and_others_are_unaffected(stage: Stage, lie: str) -> None:
    method, make = LIES[lie]
    stage.liar.changes[method] = make(stage)
    line = await ask(stage)
    assert (line.hits, line.missing) == ((), (KIND,))
    states = {item["id"]: item["state"] for item in last(stage.world.nodes["kh"]).private["sources"]}
    assert states[CUSTOMS.id] == "failed"


BINH = {"names": [{"text": "TRAN THI BINH"}], "birth": {"value": "1991-02-03"}}


async def test_a_source_that_signs_another_persons_record_is_not_believed(stage: Stage) -> None:
    stage.liar.changes["issue"] = remade(stage, record={"fields": BINH})
    line = await ask(stage)
    assert (line.hits, line.missing) == ((), (KIND,))
    states = {item["id"]: item["state"] for item in last(stage.world.nodes["kh"]).private["sources"]}
    assert states[CUSTOMS.id] == "changed"


@pytest.mark.parametrize("search", [None, {"names": ["TRAN THI BINH"], "birth": {"value": "1991-02-03"}}])
async def test_an_agency_does_not_sign_another_persons_record(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, search: dict[str, Any] | None
) -> None:
    fetch = stage.process.adapter.fetch

    def another(key: str, record_type: str, deadline: float) -> SourceRecord:
        return structs.replace(fetch(key, record_type, deadline), fields=BINH, search=search)

    monkeypatch.setattr(stage.process.adapter, "fetch", another)
    signed = len([item for item in log_entries(stage.remote.home) if item.entry.kind == "source-issued"])
    line = await ask(stage)
    assert (line.hits, line.missing) == ((), (KIND,))
    states = {item["id"]: item["state"] for item in last(stage.world.nodes["kh"]).private["sources"]}
    assert states[CUSTOMS.id] == "changed"
    assert "record-changed" in stage.refused()
    assert signed == len([item for item in log_entries(stage.remote.home) if item.entry.kind == "source-issued"])


async def test_an_agency_signs_the_record_of_a_person_whom_it_finds_by_a_former_name(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = stage.process.adapter.fetch

    def renamed(key: str, record_type: str, deadline: float) -> SourceRecord:
        found = fetch(key, record_type, deadline)
        now = {"names": BINH["names"]}
        search = dict(found.search or {})
        search["names"] = [*search["names"], "TRAN THI BINH"]
        return structs.replace(found, fields={**found.fields, **now}, search=search)

    monkeypatch.setattr(stage.process.adapter, "fetch", renamed)
    line = await ask(stage)
    assert line.missing == ()
    assert [hit.quality for hit in line.hits] == [Quality.POSSIBLE]
    assert "record-does-not-fit" in line.hits[0].rules, "the officer sees that the record names another"


async def test_an_agency_that_says_less_of_another_persons_record_gets_no_more_than_that(stage: Stage) -> None:
    def less(answer: bytes) -> bytes:
        return edited(pb.IssueResponse, put(quality="POSSIBLE"))(remade(stage, record={"fields": BINH})(answer))

    stage.liar.changes["issue"] = less
    line = await ask(stage)
    assert [(hit.quality, hit.rules[-1]) for hit in line.hits] == [(Quality.POSSIBLE, "record-does-not-fit")]
    stage.liar.changes["issue"] = edited(pb.IssueResponse, put(quality="SURE"))
    line = await ask(stage)
    assert (line.hits, line.missing) == ((), (KIND,))


async def test_the_same_record_signed_anew_is_believed(stage: Stage) -> None:
    """The control of the cases above: only what each of them changes is wrong."""
    stage.liar.changes["issue"] = remade(stage)
    line = await ask(stage)
    assert [hit.record.own_key for hit in line.hits if hit.record] == [True]


async def test_a_source_cannot_turn_a_good_question_into_a_refusal(stage: Stage) -> None:
    def refuse(_answer: bytes) -> bytes:
        raise Malformed("there is nothing to search by", code="bad-query")

    stage.liar.changes["search"] = refuse
    line = await ask(stage)
    assert (line.outcome, line.missing) == (Outcome.PARTIAL, (KIND,))


async def test_a_source_that_takes_such_questions_no_more_is_missing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the node has its new description, it asks all the same."""
    described = stage.process.adapter.describe()
    monkeypatch.setattr(stage.process.adapter, "describe", lambda: structs.replace(described, queries=frozenset()))
    line = await ask(stage)
    assert (line.hits, line.missing) == ((), (KIND,))


async def test_a_source_that_hangs_costs_its_time_and_no_more(stage: Stage) -> None:
    gate = threading.Event()
    stage.liar.changes["search"] = lambda answer: answer if gate.wait(MOST_S) else b""
    try:
        with waiting() as watch:
            line = await ask(stage)
        assert watch.seconds < 4
        assert line.missing == (KIND,)
    finally:
        gate.set()


async def test_after_all_lies_the_honest_source_is_believed(stage: Stage) -> None:
    line = await ask(stage)
    assert [hit.record.own_key for hit in line.hits if hit.record] == [True]
    assert line.missing == ()
    assert stage.broken == []


async def test_what_cannot_be_logged_is_not_answered(stage: Stage, tmp_path: Path) -> None:
    copy = Process(load_source(shutil.copytree(stage.remote.home, tmp_path / "copy")))
    copy.journal.close()
    stage.liar.honest, kept = copy.service, stage.liar.honest
    try:
        status, _ = stage.knock.said(methods.SEARCH.path, search(reference(stage.key())))
    finally:
        stage.liar.honest = kept
        copy.adapter.close()
    assert status is grpc.StatusCode.UNKNOWN
    assert [type(error).__name__ for error in stage.broken] == ["StorageBroken"]
    stage.broken.clear()
