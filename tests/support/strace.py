"""Single calls of a process fail, as `strace` injects it: a second opinion beside `faulty_disk`, from outside.

`strace` counts the calls of each name in each thread by themselves. So a call is named by its name and its number in
its thread, and in a process of several threads each of them that comes so far fails there once (decision 0024).
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import EIO, errorcode
from pathlib import Path

from tests.support.faulty_disk import Fault
from tests.support.optional import absent, needs
from tests.support.shared import PROJECT
from tests.support.torture_commands import Given, Machine

CALLS = ("fsync", "fdatasync", "pwrite64", "write")
_LINE = re.compile(r"(\d+) +(\w+)\(\d+<([^>]*)>")
_INJECTED = "(INJECTED)"
_ENDS_S = 60.0
_LOOK_S = 0.02


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """The `number`-th call of this name in a thread, and its file or folder, below the folder."""

    name: str
    number: int
    file: str

    def __str__(self) -> str:
        return f"{self.name} {self.file}"


def strace() -> str:
    """Return the program. Skips the test where it is not installed, or may not trace."""
    needs("strace")
    if subprocess.run(["strace", "-o", os.devnull, "true"], check=False, capture_output=True).returncode:
        absent("strace may not trace here, so nothing fails but by our own library: a second opinion is NOT had")
    return "strace"


@dataclass(slots=True)
class Trace:
    """The trace of one process: the calls on files below a folder, or on `paths` alone, and the one that failed."""

    log: Path
    below: Path
    paths: Sequence[Path] = ()

    def command(
        self, arguments: Sequence[str], call: Call | None = None, error: int = EIO, *, apart: bool = False
    ) -> list[str]:
        """Return the command of `liaison ARGUMENTS` under `strace`; with `apart` the started process is `liaison`."""
        self.log.unlink(missing_ok=True)
        given = [strace(), *(["-D"] if apart else []), "-f", "--seccomp-bpf", "-y", "-o", str(self.log)]
        given += ["-e", f"trace={','.join(CALLS)}"]
        given += [text for path in self.paths for text in ("-P", str(path))]
        if call is not None:
            given += ["-e", f"inject={call.name}:error={errorcode[error]}:when={call.number}"]
        return [*given, sys.executable, "-m", "gateway.cli", *arguments]

    @property
    def calls(self) -> list[Call]:
        """The calls below the folder, each once, in whichever thread."""
        counts: Counter[tuple[str, str]] = Counter()
        found: dict[Call, None] = {}
        for line in self._lines():
            if seen := _LINE.match(line):
                thread, name, file = seen.groups()
                counts[thread, name] += 1
                if file.startswith(f"{self.below}/"):
                    found[Call(name, counts[thread, name], file.removeprefix(f"{self.below}/"))] = None
        return list(found)

    @property
    def fired(self) -> bool:
        """Tell whether a call below the folder failed."""
        return any(_INJECTED in line and f"<{self.below}/" in line for line in self._lines())

    async def is_whole(self) -> None:
        """Wait until the last process that was traced has its last line, which comes after its end."""
        async with asyncio.timeout(_ENDS_S):
            while not (lines := self._lines()) or not lines[-1].endswith("+++"):
                await asyncio.sleep(_LOOK_S)

    def _lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []


def environment() -> dict[str, str]:
    """Return the environment of a traced process, which then writes only what it is asked to."""
    path = os.pathsep.join((str(PROJECT), str(PROJECT / "proto" / "gen")))
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


class Tracer(Machine):
    """Runs commands under `strace`; no nodes."""

    faults = (Fault.FAILS,)

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._trace = Trace(folder / "strace.txt", self.work)
        self._known: list[Call] = []

    async def run(
        self,
        arguments: Given,
        fault: Fault = Fault.NONE,
        number: int = 0,
        error: int = EIO,
        until: Callable[[Path], bool] = lambda _: True,
    ) -> int:
        call = self._known[number - 1] if fault else None
        command = self._trace.command([str(argument) for argument in arguments], call, error)
        with self._output.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command, env=environment(), stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
            )
            return await asyncio.wait_for(process.wait(), _ENDS_S)

    @property
    def calls(self) -> list[str]:
        """The calls of the last command; numbers of calls refer to them from here on."""
        self._known = self._trace.calls
        return list(map(str, self._known))

    @property
    def fired(self) -> bool:
        return self._trace.fired
