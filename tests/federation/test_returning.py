"""A member that was removed while its node was off learns why when it comes back, from the documents themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.clock import SystemClock
from gateway.model.documents import Kind, Wanted
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId
from gateway.model.search import Line
from gateway.node import wire
from gateway.ops.doctor.doctor import examine
from gateway.ports.gossip import MAX_FAREWELL
from gateway.rpc import methods
from gateway.rpc.contract import Method
from gateway.trust.ceremony.ceremony import import_document, publish_status, sign
from gateway.trust.ceremony.found_member import create_member
from gateway.trust.ceremony.member_card import read_card
from gateway.trust.documents.charter import draft_charter, parse_charter
from gateway.trust.documents.members import CharterMember, MemberStatus
from tests.support.exchange import TH, caller, command, lines, sample_world, stopping
from tests.support.forger import eventually, eventually_async
from tests.support.hostile_member import HostileMember
from tests.support.nodes import World, officer

pytestmark = pytest.mark.asyncio(loop_scope="function")

CLOCK = SystemClock()
KH = MemberId("kh")

LEARNED_S = 60.0
"""The promise is five seconds from the connection; a busy machine may take longer."""

Members = dict[str, CharterMember]


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = sample_world(tmp_path)
    async with stopping(made):
        yield made


def charters(world: World, *changes: Callable[[Members], None]) -> list[bytes]:
    """Return the next versions of the charter, signed by all: each has one change."""
    versions = [world.federation.charter]
    for change in changes:
        before = parse_charter(versions[-1]).charter
        members = dict(before.members)
        change(members)
        data = draft_charter(
            before.federation, members, before.threshold, version=before.version + 1, issued=CLOCK.now(), days=100
        )
        for item in world.federation.members.values():
            data = sign(data, item.authority)
        versions.append(data)
    return versions[1:]


def now_is(member: str, status: MemberStatus) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        members[member] = replace(members[member], status=status)

    return change


def many_left(folder: Path) -> Callable[[Members], None]:
    """Eighty members that have left: a charter of more than a farewell may have."""

    def change(members: Members) -> None:
        for name in (f"{first}{second}" for first in "xyz" for second in "abcdefghijklmnopqrstuvwxyz"):
            create_member(folder / name, name, CLOCK)
            card = read_card(folder / name)
            members[name] = CharterMember(card.member, MemberStatus.LEFT, (card.ca_pem,), (card.authority,))

    return change


def take(world: World, documents: Sequence[bytes], *members: str) -> None:
    for member in members:
        import_document(world.home(member) / "trust", b"\n".join(documents), CLOCK)


def is_active(world: World, at: str, member: str) -> bool:
    return world.nodes[at].core.parts.trust().active(member)


async def asked(world: World, by: str, to: MemberId) -> Line:
    found: Line = lines(await world.nodes[by].asking.searches.start(officer(by), command(to=(to,))))[to]
    return found


def code_of(line: Line) -> str:
    return line.refusal.code if line.refusal else ""


async def never_silent(world: World, by: str, to: MemberId, until: Callable[[], bool]) -> Line:
    """Ask until a condition holds, and once more; no officer reads `silent` meanwhile."""

    async def asked_once() -> bool:
        line = await asked(world, by, to)
        assert line.outcome is not Outcome.SILENT, code_of(line)
        return until()

    await eventually_async(asked_once)
    return await asked(world, by, to)


@pytest.mark.parametrize("status", [MemberStatus.SUSPENDED, MemberStatus.LEFT])
async def test_j8_a_member_that_comes_back_is_told_by_the_charter_that_removed_it(
    own_world: World, status: MemberStatus
) -> None:
    take(own_world, charters(own_world, now_is("kh", status)), "th", "vn")
    for member in ("th", "vn", "kh"):
        await own_world.start(member)
    line = await never_silent(own_world, "kh", TH, lambda: not is_active(own_world, "kh", "kh"))
    assert (line.outcome, code_of(line)) == (Outcome.REFUSED, "own-suspended")
    there = await asked(own_world, "th", KH)
    assert there.outcome is Outcome.NOT_ACCEPTED


async def test_j8_missed_versions_of_any_size_come_whole(own_world: World, tmp_path: Path) -> None:
    versions = charters(
        own_world,
        many_left(tmp_path / "left"),
        now_is("kh", MemberStatus.SUSPENDED),
        now_is("kh", MemberStatus.ACTIVE),
        now_is("kh", MemberStatus.SUSPENDED),
    )
    assert all(len(version) > MAX_FAREWELL for version in versions)
    take(own_world, versions, "th", "vn")
    for member in ("th", "vn", "kh"):
        await own_world.start(member)
    documents = own_world.nodes["kh"].resources.trust.documents
    await eventually(lambda: documents.charter_versions()[1:] == versions)
    await eventually(lambda: not is_active(own_world, "kh", "kh"))


async def test_j8_a_large_charter_is_told_on_an_open_stream(own_world: World, tmp_path: Path) -> None:
    for member in ("th", "kh"):
        await own_world.start(member)
    nodes = own_world.nodes
    await eventually(lambda: nodes["kh"].core.peers.status(TH).connected)
    take(own_world, charters(own_world, many_left(tmp_path / "left"), now_is("kh", MemberStatus.SUSPENDED)), "th")
    await eventually(lambda: not is_active(own_world, "kh", "kh"))


async def test_j8_a_member_that_is_reinstated_is_told_and_exchanges_again(own_world: World) -> None:
    suspended, again = charters(own_world, now_is("kh", MemberStatus.SUSPENDED), now_is("kh", MemberStatus.ACTIVE))
    take(own_world, [suspended], "th", "vn")
    for member in ("th", "vn", "kh"):
        await own_world.start(member)
    await eventually(lambda: not is_active(own_world, "kh", "kh"))
    take(own_world, [again], "th", "vn")
    await eventually(lambda: is_active(own_world, "kh", "kh"))
    # Viet Nam may have told it before Thailand's own round has taken the charter up; until then Thailand must refuse.
    await eventually(lambda: is_active(own_world, "th", "kh"))
    line = await never_silent(own_world, "kh", TH, lambda: True)
    assert line.outcome is Outcome.NO_HIT


async def test_j9_a_node_whose_key_was_revoked_while_it_was_off_is_told_by_its_own_status(own_world: World) -> None:
    key = own_world.federation.view("kh").peer(own_world.federation["kh"].certificate("tls")).key_id
    file = own_world.home("kh") / "trust" / "statuses" / "kh.json"
    held = file.read_bytes()
    revoked = publish_status(own_world.home("kh"), CLOCK, removed=[key])
    file.write_bytes(held)  # the home of the node is an older copy: it was signed elsewhere
    take(own_world, [revoked], "th", "vn")
    for member in ("th", "vn", "kh"):
        await own_world.start(member)
    line = await never_silent(own_world, "kh", TH, lambda: "kh" in own_world.nodes["kh"].core.parts.trust().withdrawn)
    assert (line.outcome, code_of(line)) == (Outcome.REFUSED, "own-key-removed")
    there = await asked(own_world, "th", KH)
    assert (there.outcome, code_of(there)) == (Outcome.NOT_ACCEPTED, "key-removed")
    found = await stops(own_world, "kh")
    assert "`th` does not accept our node: not-listed" in found
    assert "the key for tls that this home holds" in found


async def stops(world: World, member: str) -> str:
    """What the doctor of a home says that stops exchanges."""
    found = await asyncio.to_thread(examine, world.home(member), CLOCK, "th")
    return "\n".join(finding.text for finding in found if finding.is_stop)


async def test_the_doctor_of_a_member_that_came_back_says_that_it_is_not_accepted_and_why(own_world: World) -> None:
    take(own_world, charters(own_world, now_is("kh", MemberStatus.SUSPENDED)), "th")
    await own_world.start("th")
    assert "`th` does not accept our node: unknown-peer" in await stops(own_world, "kh")
    await own_world.start("kh")
    await eventually(lambda: not is_active(own_world, "kh", "kh"))
    assert "`kh` is not an active member" in await stops(own_world, "kh")


# ---------------------------------------------------------------- the last words on a stream


async def last_words(call: Any) -> pb.Ending:
    """Read a stream to its end, which is a refusal; return the ending that came before."""
    endings: list[pb.Ending] = []

    async def read() -> None:
        while isinstance(data := await call.read(), bytes):
            package = wire.parse_package(data)
            endings.extend([package.ending] if package.HasField("ending") else [])

    with pytest.raises(grpc.aio.AioRpcError) as error:
        await read()
    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
    (ending,) = endings
    return ending


async def test_a_stream_that_is_refused_or_ended_brings_the_document_that_explains_it(own_world: World) -> None:
    (suspended,) = charters(own_world, now_is("kh", MemberStatus.SUSPENDED))
    await own_world.start("th")
    async with caller(own_world, "kh", "th").channel() as channel:
        before = channel.stream_stream(methods.STREAM.path)()
        await before.write(wire.request_hello(pb.Hello(member="kh", trust_hash=bytes(32))))
        assert wire.parse_package(await before.read()).HasField("hello")
        take(own_world, [suspended], "th")
        assert await last_words(before) == pb.Ending(code="unknown-peer", documents=suspended)
        after = channel.stream_stream(methods.STREAM.path)()
        assert await last_words(after) == pb.Ending(code="unknown-peer", documents=suspended)


async def test_a_stream_on_which_its_peer_says_nothing_ends_when_trust_changes(own_world: World) -> None:
    """Nothing is read or written on it: a member that does not greet cannot keep a stream open until it is idle."""
    (suspended,) = charters(own_world, now_is("kh", MemberStatus.SUSPENDED))
    node = await own_world.start("th")
    server = node._server
    assert server is not None
    async with caller(own_world, "kh", "th").channel() as channel:
        call = channel.stream_stream(methods.STREAM.path)()
        await call.write(b"")
        await eventually(lambda: any(stream.member == KH for stream in server._streams))
        take(own_world, [suspended], "th")
        assert await asyncio.wait_for(call.code(), LEARNED_S) is grpc.StatusCode.UNAUTHENTICATED
        assert await call.details() == "unknown-peer"


async def test_the_document_of_an_ending_alone_tells_a_member_that_it_is_suspended(own_world: World) -> None:
    """Every other way is closed: the other end lists no document and gives none, and there is no third member."""
    (suspended,) = charters(own_world, now_is("kh", MemberStatus.SUSPENDED))
    async with HostileMember(own_world, "th").serving() as other:
        other.ending = pb.Ending(code="unknown-peer", documents=suspended)
        await own_world.start("kh")
        await eventually(lambda: not is_active(own_world, "kh", "kh"))
        assert other.counts["documents"] == 0


# ---------------------------------------------------------------- what it may have


async def test_a_member_that_is_not_accepted_gets_the_documents_about_itself_and_nothing_else(own_world: World) -> None:
    take(own_world, charters(own_world, now_is("kh", MemberStatus.SUSPENDED)), "th")
    await own_world.start("th")
    async with caller(own_world, "kh", "th").channel() as channel:

        async def call(method: Method[Any, Any], request: object) -> Any:
            answer = await channel.unary_unary(method.path)(method.request.write(request), timeout=20)
            return method.read_answer(answer)

        listed = await call(methods.LIST_DOCUMENTS, None)
        assert {(line.kind, line.member) for line in listed} == {
            (Kind.CHARTER, ""), (Kind.DESCRIPTOR, "kh"), (Kind.STATUS, "kh"),
        }  # fmt: skip
        for wanted in (Wanted(Kind.STATUS, "vn", 0, bytes(32)), Wanted(Kind.DESCRIPTOR, "th", 0, bytes(32))):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await call(methods.FETCH_DOCUMENTS, wanted)
            assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
        others = [row for row in methods.NODE_METHODS if row not in (methods.LIST_DOCUMENTS, methods.FETCH_DOCUMENTS)]
        for row in others:
            if row is not methods.STREAM:
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await channel.unary_unary(row.path)(b"", timeout=20)
                assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_member_that_is_not_accepted_uses_up_nothing_of_its_members_and_few_farewells(own_world: World) -> None:
    take(own_world, charters(own_world, now_is("kh", MemberStatus.SUSPENDED)), "th")
    node = await own_world.start("th")
    server, flooder = node._server, HostileMember(own_world, "kh")
    assert server is not None
    async with flooder.asking("th", methods.LIST_DOCUMENTS, lambda: b""):
        await eventually(lambda: flooder.counts["call-rate"] > 0)
    assert flooder.counts["served"]
    rates: Any = server._pace
    assert "kh" not in rates._calls.of
    begun, told = asyncio.get_running_loop().time(), 0
    async with caller(own_world, "kh", "th").channel() as channel:
        for _ in range(40):
            call = channel.stream_stream(methods.STREAM.path)()
            with contextlib.suppress(grpc.aio.AioRpcError):
                while isinstance(data := await call.read(), bytes):
                    told += wire.parse_package(data).HasField("ending")
    assert 1 <= told <= 11 + asyncio.get_running_loop().time() - begun
