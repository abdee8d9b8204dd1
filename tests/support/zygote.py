"""A warm process that forks others: a node starts in a fraction of a second, without a second of imports.

What is forked is a process of its own that runs the very function the command line runs; only the modules are there
already. Nothing may have started a thread before a fork, which is checked.

On its standard input the zygote takes one JSON document a line, `{"call": "module:function", "arguments": [...],
"output": file, "disk": [control, folder]}`, and says `forked PID`; it says `ended PID CODE` when one of its children
has ended. `disk` is for a zygote that has `faulty_disk` preloaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.support.shared import PROJECT

_START_S = 180.0


# ---------------------------------------------------------------- what runs in the children


def serve(home: str) -> int:
    """`liaison serve --home HOME`."""
    from gateway.cli.main import run

    return run(["serve", "--home", home])


def command(*arguments: str) -> int:
    """`liaison ARGUMENTS`."""
    from gateway.cli.main import run

    return run(arguments)


# ---------------------------------------------------------------- the zygote itself


def main(warm: str) -> None:
    """Import `warm`, then fork on demand until standard input ends; then end all children."""
    importlib.import_module(warm)
    gc.collect()
    gc.freeze()
    children: set[int] = set()

    def reap(_number: int, _frame: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                children.discard(ended[0])
                _say(f"ended {ended[0]} {os.waitstatus_to_exitcode(ended[1])}")

    signal.signal(signal.SIGCHLD, reap)
    _say("ready")
    for line in sys.stdin:
        assert len(list(Path("/proc/self/task").iterdir())) == 1, "a thread would not survive the fork"
        order = json.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            _child(order)
        children.add(pid)
        _say(f"forked {pid}")
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    for pid in list(children):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def _child(order: dict[str, Any]) -> None:
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        output = os.open(order["output"] or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if order["disk"]:
            assert ctypes.CDLL(None).faulty_disk_begin(*(os.fsencode(path) for path in order["disk"])) == 0
        module, _, function = order["call"].partition(":")
        code = getattr(importlib.import_module(module), function)(*order["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


# ---------------------------------------------------------------- for tests


class Child:
    """A process that the zygote forked."""

    def __init__(self, pid: int, ended: asyncio.Future[int]) -> None:
        self.pid = pid
        self._ended = ended

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return not self._ended.done()

    @property
    def state(self) -> str:
        """In words."""
        return "alive" if self.alive else f"ended with {self._ended.result()}"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it has ended."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self, timeout: float = 20.0) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.wait_for(asyncio.shield(self._ended), timeout)


class Zygote:
    """A running zygote that has imported the module `warm`; use it as an asynchronous context manager."""

    def __init__(self, warm: str = "tests.support.warm_node", preload: Path | None = None) -> None:
        self._warm = warm
        self._preload = preload
        self._process: asyncio.subprocess.Process | None = None
        self._ended: dict[int, asyncio.Future[int]] = {}
        self._forked: asyncio.Queue[Child] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Zygote:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "proto" / "gen")))}
        if self._preload:
            environment["LD_PRELOAD"] = str(self._preload)
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.zygote", self._warm, env=environment, stdin=pipe, stdout=pipe
        )
        assert self._process.stdout
        async with asyncio.timeout(_START_S):
            assert await self._process.stdout.readline() == b"ready\n", "the zygote did not start"
        self._reader = asyncio.create_task(self._read(self._process.stdout))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process
        assert self._process.stdin
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 20)
        if self._reader:
            await self._reader

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            word, pid, *rest = line.decode().split()
            if word == "forked":
                self._ended[int(pid)] = asyncio.get_running_loop().create_future()
                self._forked.put_nowait(Child(int(pid), self._ended[int(pid)]))
            elif word == "ended":
                self._ended.pop(int(pid)).set_result(int(rest[0]))

    async def fork(
        self, call: str, *arguments: str, output: Path | None = None, disk: tuple[Path, Path] | None = None
    ) -> Child:
        """A child that runs `module:function` with text arguments. `disk`: control file and folder of a faulty disk."""
        assert self._process
        assert self._process.stdin
        order: dict[str, Any] = {"call": call, "arguments": arguments, "output": str(output or "")}
        order["disk"] = [str(path) for path in disk or ()]
        async with self._turn:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            return await asyncio.wait_for(self._forked.get(), _START_S)


if __name__ == "__main__":
    main(sys.argv[1])
