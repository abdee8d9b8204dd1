"""Real nodes in one process: a federation in a temporary folder, each node with its own home, sources and ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.app.rounds import UPKEEP, WATCH, Work
from gateway.app.run.node import Node, build_node
from gateway.config import load_settings
from gateway.model.requester import Officer
from tests.support.federation import Federation, make_federation
from tests.support.load import in_turns
from tests.support.ports import free_port

_PATIENCE = "budget_ms = 20000"
"""Lets a node wait for answers that a busy machine gives late, which would be silence after the usual three seconds."""

_FIRST_ROUNDS_S = 5.0
"""Seconds of turns after which a test goes on all the same: a round of its node hangs, as the test may want it to."""


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source of a test node."""

    id: str
    agency: str
    mapping: Path
    url: str


@dataclass(slots=True)
class World:
    """A federation whose nodes can be started."""

    federation: Federation
    ports: dict[str, int]
    nodes: dict[str, Node] = field(default_factory=dict)

    def home(self, member: str) -> Path:
        """The home of a member's node."""
        return self.federation[member].home

    async def start(self, member: str) -> Node:
        """Start a member's node in this process, and let it make its first rounds, which cost as much as ten questions.

        A question that is asked beside them on a busy machine may not be answered within the seconds of a source.
        """
        node = build_node(load_settings(self.home(member)), production=False)
        await node.start()
        self.nodes[member] = node
        with suppress(TimeoutError):
            await in_turns(_first_rounds_made(node), _FIRST_ROUNDS_S)
        return node

    async def stop(self, member: str) -> None:
        """Stop a member's node in good order."""
        await self.nodes.pop(member).stop()


async def _first_rounds_made(node: Node) -> None:
    """Wait until the rounds that wait for nothing outside have been made once."""
    names = [each.name for line in (WATCH, UPKEEP) for each in node.rounds.lines[line]]
    while names := [name for name in names if name in node.rounds.late_s().keys() - node.rounds._done.keys()]:
        if node.rounds._failing.keys() & names:
            return
        await asyncio.sleep(0.005)


def build_world(
    folder: Path, sources: Mapping[str, Sequence[SourcePlan]], members: Sequence[str] = ("th", "vn", "kh")
) -> World:
    """A federation whose homes have a `node.toml` with these sources."""
    federation = make_federation(folder, members, own_ports=True)
    ports = {member: int(at.rpartition(":")[2]) for member, (at,) in federation.endpoints.items()}
    world = World(federation, ports)
    for member in members:
        write_settings(world.home(member), member, ports[member], sources.get(member, ()))
    return world


def write_settings(home: Path, member: str, port: int, sources: Sequence[SourcePlan]) -> None:
    """A `node.toml` with free ports."""
    lines = [
        "[node]",
        f'member = "{member}"',
        "[listen]",
        f'exchange = "127.0.0.1:{port}"',
        'agency = "127.0.0.1:0"',
    ]
    # A test that asks with a client of its own sends no receipts; what they limit has tests of its own.
    lines += ["[limits]", f"receipt_debt = {10**9}", f"receipt_debt_s = {10**6}"]
    lines.append(_PATIENCE)
    # Nor does a trial of storage let its officers ask as slowly as officers do.
    lines += [f"{caller}_rate_per_s = {10**6}" for caller in ("officer", "system")]
    for source in sources:
        lines += [
            "[[source]]",
            f'id = "{source.id}"',
            f'agency = "{source.agency}"',
            f'mapping = "{source.mapping}"',
            f'url = "{source.url}"',
        ]
    (home / "node.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def impatient(world: World) -> World:
    """Return a world whose nodes wait for answers as long as nodes do: some of its members do not answer."""
    for member in world.ports:
        file = world.home(member) / "node.toml"
        file.write_text(file.read_text(encoding="utf-8").replace(f"{_PATIENCE}\n", ""), encoding="utf-8")
    return world


@contextmanager
def silent_after(node: Node, seconds: float = 3.0) -> Iterator[None]:
    """Let a node take a counterpart for silent after so many seconds, until the block ends."""
    asker = node.asking.asker
    patience_s = asker._budget_s
    asker.limit(seconds)
    try:
        yield
    finally:
        asker.limit(patience_s)


def fix_rest_ports(world: World) -> None:
    """Give each home what commands need of its node: a REST port and the name in its certificate."""
    for member in world.ports:
        file = world.home(member) / "node.toml"
        text = file.read_text(encoding="utf-8").replace('agency = "127.0.0.1:0"', f'agency = "127.0.0.1:{free_port()}"')
        name = world.federation[member].name
        file.write_text(text.replace("[node]", f'[node]\nname = "{name}"'), encoding="utf-8")


def officer(member: str = "th", purposes: Sequence[str] = ("BORDER_CHECK", "INVESTIGATION")) -> Officer:
    """A fictitious officer."""
    return Officer(
        person=f"{member}.o.1042",
        role="officer",
        office=f"{member}.blo.aranyaprathet",
        agency="police",
        purposes=frozenset(purposes),
        token_hash=bytes(32),
        client="tests",
    )


@asynccontextmanager
async def running(world: World, members: Sequence[str]) -> AsyncIterator[World]:
    """Run the nodes of `members`; stop them when the block ends."""
    try:
        for member in members:
            await world.start(member)
        yield world
    finally:
        for member in list(world.nodes):
            await world.stop(member)


@contextmanager
def other_work(node: Node, works: Mapping[str, Work]) -> Iterator[None]:
    """Let rounds of a node do other work, by their names, until the block ends."""
    lines = node.rounds.lines
    own = {name: list(line) for name, line in lines.items()}
    assert set(works) <= {each.name for line in own.values() for each in line}
    for line in lines.values():
        line[:] = [replace(each, work=works.get(each.name, each.work)) for each in line]
    try:
        yield
    finally:
        for name, line in own.items():
            lines[name][:] = line
