"""A warm process that forks others: a node starts in a fraction of a second, without a second of imports.

A forked child is a process of its own that runs the very function of the command line; only the modules are there
already. Nothing may have started a thread before a fork, which is checked.

A test process has one zygote of each kind, whichever of its tests need one: each costs a second of imports itself.

On its standard input the zygote takes one JSON document a line, `{"call": "module:function", "arguments": [...],
"output": file, "disk": [control, folder], "environment": {...}}`, and says `forked PID`; it says `ended PID CODE` when
one of its children has ended. `disk` is for a zygote that has `faulty_disk` preloaded.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from tests.support.shared import PROJECT
from tests.support.waiting import MOST_S

_OURS = "LIAISON_"


# ---------------------------------------------------------------- what runs in the children


def serve(home: str) -> int:
    """Run `liaison serve --home HOME`."""
    from gateway.cli.main import run

    return run(["serve", "--home", home])


def serve_with_few_descriptors(home: str) -> int:
    """Run `liaison serve --home HOME` where a process may have 1,024 files open, and no more."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    return serve(home)


def command(*arguments: str) -> int:
    """Run `liaison ARGUMENTS`."""
    from gateway.cli.main import run

    return run(arguments)


def command_of_account(number: str, errors: str, *arguments: str) -> int:
    """Run `liaison ARGUMENTS` as another account, in its group alone; what it says of errors is written to a file."""
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    os.environ["HOME"] = "/"
    os.setgroups([])
    os.setgid(int(number))
    os.setuid(int(number))
    return command(*arguments)


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


def _child(order: dict[str, Any]) -> NoReturn:
    """Run the call and end as every Python does: open files are closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    output = os.open(order["output"] or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if order["disk"]:
        assert ctypes.CDLL(None).faulty_disk_begin(*(os.fsencode(path) for path in order["disk"])) == 0
    os.environ.update(order["environment"])
    module, _, function = order["call"].partition(":")
    sys.exit(getattr(importlib.import_module(module), function)(*order["arguments"]))


# ---------------------------------------------------------------- for tests


class Child:
    """A process that a zygote forked."""

    def __init__(self, pid: int, ended: Future[int]) -> None:
        self.pid = pid
        self._ended = ended

    @property
    def alive(self) -> bool:
        """Tell whether the process has not ended."""
        return not self._ended.done()

    @property
    def code(self) -> int | None:
        """Its exit code; None while it is alive."""
        return self._ended.result() if self._ended.done() else None

    @property
    def state(self) -> str:
        """The state in words."""
        return "alive" if self.alive else f"ended with {self.code}"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when it has ended."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self, timeout: float = MOST_S) -> int:
        """Wait for the end and return the exit code."""
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._ended)), timeout)


class _Running:
    """A zygote's process, and a thread that reads its output; it ends with the test process."""

    def __init__(self, warm: str, preload: Path | None) -> None:
        # Our settings are those of the moment when a child is asked for.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        environment["PYTHONPATH"] = os.pathsep.join((str(PROJECT), str(PROJECT / "proto" / "gen")))
        if preload:
            environment["LD_PRELOAD"] = str(preload)
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote", warm], env=environment, stdin=pipe, stdout=pipe
        )
        self._ended: dict[int, Future[int]] = {}
        self._ordered: deque[Future[Child]] = deque()
        self._turn = threading.Lock()
        self.ready: Future[None] = Future()
        threading.Thread(target=self._hear, name="zygote", daemon=True).start()
        atexit.register(self._stop)

    def order(self, order: dict[str, Any]) -> Future[Child]:
        """Ask for a child."""
        assert self._process.stdin
        asked: Future[Child] = Future()
        with self._turn:
            self._ordered.append(asked)
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        return asked

    def _hear(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            word, *numbers = line.decode().split()
            if word == "ready":
                self.ready.set_result(None)
            elif word == "forked":
                pid = int(numbers[0])
                ended = self._ended[pid] = Future()
                self._ordered.popleft().set_result(Child(pid, ended))
            elif word == "ended":
                self._ended.pop(int(numbers[0])).set_result(int(numbers[1]))

    def _stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(MOST_S)


_running = cache(_Running)


class Zygote:
    """A zygote that has imported the module `warm`, for a test.

    It is an asynchronous context manager that ends all children that it was asked for.
    """

    def __init__(self, warm: str = "tests.support.warm_node", preload: Path | None = None) -> None:
        self._running = _running(warm, preload)
        self._children: list[Child] = []

    async def __aenter__(self) -> Zygote:
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._running.ready)), MOST_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in self._children:
            child.signal(signal.SIGKILL)
        for child in self._children:
            await child.ended()

    async def fork(
        self,
        call: str,
        *arguments: str,
        output: Path | None = None,
        disk: tuple[Path, Path] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        """A child that runs `module:function` with text arguments. `disk`: control file and folder of a faulty disk.

        It has the zygote's environment with our settings as this process has them, and with what is in `environment`.
        """
        order: dict[str, Any] = {"call": call, "arguments": arguments, "output": str(output or "")}
        order["disk"] = [str(path) for path in disk or ()]
        order["environment"] = {name: value for name, value in os.environ.items() if name.startswith(_OURS)}
        order["environment"] |= environment or {}
        child = await asyncio.wait_for(asyncio.wrap_future(self._running.order(order)), MOST_S)
        self._children.append(child)
        return child


if __name__ == "__main__":
    main(sys.argv[1])
