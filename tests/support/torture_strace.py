"""Two nodes, one of which runs under `strace`, which lets a write or sync of its database or high-water files fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from errno import EIO
from pathlib import Path

from tests.support.exchange import sample_world
from tests.support.faulty_disk import Fault
from tests.support.nodes import impatient
from tests.support.strace import Call, Trace, environment
from tests.support.torture import Seat
from tests.support.torture_faults import Faults
from tests.support.zygote import Child, Zygote


class Injection:
    """Stands in for `faulty_disk.Disk`: the call of the next process that fails, and what was seen of it."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.armed = False
        self.call: Call | None = None
        self._error = EIO
        self._known: list[Call] = []

    def arm(self, fault: Fault, at: int, error: int = EIO, seed: int = 0) -> None:
        """Trace the next process; its call `at` fails."""
        self.armed, self._error = True, error
        self.call = self._known[at - 1] if fault else None

    def command(self, home: Path) -> list[str]:
        """Return the command of the next process."""
        return self.trace.command(["serve", "--home", str(home)], self.call, self._error, apart=True)

    def disarm(self) -> None:
        """Stop tracing processes."""
        self.armed = False
        if self.call is None:
            self._known = self.trace.calls

    @property
    def seen(self) -> int:
        """The number of calls that can be chosen."""
        return len(self._known)

    @property
    def fired(self) -> bool:
        """Tell whether the call failed."""
        return self.trace.fired

    def name(self, number: int) -> str:
        """A call in words."""
        return str(self._known[number - 1])


class Straced(Faults):
    """The victim is traced from its start to its end; a phase begins with its start."""

    def prepare(self, folder: Path, victim: str) -> None:
        super().prepare(folder, victim)
        home = self.victim.home
        files = [home / f"node.sqlite{ending}" for ending in ("", "-wal", "-shm")]
        files += [home / "highwater" / name for name in ("exchange-1", "operations-1")]
        self.victim.disk = None
        self.injection = Injection(Trace(folder / "strace.txt", home, files))
        self.disk = self.injection  # type: ignore[assignment]

    async def _fork(self, seat: Seat) -> None:
        if seat is not self.victim or not self.injection.armed:
            await super()._fork(seat)
            return
        with seat.output.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *self.injection.command(seat.home),
                env=environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        seat.child = Child(
            process.pid, asyncio.run_coroutine_threadsafe(self._ended(process), asyncio.get_running_loop())
        )

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        code = await process.wait()
        await self.injection.trace.is_whole()
        return code


@asynccontextmanager
async def straced(folder: Path, victim: str) -> AsyncIterator[Straced]:
    """A new federation, of which `victim` is traced."""
    world = impatient(sample_world(folder))
    async with Zygote() as zygote:
        torture = Straced(world, zygote, 0)
        torture.prepare(folder, victim)
        await asyncio.gather(*(torture._start(seat) for seat in torture.seats.values()))
        try:
            yield torture
        except BaseException as error:
            torture.explain(error)
            raise
