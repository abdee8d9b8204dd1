"""72 hours without any counterpart: each node serves its own country, and exchanges as soon as a link is back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app.run.node import Node
from gateway.clock import SystemClock, steady_ns
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId
from gateway.model.search import Line
from tests.support.exchange import KH, NO_PASSPORT, TH, VN, command, lines, sample_world, stopping
from tests.support.forger import eventually, eventually_async
from tests.support.link import Link, linked
from tests.support.moved_clock import look_at_sources
from tests.support.nodes import World, impatient, officer

pytestmark = pytest.mark.asyncio(loop_scope="function")

HOUR = 3_600 * 1_000_000_000
MEMBERS = ("th", "vn", "kh")


@dataclass
class Times:
    """The time of all nodes, which a test moves on: the system's clock and the steady one together."""

    world: World
    links: dict[str, Link]
    ahead: int = 0
    hours: int = field(default=0)

    def follow(self, node: Node) -> None:
        """Let a node live in this time."""
        clock = node.resources.clock
        assert isinstance(clock, SystemClock)
        clock._wall = lambda: time.time_ns() + self.ahead
        clock._steady = lambda: steady_ns() + self.ahead

    async def pass_hours(self, hours: int) -> None:
        """Let hours pass; after each, the nodes do what they do each minute."""
        for _ in range(hours):
            self.ahead += HOUR
            for node in self.world.nodes.values():
                await node.gossip.renew()
        await look_at_sources(*self.world.nodes.values())

    def cut(self) -> None:
        """Cut everybody off from everybody."""
        for link in self.links.values():
            link.stall()
            link.cut()

    def restore(self, *members: str) -> None:
        """Bring the links to these members back."""
        for member in members:
            self.links[member].restore()
            self.links[member].cut()


@pytest_asyncio.fixture
async def times(tmp_path: Path) -> AsyncIterator[Times]:
    world = impatient(sample_world(tmp_path))
    async with AsyncExitStack() as stack:
        links = {member: await stack.enter_async_context(linked(world, member)) for member in MEMBERS}
        await stack.enter_async_context(stopping(world))
        made = Times(world, links)
        for member in MEMBERS:
            made.follow(await world.start(member))
        yield made


async def ask(times: Times, who: MemberId, to: MemberId) -> dict[MemberId, Line]:
    """Ask one counterpart for an officer; return all lines, with that of our own agencies."""
    search = await times.world.nodes[who].asking.searches.start(officer(who), command(NO_PASSPORT, to=(to,)))
    return {MemberId(member): line for member, line in lines(search).items()}


def connected(times: Times, who: MemberId, to: MemberId) -> bool:
    return times.world.nodes[who].core.peers.status(to).connected


async def answers(times: Times, who: MemberId, to: MemberId) -> bool:
    return (await ask(times, who, to))[to].outcome is Outcome.NO_HIT


async def test_nodes_that_were_cut_off_for_71_hours_exchange_when_any_link_is_back(times: Times) -> None:
    await eventually(lambda: connected(times, TH, VN) and connected(times, VN, TH))
    times.cut()
    await times.pass_hours(71)
    found = await ask(times, TH, VN)
    assert found[TH].outcome is Outcome.NO_HIT  # our own country is served
    assert found[VN].outcome is Outcome.SILENT
    times.restore(TH, VN)
    await eventually_async(lambda: answers(times, TH, VN))
    assert (await ask(times, TH, KH))[KH].outcome is Outcome.SILENT
    times.restore(KH)
    await eventually_async(lambda: answers(times, KH, VN))


async def test_after_73_hours_nothing_is_asked_until_a_newer_status_has_come_by_itself(times: Times) -> None:
    await eventually(lambda: connected(times, TH, VN) and connected(times, VN, TH))
    times.cut()
    await times.pass_hours(73)
    line = (await ask(times, TH, VN))[VN]
    assert line.outcome is Outcome.REFUSED
    assert line.refusal is not None
    assert line.refusal.code == "status-expired"
    times.restore(*MEMBERS)
    await eventually_async(lambda: answers(times, TH, VN))
    await eventually_async(lambda: answers(times, KH, TH))
