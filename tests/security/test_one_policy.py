"""One question is decided by one policy from beginning to end, and the answer and the entry say by which."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.run.node import Node
from gateway.audit.reading.decision_inputs import decided_in
from gateway.model.decision import Release
from gateway.model.exchange import Outcome
from gateway.model.names import ExchangeId
from gateway.signing.keys import load_signing_key
from gateway.statements.answer import read_signed, verify_answer
from gateway.statements.envelope import ANSWER, ANSWER_V2, ANSWER_V3, PayloadType, unseal
from gateway.statements.request import REQUEST_KIND
from gateway.trust.documents.descriptor import parse_descriptor, sign_descriptor
from policy.attributes import RecordAttributes
from policy.bundle.bundle import File, load_bundle, read_files
from policy.engine.engine import BASE, PolicyEngine
from tests.support.exchange import (
    CLOCK,
    VN,
    caller,
    command,
    entries,
    last,
    lines,
    sample_world,
    sealed,
    stopping,
    watch,
)
from tests.support.forger import eventually_async
from tests.support.nodes import World, officer
from tests.support.policies import NATIONAL
from tests.support.sealing import payload_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTHING = "".join(
    f"""
@id("no-{action}")
@code("policy-denies")
forbid (principal, action == Action::"{action}", resource);
"""
    for action in ("ask", "send", "answer", "release")
).encode()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("one"), ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


def stricter(node: Node) -> PolicyEngine:
    """The policy of a node's member, under which nothing is allowed any more."""
    files = read_files(NATIONAL / node.core.parts.member)
    files["nothing.cedar"] = File(Path("nothing.cedar"), NOTHING)
    member = node.core.parts.member
    return PolicyEngine(load_bundle(read_files(BASE), files, member), member)


def replaced(node: Node, monkeypatch: pytest.MonkeyPatch) -> PolicyEngine:
    """Put a stricter policy in force, as an approved document does."""
    engine = stricter(node)
    monkeypatch.setattr(node.resources.policy, "_loaded", engine)
    return engine


async def searching(world: World, act: Callable[[], object]) -> Any:
    """Thailand's question, during whose search at the source something happens."""
    source = watch(world.nodes["vn"])
    source.gate.clear()
    asking = asyncio.create_task(caller(world).submit(sealed(world.federation["th"])))

    async def begun() -> bool:
        return source.searches == 1

    await eventually_async(begun)
    await asyncio.to_thread(act)
    source.gate.set()
    return await asking


async def test_a_policy_that_comes_during_a_search_decides_on_the_next_question(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    vn = world.nodes["vn"]
    first = vn.resources.policy.engine
    reply = await searching(world, lambda: replaced(vn, monkeypatch))
    answer = read_signed(reply.envelope)
    assert (answer.outcome, answer.policy_hash) == (Outcome.HIT, first.hash)
    assert any(hit.record for hit in answer.hits)
    entry = last(vn)
    assert entry.private["decision"]["hash"] == first.hash.hex()
    reply = await caller(world).submit(sealed(world.federation["th"]))
    answer, second = read_signed(reply.envelope), vn.resources.policy.engine
    assert (answer.outcome, answer.policy_hash) == (Outcome.REFUSED, second.hash)
    assert second.hash != first.hash
    assert last(vn).private["decision"]["hash"] == last(vn).private["policy_hash"] == second.hash.hex()


async def test_all_decisions_of_a_question_are_of_one_time_which_its_entry_keeps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search takes seconds, in which an agreement may end or the night begin: `explain` asks for that time."""
    vn, began_us, times = world.nodes["vn"], CLOCK.now_us(), []
    release = vn.resources.policy.engine.release

    def timed(attributes: RecordAttributes, now_us: int) -> Release:
        times.append(now_us)
        return release(attributes, now_us)

    monkeypatch.setattr(vn.resources.policy.engine, "release", timed)
    searched: list[int] = []
    reply = await searching(world, lambda: searched.append(CLOCK.now_us()))
    assert read_signed(reply.envelope).outcome is Outcome.HIT
    entry = last(vn)
    at_us = entry.private["decision"]["at_us"]
    assert began_us <= at_us < searched[0] < entry.entry.time_us
    assert set(times) == {at_us}
    (decided,) = decided_in(vn.resources.store, vn.resources.keystore, entry.entry.exchange_id)
    assert decided.time_us == at_us


async def test_a_refusal_before_policy_names_the_policy_that_it_came_in_under(world: World) -> None:
    vn = world.nodes["vn"]
    reply = await caller(world).submit(sealed(world.federation["th"], issued_us=CLOCK.now_us() - 3_600_000_000))
    answer = read_signed(reply.envelope)
    assert (answer.outcome, answer.policy_hash) == (Outcome.REFUSED, vn.resources.policy.engine.hash)
    assert last(vn).private["policy_hash"] == answer.policy_hash.hex()


async def test_one_policy_decides_on_all_of_a_question_of_ours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    th = world.nodes["th"]
    first = th.resources.policy.engine
    own = th.asking.asker._own
    line = own.line

    async def replaced_meanwhile(*arguments: Any) -> Any:
        found = await line(*arguments)
        replaced(th, monkeypatch)
        return found

    monkeypatch.setattr(own, "line", replaced_meanwhile)
    found = lines(await th.asking.searches.start(officer("th"), command()))
    assert found[VN].outcome is Outcome.HIT
    (asked,) = [item for item in entries(th) if item.entry.exchange_id == found[VN].exchange_id][:1]
    assert REQUEST_KIND.parse(payload_of(asked.request)).policy_hash == first.hash
    monkeypatch.setattr(own, "line", line)
    with pytest.raises(Exception, match="not permit"):
        await th.asking.searches.start(officer("th"), command())


@pytest.mark.parametrize(("reads", "version"), [(("answer.v2",), ANSWER_V2), (("answer.v1",), ANSWER), ((), ANSWER_V3)])
async def test_a_member_gets_the_newest_version_that_its_descriptor_lists(
    world: World, reads: tuple[str, ...], version: PayloadType
) -> None:
    """One that says nothing reads what is read by default."""
    vn, thailand = world.nodes["vn"], world.federation["th"]
    held = world.federation.view("vn").descriptor("th")
    older = replace(held, version=held.version + 1, previous=held.hash.hex(), reads=reads, hash=b"", data=b"")
    document = sign_descriptor(older, [load_signing_key(thailand.authority / "authority.key")])
    assert (b"reads" in parse_descriptor(document)[1].payload) is bool(reads)
    world.federation.share(document)
    vn.resources.trust.refresh()
    envelope = sealed(thailand)
    reply = await caller(world).submit(envelope)
    assert unseal(reply.envelope, version)
    request = REQUEST_KIND.open(envelope)
    answer = verify_answer(
        reply.envelope,
        keys=world.federation.view("th"),
        member=VN,
        me=thailand.view().descriptor("th").member,
        request_hash=request.unsealed.payload_hash,
        exchange_id=ExchangeId(request.message.exchange_id),
        now_us=vn.resources.clock.now_us(),
    )
    assert bool(answer.value.policy_hash) is (version is not ANSWER)
