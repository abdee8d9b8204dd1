"""A member that owns valid keys and means harm: it floods, stalls, lies and signs without end, and others are served.

While each of its behaviours lasts, the node answers a third member, no message holds its loop, and its memory stays.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.audit.tree.checkpoint import Signer, origin
from gateway.clock import SystemClock
from gateway.errors import Forbidden
from gateway.exchange.refusals import ENTRIES
from gateway.gossip.holdings import fork_hash, fork_lines
from gateway.gossip.serving import MAX_BYTES, PART
from gateway.model.documents import Held, Kind, Part, Wanted
from gateway.model.evidence.witness import HeadEvidence
from gateway.model.exchange import Outcome
from gateway.model.purpose import Purpose
from gateway.node import wire
from gateway.rpc import methods
from gateway.rpc.document_forms import MAX_HELD
from gateway.trust.ceremony.ceremony import publish_status
from gateway.trust.documents.kept_lines import MAX_KEPT
from gateway.trust.documents.status import sign_status
from tests.support.exchange import (
    NO_PASSPORT,
    VN,
    command,
    entries,
    lines,
    sample_world,
    sealed,
    stopping,
)
from tests.support.forger import eventually
from tests.support.hostile_member import HostileMember
from tests.support.load import in_turns
from tests.support.loop_watch import HELD_S, loop_watch
from tests.support.nodes import World, officer
from tests.support.waiting import MOST_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLOCK = SystemClock()
MIB = 1024 * 1024
MOST_FORKS = 64
SECONDS, LONGER = 2.0, 4.0

HELD_TOGETHER_S = 2 * HELD_S
"""Two nodes and their attacker share the loop of a test, and each may hold it for `HELD_S`."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("hostile-member"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        await eventually(lambda: made.nodes["th"].core.peers.status(VN).connected)
        await answered(made)
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def hostile(world: World) -> AsyncIterator[HostileMember]:
    async with HostileMember(world, "kh").serving() as member:
        yield member


async def answered(world: World) -> bool:
    search = world.nodes["th"].asking.searches.start(officer("th"), command(NO_PASSPORT, to=(VN,)))
    line = lines(await in_turns(search, 10))[VN]
    return line.outcome is Outcome.NO_HIT


def rss() -> int:
    """The resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Attack:
    """How many seconds an attack lasted while others were served."""

    seconds: float


@asynccontextmanager
async def others_are_served(
    world: World, *, seen: Callable[[], object] = lambda: True, seconds: float = SECONDS, memory: int = 64 * MIB
) -> AsyncIterator[Attack]:
    """Hold the node to its promises before the block, while the attack is under way.

    That lasts for some seconds, and on a busy machine until the attack has been seen.
    """
    before, loop = rss(), asyncio.get_running_loop()
    begun = loop.time()
    with loop_watch() as watch:
        asked = 0
        while loop.time() < begun + seconds or not seen():
            assert loop.time() < begun + MOST_S, "nothing was seen of the attack"
            assert await answered(world)
            asked += 1
            await asyncio.sleep(0.1)
    yield Attack(loop.time() - begun)
    assert asked > 1
    assert watch.longest < HELD_TOGETHER_S
    assert rss() - before < memory


def number(at: str, world: World, kind: str = "") -> int:
    """The entries of a kind. Without one all but the forks that the node keeps at most: busy, it finds them later."""
    kinds = [item.entry.kind for item in entries(world.nodes[at], "operations")]
    forks = kinds.count("fork-found")
    return kinds.count(kind) if kind else len(kinds) - min(forks, MOST_FORKS)


def changing() -> bytes:
    return secrets.token_bytes(32)


def hello(member: HostileMember) -> bytes:
    return wire.request_hello(member.hello())


# ---------------------------------------------------------------- signatures without end
# These come first: a member that has lied is not asked for documents for a while.


async def test_documents_of_its_own_without_end_are_few_entries_and_little_evidence(
    world: World, hostile: HostileMember
) -> None:
    key, held = world.federation["kh"].key("status"), world.federation.view("kh").status("kh")
    assert held is not None
    made: dict[bytes, bytes] = {}
    for second in range(1, 200):
        data = sign_status(replace(held, expires_us=held.expires_us - second * 1_000_000), key)
        made[changing()] = data + b"\n"
    digests = list(made)
    turns = itertools.cycle(digests[place : place + 20] for place in range(0, len(digests), 20))
    hostile.hash = changing
    hostile.lines = lambda: [Held(Kind.STATUS, "kh", held.sequence, digest) for digest in next(turns)]

    def document(wanted: Wanted) -> Part:
        return Part(made[wanted.hash], len(made[wanted.hash]))

    hostile.document = document
    before, evidence = number("vn", world), world.nodes["vn"].resources.trust.documents.evidence
    greeting = hostile.calling("vn", lambda: hello(hostile), every_s=0.6)
    async with greeting, others_are_served(world, seen=evidence.hashes, seconds=LONGER):
        pass
    assert 0 < len(evidence.hashes()) <= MAX_KEPT
    assert number("vn", world) - before <= 4 * MAX_KEPT


async def test_forks_without_end_hide_no_fork_of_another_member(world: World, hostile: HostileMember) -> None:
    def forks(member: str, sizes: Sequence[int]) -> dict[bytes, bytes]:
        signer = Signer(origin(member, "exchange", 1), world.federation[member].key("log"))
        made = {}
        for size in sizes:
            pair = [signer.sign(size, bytes([turn]) * 32) for turn in (1, 2)]
            evidence = HeadEvidence(signer.origin, "fork", pair[0], pair[1], 0)
            made[fork_hash(evidence)] = fork_lines(evidence)
        return made

    many = forks("kh", range(1_000, 1_100))
    hostile.hash = changing
    hostile.lines = lambda: [Held(Kind.FORK, "", 0, digest) for digest in many]
    hostile.document = lambda wanted: Part(many[wanted.hash], len(many[wanted.hash]))
    before = number("vn", world, "fork-found")
    node = world.nodes["vn"]
    async with hostile.calling("vn", lambda: hello(hostile), every_s=0.6), others_are_served(world, seconds=LONGER):
        pass
    await eventually(lambda: number("vn", world, "fork-found") > before)
    assert number("vn", world, "fork-found") - before <= MOST_FORKS
    told = [line for line in node.core.greetings.held.lines if line.kind is Kind.FORK]
    assert 1 <= len(told) <= 2


# ---------------------------------------------------------------- floods, stalls and half-open streams


async def test_i7_a_flood_of_requests_and_greetings_that_acknowledges_nothing(
    world: World, hostile: HostileMember
) -> None:
    envelope = sealed(world.federation["kh"], sender="kh")
    (package,) = wire.pack_requests([wire.request_frame(n, wire.submit(envelope, 3000)) for n in range(20)])
    before = number("vn", world)
    hostile.hash = changing

    def refused() -> int:
        return sum(count for code, count in hostile.counts.items() if code.endswith("limit"))

    flood = hostile.calling("vn", lambda: package, lambda: hello(hostile), streams=4, every_s=0.02)
    async with flood, others_are_served(world, seen=lambda: refused() > 100):
        pass
    assert refused() > 100
    assert number("vn", world) - before < 40


async def test_i1_half_open_streams_and_a_server_that_stalls(world: World, hostile: HostileMember) -> None:
    hostile.hash, hostile.stall_s = changing, 60.0
    async with hostile.calling("vn", streams=32), hostile.calling("th", streams=32), others_are_served(world):
        pass
    assert hostile.counts["lists"] <= 8


async def test_greetings_of_every_millisecond_end_their_stream(world: World, hostile: HostileMember) -> None:
    hostile.hash = changing
    greeting = hostile.calling("vn", lambda: hello(hostile), streams=4, every_s=0.001)
    async with greeting, others_are_served(world, seen=lambda: hostile.counts["ended"] > 4) as attack:
        pass
    assert hostile.counts["ended"] > 4
    assert hostile.counts["lists"] < 3 * attack.seconds + 6


async def test_heads_that_no_key_signed_and_nonsense_in_greetings(world: World, hostile: HostileMember) -> None:
    log, size = origin("th", "exchange", 1), itertools.count(10**6)
    hostile.heads = lambda: [
        Signer(log, world.federation["kh"].key("log")).sign(next(size), bytes(32)) for _ in range(15)
    ]
    known = {head.origin: head.size for head in world.nodes["vn"].core.heads.newest()}
    async with hostile.calling("vn", lambda: hello(hostile), streams=4, every_s=0.6), others_are_served(world):
        pass
    now = {head.origin: head.size for head in world.nodes["vn"].core.heads.newest()}
    assert now.get(log, 0) < 10**6
    assert known.keys() <= now.keys()


# ---------------------------------------------------------------- lies about documents


async def test_long_lists_and_documents_without_end_are_left(world: World, hostile: HostileMember) -> None:
    hostile.hash = changing
    hostile.lines = lambda: [Held(Kind.CONFLICT, "", 0, changing()) for _ in range(MAX_HELD)]
    parts = [
        lambda wanted: Part(b"x" * PART, MAX_BYTES),
        lambda wanted: Part(b"x", MAX_BYTES),
        lambda wanted: Part(b"x" * PART, 2**50),
        lambda wanted: Part(b"{}\n" * 100, 300),
    ]
    turns = itertools.count()
    hostile.document = lambda wanted: parts[next(turns) // 300 % 4](wanted)
    before = number("vn", world)

    def is_told() -> bool:
        alarms = [item.private for item in entries(world.nodes["vn"], "operations") if item.entry.kind == "alarm"]
        return "false-documents" in {alarm["code"] for alarm in alarms}

    greeting = hostile.calling("vn", lambda: hello(hostile), every_s=0.6)
    async with greeting, others_are_served(world, seen=is_told, seconds=LONGER) as attack:
        pass
    assert 0 < hostile.counts["documents"] < 2_500 * attack.seconds / LONGER
    assert number("vn", world) - before < 20
    assert is_told()


async def test_a_charter_of_ten_megabytes_is_not_taken(world: World, hostile: HostileMember) -> None:
    data = b'{"signatures":[],"signed":{"x":"' + b"y" * (10 * MIB) + b'"}}\n'
    hostile.hash = changing
    hostile.lines = lambda: [Held(Kind.CHARTER, "", 2, changing())]
    hostile.document = lambda wanted: Part(data[wanted.offset : wanted.offset + PART], len(data))
    version = world.nodes["vn"].core.parts.trust().charter
    greeting = hostile.calling("vn", lambda: hello(hostile), every_s=0.6)
    async with greeting, others_are_served(world, seconds=LONGER, memory=128 * MIB):
        pass
    assert world.nodes["vn"].core.parts.trust().charter == version
    assert hostile.counts["documents"] <= 3 * 2 * (len(data) // PART + 1)


async def test_old_documents_change_nothing(world: World, hostile: HostileMember) -> None:
    """CASE-J12: what was in force once is signed, too."""
    old = world.home("th").joinpath("trust", "statuses", "th.json").read_bytes()
    new = publish_status(world.home("th"), CLOCK)
    sequence = world.federation.view("th").status("th").sequence  # type: ignore[union-attr]
    assert new != old
    await eventually(lambda: world.nodes["vn"].core.parts.trust().status("th").sequence >= sequence)  # type: ignore[union-attr]
    hostile.hash = changing
    hostile.lines = lambda: [Held(Kind.STATUS, "th", 10**6, changing()), Held(Kind.CHARTER, "", 9, changing())]
    hostile.document = lambda wanted: Part(old, len(old))
    async with hostile.calling("vn", lambda: hello(hostile), every_s=0.6), others_are_served(world):
        pass
    assert world.nodes["vn"].core.parts.trust().status("th").sequence >= sequence  # type: ignore[union-attr]
    assert world.nodes["vn"].core.parts.trust().active("th")


async def test_streams_that_end_with_nonsense_are_opened_again_at_times(world: World, hostile: HostileMember) -> None:
    hostile.ending = pb.Ending(code="key-removed", documents=b"nonsense\n" * 7_000)
    view = world.nodes["vn"].core.parts.trust()
    async with others_are_served(world, seconds=LONGER):
        pass
    assert world.nodes["vn"].core.parts.trust().hash == view.hash


# ---------------------------------------------------------------- questions without end


@pytest.mark.parametrize("kind", [Kind.CHARTER, Kind.DESCRIPTOR])
async def test_questions_for_documents_without_end_are_turned_away(
    world: World, hostile: HostileMember, kind: Kind
) -> None:
    wanted = methods.FETCH_DOCUMENTS.request.write(Wanted(kind, "" if kind is Kind.CHARTER else "th", 0, bytes(32)))
    fetching = hostile.asking("vn", methods.FETCH_DOCUMENTS, lambda: wanted, 32)
    listing = hostile.asking("vn", methods.LIST_DOCUMENTS, lambda: b"", 32)
    async with fetching, listing, others_are_served(world, seen=lambda: hostile.counts["call-rate"]):
        pass
    assert hostile.counts["call-rate"] > 0


# ---------------------------------------------------------------- news go on


async def test_a_removal_reaches_others_while_gossip_is_flooded(world: World, hostile: HostileMember) -> None:
    hostile.hash = changing
    hostile.lines = lambda: [Held(Kind.CONFLICT, "", 0, changing()) for _ in range(MAX_HELD)]
    hostile.document = lambda wanted: Part(b"{}\n" * 10_000, 30_000)
    gone = world.federation["th"].key("agency-police").key_id

    def is_gone() -> bool:
        status = world.nodes["vn"].core.parts.trust().status("th")
        return status is not None and gone in status.removed

    floods = [hostile.calling(to, lambda: hello(hostile), streams=8, every_s=0.01) for to in ("vn", "th")]
    async with floods[0], floods[1]:
        await eventually(lambda: hostile.counts["ended"] > 16)
        publish_status(world.home("th"), CLOCK, removed=[gone])
        await eventually(is_gone)


# ---------------------------------------------------------------- our own systems


async def test_very_many_questions_that_are_not_allowed_are_few_entries(world: World) -> None:
    """The questions of one system, and of each of its officers, are entries up to a number; the others are counted."""
    node, forbidden = world.nodes["th"], command(NO_PASSPORT, purpose=Purpose.MISSING_PERSON)
    before = number("th", world, "denied")
    for _ in range(200):
        with pytest.raises(Forbidden):
            await node.asking.searches.start(officer("th"), forbidden)
    assert number("th", world, "denied") - before == ENTRIES
    (counted,) = node.asking.asker.denials.drafts()
    assert counted.private["count"] == 200 - ENTRIES
