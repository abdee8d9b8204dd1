"""A counterpart that shows one log to some and another to others is found out: evidence, an alarm, no cosignature."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.audit.tree.checkpoint import origin, parse_checkpoint
from gateway.audit.tree.merkle import leaf_hash
from gateway.errors import BadProof, HeadConflict
from gateway.model.exchange import AnswerMessage, Outcome
from gateway.model.search import Line
from gateway.storage.documents.witness_store import SqlWitnessStore
from tests.support.exchange import VN, command, entries, lines, sample_world, stopping
from tests.support.forger import Forger, HostileNode, eventually, hostile
from tests.support.nodes import World, officer
from tests.support.witnesses import LogOf

pytestmark = pytest.mark.asyncio(loop_scope="function")

LOG = origin("vn", "exchange", 1)


@pytest_asyncio.fixture
async def own_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("forks"), ("th", "vn"))
    async with stopping(made):
        await made.start("th")
        yield made


@pytest_asyncio.fixture
async def peer(own_world: World) -> AsyncIterator[HostileNode]:
    async with hostile(own_world, "vn", Forger(own_world.federation["vn"]).message) as node:
        yield node


async def ask(world: World) -> Line:
    line: Line = lines(await world.nodes["th"].asking.searches.start(officer("th"), command(to=(VN,))))[VN]
    return line


def store(node: Node) -> SqlWitnessStore:
    return SqlWitnessStore(node.core.resources.database)


def alarmed(node: Node, code: str) -> bool:
    found = [item for item in entries(node, "operations") if item.entry.peer == "vn"]
    return {(item.entry.kind, item.private.get("code")) for item in found} >= {
        ("alarm", f"log-{code}"),
        ("fork-found", code),
    }


async def heads_of(world: World, peer: HostileNode, forger: Forger, count: int) -> None:
    """Let the counterpart answer from one of its logs."""
    peer.behaviour = forger.message
    for _ in range(count):
        assert (await ask(world)).outcome is Outcome.NO_HIT


@pytest.mark.parametrize(("more", "code"), [(0, "fork"), (6, "apart")])
async def test_two_logs_in_answers_are_evidence_an_alarm_and_no_cosignature(
    own_world: World, peer: HostileNode, more: int, code: str
) -> None:
    """Of the same size, or of others: the second one begins with entries that this node does not see."""
    th, member = own_world.nodes["th"], own_world.federation["vn"]
    one, other = Forger(member), Forger(member)
    for number in range(more):
        other.tree.append(leaf_hash(b"%d" % number))
    await heads_of(own_world, peer, one, 5)
    await heads_of(own_world, peer, other, 1)
    await eventually(partial(alarmed, th, code))
    evidence = [item for item in store(th).evidence() if item.origin == LOG]
    assert {item.code for item in evidence} <= {"fork", "apart"}
    for note in (evidence[0].known, evidence[0].offered):
        assert parse_checkpoint(note).origin == LOG
    for forger in (one, other):
        with pytest.raises(HeadConflict):
            await th.witness.cosign(VN, requested(member, forger).request(0), b"")
    assert store(th).witnessed(LOG) is None


async def test_another_log_for_the_witness_than_in_answers_is_not_cosigned(own_world: World, peer: HostileNode) -> None:
    th, member = own_world.nodes["th"], own_world.federation["vn"]
    forger = Forger(member)
    await heads_of(own_world, peer, forger, 3)
    other = LogOf(member.key("log"), LOG).grow(9, "other ")
    for old, size in ((0, 3), (0, 9), (3, 9), (0, 9)):
        with pytest.raises((HeadConflict, BadProof)):
            await th.witness.cosign(VN, other.request(old, size), b"")
    assert store(th).witnessed(LOG) is None
    assert {item.code for item in store(th).evidence()} & {"fork", "no-proof"}


async def test_the_same_log_for_the_witness_as_in_answers_is_cosigned(own_world: World, peer: HostileNode) -> None:
    th, member = own_world.nodes["th"], own_world.federation["vn"]
    forger = Forger(member)
    await heads_of(own_world, peer, forger, 3)
    log = requested(member, forger).grow(4)
    with pytest.raises(HeadConflict) as conflict:
        await th.witness.cosign(VN, log.request(0), b"")
    assert conflict.value.size == 3
    assert await th.witness.cosign(VN, log.request(3), b"")
    assert store(th).evidence() == []


async def test_a_head_that_is_padded_with_foreign_lines_is_compared_and_kept_without_them(
    own_world: World, peer: HostileNode
) -> None:
    th, member = own_world.nodes["th"], own_world.federation["vn"]
    forger = Forger(member)
    junk = "".join(f"— other{number} {base64.b64encode(bytes(3_000)).decode()}\n" for number in range(12)).encode()

    def padded(envelope: bytes, **changes: Any) -> AnswerMessage:
        message = forger.message(envelope, **changes)
        return replace(message, proof=replace(message.proof, checkpoint=message.proof.checkpoint + junk))

    peer.behaviour = padded
    assert (await ask(own_world)).outcome is Outcome.NO_HIT
    (kept,) = [item for item in entries(th) if item.entry.kind == "received"]
    assert len(kept.private["their_checkpoint"]) < 400
    await th.witness.keep_heads()
    seen = store(th).seen(LOG)
    assert seen is not None
    assert seen.decode() == kept.private["their_checkpoint"]
    forger = Forger(member)
    assert (await ask(own_world)).outcome is Outcome.NO_HIT
    await eventually(partial(alarmed, th, "fork"))
    assert all(len(item.known) < 400 and len(item.offered) < 400 for item in store(th).evidence())


async def test_a_head_with_a_long_text_of_its_own_is_no_answer(own_world: World, peer: HostileNode) -> None:
    member = own_world.federation["vn"]
    forger = Forger(member)

    def long(envelope: bytes) -> AnswerMessage:
        message = forger.message(envelope)
        text, _, _ = message.proof.checkpoint.partition(b"\n\n")
        text += b"\n" + b"x" * 20_000 + b"\n"
        known_as = base64.b64decode(message.proof.checkpoint.rpartition(b" ")[2])[:4]
        line = base64.b64encode(known_as + member.key("log").sign(text)).decode()
        return replace(message, proof=replace(message.proof, checkpoint=text + f"\n— {LOG} {line}\n".encode()))

    peer.behaviour = long
    assert (await ask(own_world)).outcome is Outcome.NOT_ACCEPTED


def requested(member: Any, forger: Forger) -> LogOf:
    """The forger's log, as the counterpart hands it to a witness."""
    return LogOf(member.key("log"), LOG, [forger.tree.leaf(index) for index in range(forger.tree.size)])
