"""A link on loopback that can stall, lose what it carried, and be cut: a proxy in front of a node's port."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.support.nodes import World
from tests.support.ports import free_port

_CHUNK = 65_536


class Link:
    """Passes bytes on in both directions while it is up. `accepted` counts connections."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._up = asyncio.Event()
        self._up.set()
        self._pairs: set[_Pair] = set()
        self.accepted = 0

    def stall(self) -> None:
        """Pass nothing on; connections are still accepted, and nothing is said on them."""
        self._up.clear()

    def lose(self) -> None:
        """Stall, and never pass anything on again over the connections that there are: no one is told."""
        self.stall()
        for pair in self._pairs:
            pair.lost = True

    def restore(self) -> None:
        """Pass on again what comes, and what was stalled."""
        self._up.set()

    def cut(self) -> None:
        """Reset all connections."""
        for pair in list(self._pairs):
            pair.reset()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        self.accepted += 1
        pair = _Pair(writer)
        self._pairs.add(pair)
        try:
            await self._up.wait()
            with suppress(OSError):
                back, forth = await asyncio.open_connection("127.0.0.1", self._target)
                pair.other = forth
                await asyncio.gather(self._carry(reader, forth, pair), self._carry(back, writer, pair))
        finally:
            self._pairs.discard(pair)
            pair.reset()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, pair: _Pair) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                await self._up.wait()
                if pair.lost:
                    continue
                target.write(data)
                await target.drain()
        target.close()


class _Pair:
    """The two sides of a connection."""

    def __init__(self, one: asyncio.StreamWriter) -> None:
        self.lost = False
        self.other: asyncio.StreamWriter | None = None
        self._one = one

    def reset(self) -> None:
        for side in (self._one, self.other):
            if side is not None:
                side.transport.abort()


@asynccontextmanager
async def linked(world: World, member: str) -> AsyncIterator[Link]:
    """A link at the address of a member that is not started yet; the member's node listens behind it."""
    behind = free_port()
    file = world.home(member) / "node.toml"
    listening = re.sub(r'exchange = "127.0.0.1:\d+"', f'exchange = "127.0.0.1:{behind}"', file.read_text(), count=1)
    file.write_text(listening)
    link = Link(behind)
    server = await asyncio.start_server(link.serve, "127.0.0.1", world.ports[member])
    try:
        yield link
    finally:
        server.close()
        link.restore()
        link.cut()
