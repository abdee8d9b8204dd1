"""Documents of trust travel by themselves between running nodes, also through third members (CASE-J12)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.audit.tree.checkpoint import Signer, origin, parse_checkpoint
from gateway.clock import SystemClock
from gateway.trust.ceremony.ceremony import import_document, publish_descriptor, publish_status, sign
from gateway.trust.documents.charter import draft_charter, parse_charter
from gateway.trust.documents.members import MemberStatus
from tests.support.exchange import entries, sample_world, stopping
from tests.support.forger import eventually
from tests.support.nodes import World

pytestmark = pytest.mark.asyncio(loop_scope="function")

CLOCK = SystemClock()


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = sample_world(tmp_path)
    async with stopping(made):
        yield made


def new_status(world: World, member: str) -> int:
    """Sign a member's next status at home only; return its number."""
    publish_status(world.home(member), CLOCK)
    status = world.federation.view(member).status(member)
    assert status is not None
    return status.sequence


def new_descriptor(world: World, member: str, *offices: str) -> int:
    """Sign a member's next descriptor, and a status that names it, at home only; return its version."""
    item = world.federation[member]
    endpoints = (f"127.0.0.1:{world.ports[member]}",)
    publish_descriptor(item.home, item.authority, CLOCK, endpoints=endpoints, offices=offices, agencies=item.agencies)
    publish_status(item.home, CLOCK)
    return world.federation.view(member).descriptor(member).version


def charter_without(world: World, member: str) -> bytes:
    """Return the next charter, signed by all, that suspends a member."""
    before = parse_charter(world.federation.charter).charter
    members = dict(before.members)
    members[member] = replace(members[member], status=MemberStatus.SUSPENDED)
    data = draft_charter(before.federation, members, before.threshold, version=2, issued=CLOCK.now(), days=100)
    for item in world.federation.members.values():
        data = sign(data, item.authority)
    return data


def has_status(world: World, at: str, member: str, number: int) -> bool:
    status = world.nodes[at].core.parts.trust().status(member)
    return status is not None and status.sequence >= number


def has_descriptor(world: World, at: str, member: str, version: int) -> bool:
    return world.nodes[at].core.parts.trust().descriptor(member).version == version


def has_entry(world: World, at: str, kind: str) -> bool:
    return any(item.entry.kind == kind for item in entries(world.nodes[at], "operations"))


async def test_a_new_status_reaches_all_running_nodes(own_world: World) -> None:
    for member in ("th", "vn", "kh"):
        await own_world.start(member)
    number = new_status(own_world, "vn")
    await eventually(lambda: has_status(own_world, "th", "vn", number) and has_status(own_world, "kh", "vn", number))


async def test_documents_come_through_a_third_member_and_whole_chains_at_once(own_world: World) -> None:
    await own_world.start("vn")
    await own_world.start("kh")
    for place in ("a", "b", "c"):
        version = new_descriptor(own_world, "vn", f"vn.blo.moc-bai-{place}")
    await eventually(lambda: has_descriptor(own_world, "kh", "vn", version))
    await own_world.stop("vn")
    await own_world.start("th")
    await eventually(lambda: has_descriptor(own_world, "th", "vn", version))
    assert len(own_world.nodes["th"].resources.trust.documents.descriptors("vn")) == version


async def test_a_suspension_travels_and_the_suspended_member_is_told_by_the_charter_itself(own_world: World) -> None:
    for member in ("th", "vn", "kh"):
        await own_world.start(member)
    nodes = own_world.nodes
    await eventually(lambda: nodes["kh"].core.peers.status("th").connected)  # type: ignore[arg-type]
    import_document(own_world.home("th") / "trust", charter_without(own_world, "kh"), CLOCK)
    await eventually(lambda: not nodes["vn"].core.parts.trust().active("kh"))
    await eventually(lambda: not nodes["kh"].core.parts.trust().active("kh"))
    assert nodes["vn"].core.parts.trust().active("th")


async def test_two_descriptors_of_one_version_take_away_what_either_does_at_every_node(own_world: World) -> None:
    vietnam = own_world.federation["vn"]
    home = vietnam.home
    other = own_world.federation.copy(home.parent / "other", CLOCK)["vn"]
    gone = own_world.federation.view("vn").peer(vietnam.certificate("tls")).key_id
    first = publish_descriptor(
        home, vietnam.authority, CLOCK, endpoints=("127.0.0.1:1",), offices=("vn.blo.a",), agencies=vietnam.agencies
    )
    twin = publish_descriptor(
        other.home,
        other.authority,
        CLOCK,
        endpoints=("127.0.0.1:1",),
        offices=("vn.blo.b",),
        agencies=vietnam.agencies,
        compromised={gone: CLOCK.now_us()},
    )
    import_document(own_world.home("th") / "trust", first, CLOCK)
    import_document(own_world.home("kh") / "trust", twin, CLOCK)
    await own_world.start("th")
    await own_world.start("kh")
    nodes = own_world.nodes

    def withheld(member: str) -> bool:
        return gone not in nodes[member].core.parts.trust().tls_keys("vn")

    await eventually(lambda: withheld("th"))
    await eventually(lambda: len(nodes["th"].resources.trust.documents.evidence.hashes()) == 1)
    await eventually(lambda: len(nodes["kh"].resources.trust.documents.evidence.hashes()) == 1)
    await eventually(lambda: all(has_entry(own_world, member, "trust-refused") for member in ("th", "kh")))


async def test_an_old_status_of_ours_is_renewed_by_the_running_node(own_world: World) -> None:
    publish_status(own_world.home("th"), CLOCK, life=timedelta(seconds=1))
    held = own_world.federation.view("th").status("th")
    assert held is not None
    await eventually(lambda: CLOCK.now_us() >= held.expires_us)  # before, a node looks again in a minute only
    node = await own_world.start("th")
    await eventually(lambda: has_status(own_world, "th", "th", held.sequence + 1))
    renewed = node.core.parts.trust().status("th")
    assert renewed is not None
    assert renewed.expires_us - renewed.issued_us > 71 * 3_600 * 1_000_000


async def test_two_heads_of_one_log_are_found_by_members_that_saw_one_each_and_all_keep_both(own_world: World) -> None:
    for member in ("th", "kh"):
        await own_world.start(member)
    log = origin("vn", "exchange", 1)
    signer = Signer(log, own_world.federation["vn"].key("log"))
    heads = [signer.sign(9, bytes([number]) * 32) for number in (1, 2)]
    for member, head in zip(("th", "kh"), heads, strict=True):
        own_world.nodes[member].core.heads.note_head(parse_checkpoint(head))
    await eventually(lambda: all(own_world.nodes[member].gossip.forks() for member in ("th", "kh")))
    await eventually(lambda: all(has_entry(own_world, member, "fork-found") for member in ("th", "kh")))
    found = own_world.nodes["th"].gossip.forks()[0]
    assert {found.known, found.offered} == set(heads)
