"""A link with a delay: what comes in at one port leaves towards another one so many milliseconds later.

`python -m gateway.bench.relay PORT TARGET DELAY_MS` delays both directions, without a limit on what is on its way. It
runs in a process of its own, so that its CPU is in no figure of a node.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from gateway.loop import run


class _Side(asyncio.Protocol):
    """One end of a connection: it hands on what it receives, later, in its order."""

    def __init__(self, delay_s: float, other: _Side | None = None) -> None:
        self._delay_s = delay_s
        self._other = other
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Write what came before there was a connection."""
        self._transport = cast("asyncio.Transport", transport)
        for data in self._early:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Hand the bytes on when their time has come."""
        assert self._other is not None
        asyncio.get_running_loop().call_later(self._delay_s, self._other.write, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end after what is on its way."""
        del exc
        if self._other is not None:
            asyncio.get_running_loop().call_later(self._delay_s, self._other.close)

    def write(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def join(self, other: _Side) -> None:
        self._other = other


async def serve(port: int, target: int, delay_s: float) -> None:
    """Relay until the process is ended."""
    loop = asyncio.get_running_loop()
    connecting: set[asyncio.Task[object]] = set()

    def accepted() -> _Side:
        near = _Side(delay_s)
        far = _Side(delay_s, near)
        near.join(far)
        task: asyncio.Task[object] = loop.create_task(loop.create_connection(lambda: far, "127.0.0.1", target))
        connecting.add(task)
        task.add_done_callback(connecting.discard)
        return near

    server = await loop.create_server(accepted, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Relay with the node's event loop."""
    run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))


if __name__ == "__main__":
    main()
