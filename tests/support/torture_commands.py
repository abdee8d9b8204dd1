"""Run commands in processes of their own, over homes on a disk with faults; judge their results and the repeat."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from errno import EIO
from pathlib import Path

from tests.support.cli import Liaison, Ran
from tests.support.faulty_disk import ERRORS, Disk, Fault, build_disk
from tests.support.ports import free_port
from tests.support.torture import listens
from tests.support.zygote import Child, Zygote

POINTS = int(os.environ.get("LIAISON_FAULTS", "1"))
"""Calls of each command that are tried for each of a few faults; 0: every call with every fault."""

SEED = int(os.environ.get("LIAISON_SEED", "20261124"))
_LOOPBACK = re.compile(r"127\.0\.0\.1:(\d+)\"")

Given = tuple[str | Path, ...]


@dataclass(frozen=True)
class Workshop:
    """Homes that were made once and are copied for each fault."""

    liaison: Liaison
    folder: Path

    def run(self, *arguments: str | Path) -> Ran:
        """Run a command in this process, on a good disk."""
        return self.liaison(*arguments)

    def ok(self, *arguments: str | Path) -> str:
        """Run a command that must succeed; what it printed."""
        ran = self.liaison(*arguments)
        assert ran.code == 0, f"{arguments}: {ran.out}{ran.err}"
        return ran.out


def _nothing(_: object) -> None:
    return


def _at_once(_: Path) -> bool:
    return True


@dataclass(frozen=True)
class Job:
    """An interrupted command: its arguments, and what must be true afterwards.

    `prepare` makes the homes that it finds. `left` judges what lies there after the fault, `whole` what the same
    command left when it was given again, or `again` instead; its exit code is then one of `codes`. It is not given
    again where `is_done` says that nothing is missing. A node is asked to stop once it serves and `until` holds. Faults
    begin at the first call whose name has `since` in it; `sample` of them where not all are tried.
    """

    name: str
    given: Callable[[Path], Given]
    whole: Callable[[Workshop], None]
    left: Callable[[Workshop], None] = _nothing
    prepare: Callable[[Path], None] = _nothing
    codes: frozenset[int] = frozenset({0})
    is_done: Callable[[Path], bool] = lambda _: False
    until: Callable[[Path], bool] = _at_once
    since: str = ""
    sample: int = 3
    again: Callable[[Path], Given] | None = None

    def first(self, calls: list[str]) -> int:
        """The number of the first call that is of interest, from 1."""
        return next((number for number, call in enumerate(calls, 1) if self.since in call), 1)


class Machine(ABC):
    """Homes in the folder `work`, and the running of commands over them in processes of their own, with faults."""

    faults: Sequence[Fault]
    """Those that it can make happen."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template"
        self._aside = folder / "aside"
        self._aside.mkdir()
        self._output = folder / "output.txt"
        self.work = folder / "work"

    @abstractmethod
    async def run(
        self,
        arguments: Given,
        fault: Fault = Fault.NONE,
        number: int = 0,
        error: int = EIO,
        until: Callable[[Path], bool] = _at_once,
    ) -> int:
        """Run the command and return its exit code. A node is asked to stop once it serves, and `until` holds."""

    @property
    @abstractmethod
    def calls(self) -> list[str]:
        """The calls to the disk of the last command."""

    @property
    @abstractmethod
    def fired(self) -> bool:
        """Tell whether the fault happened."""

    @property
    def said(self) -> str:
        """The output of the last command."""
        return self._output.read_text(encoding="utf-8")

    def keep(self) -> None:
        """Let the homes begin as they are now from here on."""
        shutil.copytree(self.work, self._template, symlinks=True)

    def fresh(self) -> None:
        """Restore the homes. Their databases stay the same files: on others a node would ask a witness first."""
        for number, path in enumerate(databases := sorted(self._template.rglob("node.sqlite"))):
            (self.work / path.relative_to(self._template)).replace(self._aside / str(number))
        shutil.rmtree(self.work)
        shutil.copytree(self._template, self.work, symlinks=True)
        for number, path in enumerate(databases):
            file = self._aside / str(number)
            file.write_bytes(path.read_bytes())
            file.replace(self.work / path.relative_to(self._template))


class Press(Machine):
    """Runs commands with a faulty disk below the folder."""

    faults = tuple(fault for fault in Fault if fault)

    def __init__(self, zygote: Zygote, folder: Path) -> None:
        super().__init__(folder)
        self._zygote = zygote
        self._disk = Disk(folder / "disk")

    async def run(
        self,
        arguments: Given,
        fault: Fault = Fault.NONE,
        number: int = 0,
        error: int = EIO,
        until: Callable[[Path], bool] = _at_once,
    ) -> int:
        self._output.unlink(missing_ok=True)
        self._disk.arm(fault, number, error, seed=number)
        texts = [str(argument) for argument in arguments]
        child = await self._zygote.fork(
            "tests.support.zygote:command", *texts, output=self._output, disk=(self._disk.file, self.work)
        )
        if arguments[0] == "serve":
            await self._stop(child, arguments[2], until)
        code = await child.ended(60)
        self._disk.disarm()
        return code

    async def _stop(self, child: Child, home: str | Path, until: Callable[[Path], bool]) -> None:
        ports = _LOOPBACK.findall((Path(home) / "node.toml").read_text(encoding="utf-8"))
        async with asyncio.timeout(60):
            while child.alive and not (all(listens(int(port)) for port in ports) and until(self.work)):
                await asyncio.sleep(0.01)
        child.signal(signal.SIGTERM)

    @property
    def calls(self) -> list[str]:
        return [self._disk.name(number + 1) for number in range(self._disk.seen)]

    @property
    def fired(self) -> bool:
        return self._disk.fired


def free_ports(home: Path) -> None:
    """Give a home ports on which no process listens."""
    file = home / "node.toml"
    text = _LOOPBACK.sub(lambda _: f'127.0.0.1:{free_port()}"', file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")


@asynccontextmanager
async def press(folder: Path) -> AsyncIterator[Press]:
    """A press whose template is still to be made."""
    async with Zygote(preload=build_disk()) as zygote:
        yield Press(zygote, folder)


def chosen(
    faults: Sequence[Fault], first: int, last: int, sample: int, dice: random.Random
) -> Iterator[tuple[Fault, int]]:
    """Faults, each with the number of the call."""
    if not POINTS:
        yield from ((fault, number) for fault in faults for number in range(first, last + 1))
        return
    for fault in dice.sample(faults, min(sample, len(faults))):
        for _ in range(POINTS):
            yield fault, dice.randint(first, last)


def plans(jobs: list[Job]) -> list[list[Job]]:
    """Return the commands of each test: all in one for a sample, one in each when every call is tried."""
    return [jobs] if POINTS else [[job] for job in jobs]


def plan_name(jobs: list[Job]) -> str:
    """Return the name of a test."""
    return "-".join(job.name for job in jobs)


async def tried(machine: Machine, shop: Workshop, job: Job) -> str:
    """Try one command with its faults; return what was done, in words."""
    dice, arguments = random.Random(f"{SEED} {job.name}"), job.given(machine.work)
    again = job.again(machine.work) if job.again else arguments

    def fresh() -> None:
        machine.fresh()
        job.prepare(machine.work)

    fresh()
    assert await machine.run(arguments, until=job.until) in job.codes, machine.said
    calls = machine.calls
    assert calls, "nothing was seen of it"
    job.whole(shop)
    points = 0
    for fault, number in chosen(machine.faults, job.first(calls), len(calls), job.sample, dice):
        story = f"{job.name}: {fault.name} at call {number} of {len(calls)}, {calls[number - 1]}"
        fresh()
        code = await machine.run(arguments, fault, number, dice.choice(ERRORS), job.until)
        if machine.fired:
            points += 1
            allowed = fault.ends if fault.deadly else (0, 1, 70, *job.codes)
            assert code in allowed, f"{story}: ended with {code}: {machine.said}"
            assert "Traceback" not in machine.said, f"{story}: {machine.said}"
        try:
            job.left(shop)
            if not job.is_done(machine.work):
                assert await machine.run(again, until=job.until) in job.codes, f"again: {machine.said}"
            job.whole(shop)
        except Exception as error:
            error.add_note(story)
            raise
    return f"{job.name}: {points} faults at {len(calls)} calls"
