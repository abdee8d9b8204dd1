"""Real node processes, to be killed, starved and asked to stop."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.waiting import MOST_S
from tests.support.zygote import Child, Zygote

SERVE = "tests.support.zygote:serve"


class NodeProcess:
    """`liaison serve` (or another function that serves a home) as a process of its own, forked by a zygote."""

    def __init__(self, home: Path, port: int, call: str = SERVE) -> None:
        self._home = home
        self._port = port
        self._call = call
        self._child: Child | None = None
        self._stack = AsyncExitStack()

    @property
    def pid(self) -> int:
        assert self._child
        return self._child.pid

    async def start(self) -> None:
        """Start it and wait until it listens."""
        zygote = await self._stack.enter_async_context(Zygote())
        self._child = await zygote.fork(self._call, str(self._home))
        async with asyncio.timeout(MOST_S):
            while not self._listens():
                assert self._child.alive, f"the node ended with {self._child.code}"
                await asyncio.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._child
        self._child.signal(number)

    async def ended(self, timeout: float = MOST_S) -> int:
        """Wait for its end and return its exit code."""
        assert self._child
        return await self._child.ended(timeout)

    async def __aenter__(self) -> NodeProcess:
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
