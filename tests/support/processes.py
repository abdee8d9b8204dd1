"""Real node processes, to be killed, starved and asked to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from tests.support.shared import PROJECT

START_S = 20.0


class NodeProcess:
    """`liaison serve` (or another module that serves a home) as a process of its own."""

    def __init__(self, home: Path, port: int, module: str = "gateway.cli") -> None:
        self._home = home
        self._port = port
        self._command = [sys.executable, "-m", module]
        self._command += ["serve", "--home", str(home)] if module == "gateway.cli" else [str(home)]
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it listens."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "proto" / "gen")))}
        output = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=environment, stdin=output, stdout=output, stderr=output
        )
        async with asyncio.timeout(START_S):
            while not self._listens():
                assert self._process.returncode is None, f"the node ended with {self._process.returncode}"
                await asyncio.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process
        self._process.send_signal(number)

    async def ended(self, timeout: float = 20.0) -> int:
        """Its exit code, once it has ended."""
        assert self._process
        return await asyncio.wait_for(self._process.wait(), timeout)

    async def __aenter__(self) -> NodeProcess:
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
