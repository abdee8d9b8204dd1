"""The simulator: whole nodes in one process on a wire in memory, whose rounds are made and whose time moves by hand.

A simulated node is put together by `gateway.app` as a real one is: stores, logs, keys, desk, gate, policy, console. It
has no sockets, no TLS and no rounds of its own: `waiting.until` makes them, so a test of
the desk's rules waits for nothing. `tests/federation/test_simulator.py` holds it to the real thing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from gateway.app.resources import open_resources
from gateway.app.rounds import WATCH_S
from gateway.app.run.node import Node
from gateway.clock import SystemClock, steady_ns
from gateway.config import load_settings
from gateway.node.server import NodeServer
from gateway.trust.ceremony.ceremony import publish_descriptor
from tests.support.memory_wire import Wire
from tests.support.moved_clock import Ahead
from tests.support.nodes import World
from tests.support.waiting import MEANWHILE, until


class SimulatedNode(Node):
    """A node on a wire in memory. `is_open` lets it listen to its own systems and to browsers, as a real one does."""

    def __init__(self, home: Path, wire: Wire, *, is_open: bool) -> None:
        super().__init__(open_resources(load_settings(home), production=False), production=False)
        self._wire = wire
        self._is_open = is_open
        self._turns = 0.0
        self._made_s: dict[str, float] = {}
        self.core.peers.connect = wire.connect(self.resources.member)

    async def _listen_to_counterparts(self, server: NodeServer) -> None:
        address = self.resources.settings.listen.exchange
        self._wire.servers[address] = (self.resources.member, server)
        self.addresses["exchange"] = address

    async def _listen_at_home(self) -> None:
        if self._is_open:
            await super()._listen_at_home()

    def _begin_rounds(self) -> None:
        """Begin none: they are made by hand."""

    async def make_rounds(self) -> None:
        """Make the rounds that are due: a turn counts as a second, and so does each second that time was moved on."""
        self._turns += WATCH_S
        now_s = self._turns + self.resources.clock.now_us() / 1e6
        for name, line in self.rounds.lines.items():
            if now_s - self._made_s.get(name, 0.0) >= line[0].every_s:
                self._made_s[name] = now_s
                await self.rounds.make(name)

    async def stop(self) -> None:
        """Stop in good order; nothing reaches it any more."""
        self._wire.servers.pop(self.addresses.get("exchange", ""), None)
        await super().stop()


@dataclass(slots=True)
class Simulation(World):
    """A federation of simulated nodes, with the wire between them and the time that all of them have."""

    wire: Wire = field(default_factory=Wire)
    ahead: Ahead = field(init=False)
    is_open: bool = False

    async def start(self, member: str) -> Node:
        """Start a member's node."""
        node = SimulatedNode(self.home(member), self.wire, is_open=self.is_open)
        await node.start()
        self.nodes[member] = node
        await node.make_rounds()  # all of them are due when it starts
        return node

    async def turn(self) -> None:
        """Make the rounds of all nodes once."""
        for node in list(self.nodes.values()):
            assert isinstance(node, SimulatedNode)
            await node.make_rounds()


@asynccontextmanager
async def simulated(
    made: World,
    members: Sequence[str] = ("th", "vn"),
    *,
    is_open: bool = False,
    clocks: tuple[Callable[[], int], Callable[[], int]] = (time.time_ns, steady_ns),
) -> AsyncIterator[Simulation]:
    """Run simulated nodes of a federation that was made, in a time that `ahead` moves; stop them at the end."""
    ahead = Ahead(made.federation.folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SystemClock.__init__, "__defaults__", tuple(map(ahead.moved, clocks)))
        world = Simulation(made.federation, made.ports, is_open=is_open)
        world.ahead = ahead
        MEANWHILE.append(world.turn)
        try:
            for member in members:
                await world.start(member)
            yield world
        finally:
            MEANWHILE.remove(world.turn)
            for member in list(world.nodes):
                await world.stop(member)


async def publish_offices(world: Simulation, member: str, offices: tuple[str, ...]) -> None:
    """Let a member publish that it has these offices, and wait until all nodes know."""
    own = world.federation[member]
    held = own.view().descriptor(member)
    data = publish_descriptor(
        own.home, own.authority, own.clock, endpoints=held.endpoints, agencies=held.agencies, offices=offices
    )
    world.federation.share(data)
    for node in world.nodes.values():
        await until(partial(_has_offices, node, member, offices), "its offices are known")


def _has_offices(node: Node, member: str, offices: tuple[str, ...]) -> bool:
    return node.core.parts.trust().descriptor(member).offices == offices
