"""A clock that jumps, or is wrong when a node starts, purges nothing and gets no exchange answered twice (CASE-E3)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app.rounds import UPKEEP
from gateway.app.run.node import Node
from gateway.clock import ProvedTime, SystemClock, steady_ns
from gateway.exchange.asking.copies import COPY
from gateway.model.exchange import AnswerMessage, Outcome
from gateway.model.names import ExchangeId, MemberId
from tests.support.exchange import CLOCK, Logged, answer_of, caller, entries, sample_world, sealed, stopping
from tests.support.nodes import World

pytestmark = pytest.mark.asyncio(loop_scope="function")

SECOND = 1_000_000_000
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[World]:
    made = sample_world(tmp_path, ("th", "vn"))
    async with stopping(made):
        await made.start("vn")
        yield made


async def restarted(world: World, monkeypatch: pytest.MonkeyPatch, ahead: int) -> Node:
    """Viet Nam's node after a restart on a machine whose clock is ahead."""
    if "vn" in world.nodes:
        await world.stop("vn")
    with monkeypatch.context() as wrong:
        wrong.setattr(SystemClock.__init__, "__defaults__", (lambda: time.time_ns() + ahead, steady_ns))
        return await world.start("vn")


def later(node: Node, monkeypatch: pytest.MonkeyPatch, by: int) -> None:
    """Let time pass at a node, by the steady clock and by the system's."""
    clock, index = node.resources.clock, node.resources.store._claims._opened()
    assert isinstance(clock, SystemClock)
    wall, steady = clock._wall, clock._steady
    monkeypatch.setattr(clock, "_wall", lambda: wall() + by)
    monkeypatch.setattr(clock, "_steady", lambda: steady() + by)
    monkeypatch.setattr(index, "_steady", lambda: steady() + by)


async def submit(world: World, envelope: bytes) -> AnswerMessage:
    return await caller(world).submit(envelope)


def newest(node: Node) -> Logged:
    """The newest entry of what others have asked; a node that was started again may itself tell them so meanwhile."""
    return [item for item in entries(node) if item.entry.kind != "asked"][-1]


def last_claim(node: Node) -> tuple[MemberId, ExchangeId]:
    entry = newest(node).entry
    return MemberId(entry.peer), ExchangeId(entry.exchange_id)


def answered(node: Node) -> int:
    return sum(item.entry.kind == "answered" for item in entries(node))


async def test_e3_a_day_ahead_and_a_restart_answer_nothing_twice(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope = sealed(own_world.federation["th"])
    first = await submit(own_world, envelope)
    node = await restarted(own_world, monkeypatch, DAY)
    for _ in range(2):
        await node.rounds.make(UPKEEP)
    assert answer_of(await submit(own_world, envelope)).outcome is Outcome.REFUSED
    node = await restarted(own_world, monkeypatch, 0)
    again = await submit(own_world, envelope)
    assert again.envelope == first.envelope, "the stored answer is there"
    assert answered(node) == 1
    assert newest(node).entry.kind == "duplicate"


async def test_e3_a_clock_that_jumps_while_the_node_runs_forgets_nothing(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope, node = sealed(own_world.federation["th"]), own_world.nodes["vn"]
    first = await submit(own_world, envelope)
    with monkeypatch.context() as moved:
        clock = node.resources.clock
        moved.setattr(clock, "_wall", lambda: time.time_ns() + DAY)
        moved.setattr(node.resources.store._claims._opened(), "_steady", lambda: steady_ns() + HOUR)
        await node.rounds.make(UPKEEP)
    assert (await submit(own_world, envelope)).envelope == first.envelope


async def test_e3_what_was_forgotten_is_not_answered_again_by_a_clock_that_is_put_back(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour later all is forgotten; then the node starts with a clock that is an hour behind.

    Ten seconds of it have passed by then: claims are forgotten by half minutes, and a new one must lie beyond the last.
    """
    envelope, node = sealed(own_world.federation["th"]), own_world.nodes["vn"]
    await submit(own_world, envelope)
    with monkeypatch.context() as passing:
        later(node, passing, HOUR)
        await node.rounds.make(UPKEEP)
        assert node.core.forgetting.spans
    node = await restarted(own_world, monkeypatch, 10_000_000_000)
    assert not node.resources.store.claimed([last_claim(node)])
    assert answer_of(await submit(own_world, envelope)).outcome is Outcome.REFUSED
    assert newest(node).private["code"] == "not-fresh"
    assert answered(node) == 1
    now_us = CLOCK.now_us() + 35_000_000
    fresh = sealed(own_world.federation["th"], issued_us=now_us, expires_us=now_us + 60_000_000)
    assert answer_of(await submit(own_world, fresh)).outcome is Outcome.HIT


async def test_what_two_nodes_that_were_ahead_exchanged_refuses_nothing_of_now(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have their time from one wrong clock, for long enough to forget what they answered."""
    node = await restarted(own_world, monkeypatch, DAY)
    then_us = node.resources.clock.now_us()
    of_then = sealed(own_world.federation["th"], issued_us=then_us, expires_us=then_us + 60_000_000)
    assert answer_of(await submit(own_world, of_then)).outcome is Outcome.HIT
    with monkeypatch.context() as passing:
        later(node, passing, HOUR)
        await node.rounds.make(UPKEEP)
        assert node.core.forgetting.has(then_us + 120_000_000)
    node = await restarted(own_world, monkeypatch, 0)
    now_us = CLOCK.now_us()
    fresh = sealed(own_world.federation["th"], issued_us=now_us, expires_us=now_us + 60_000_000)
    assert answer_of(await submit(own_world, fresh)).outcome is Outcome.HIT
    later(node, monkeypatch, DAY)
    assert answer_of(await submit(own_world, of_then)).outcome is Outcome.REFUSED
    assert newest(node).private["code"] == "not-fresh"
    assert answered(node) == 2


async def test_a_node_that_was_ahead_serves_at_once_when_it_starts_with_the_right_time(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log is an hour ahead of it: entries stay in order and say so, and statements are of now."""
    node = await restarted(own_world, monkeypatch, HOUR)
    assert answer_of(await submit(own_world, sealed(own_world.federation["th"]))).outcome is Outcome.REFUSED
    node = await restarted(own_world, monkeypatch, 0)
    answer = answer_of(await submit(own_world, sealed(own_world.federation["th"])))
    assert answer.outcome is Outcome.HIT
    assert abs(answer.issued_us - CLOCK.now_us()) < 20_000_000
    assert abs(newest(node).private["clock_us"] * 1_000 + HOUR) < 60 * SECOND
    for log in ("exchange", "operations"):
        times = [item.entry.time_us for item in entries(node, log)]
        assert times == sorted(set(times))


async def test_documents_and_copies_are_deleted_only_by_a_time_that_a_counterpart_vouches_for(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_us = CLOCK.now_us() + 3_600_000_000
    documents = own_world.nodes["vn"].core.parts.documents
    documents.put("trial", "a", b"1", over_us)
    documents.put(COPY, "a/b/0", b"{}", over_us)
    node = await restarted(own_world, monkeypatch, DAY)
    assert answer_of(await submit(own_world, sealed(own_world.federation["th"]))).outcome is Outcome.REFUSED
    await node.rounds.make(UPKEEP)
    documents = node.core.parts.documents
    assert (documents.keys("trial"), documents.keys(COPY)) == (["a"], ["a/b/0"])
    assert node.core.proved.now_us() == 0
    node = await restarted(own_world, monkeypatch, 0)
    assert answer_of(await submit(own_world, sealed(own_world.federation["th"]))).outcome is Outcome.HIT
    assert node.core.proved.now_us()
    later(node, monkeypatch, 2 * HOUR)
    await node.rounds.make(UPKEEP)
    documents = node.core.parts.documents
    assert (documents.keys("trial"), documents.keys(COPY)) == ([], [])


async def test_a_jump_takes_the_proof_away_until_the_clock_is_right_again() -> None:
    off = 0
    clock = SystemClock(lambda: time.time_ns() + off)
    proved = ProvedTime(clock)
    assert proved.now_us() == 0
    proved.compare(clock.now_us() + 31_000_000)
    assert proved.now_us() == 0
    off = DAY
    proved.compare(clock.now_us())  # nothing is proved to a clock that is not to be trusted
    assert proved.now_us() == 0
    off = 0
    proved.compare(clock.now_us() - 29_000_000)
    assert proved.now_us()
    off = -DAY
    assert proved.now_us() == 0
    off = 0
    assert proved.now_us()
