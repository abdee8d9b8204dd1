"""Two nodes, one of which has a disk with faults: at one call of its start, of its exchanges or of its end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from errno import EIO
from pathlib import Path

import grpc
import httpx2

from tests.support.exchange import sample_world
from tests.support.faulty_disk import Disk, Fault, build_disk
from tests.support.nodes import impatient
from tests.support.torture import Torture
from tests.support.zygote import Zygote

ENDS_S = 60.0
PHASES = ("start", "work", "stop")
_REQUESTS = 3
_STORAGE = 70
"""The exit code of a node whose storage failed."""


class Faults(Torture):
    """`at` runs one phase with one fault, and checks everything afterwards. `outcomes` counts how nodes ended."""

    outcomes: Counter[str]

    def prepare(self, folder: Path, victim: str) -> None:
        """Give `victim` the faulty disk."""
        self.numbers = itertools.count()
        self.outcomes = Counter()
        self.victim = self.seats[victim]
        self.victim.disk = self.disk = Disk(folder / "disk")

    async def at(self, phase: str, fault: Fault, number: int, error: int = EIO) -> bool:
        """Run the phase with a fault at call `number`; tell whether the phase came to that call."""
        self.story.append(f"`{self.victim.member}`: {fault.name} at call {number} of its {phase}")
        if phase == "start":
            await self._strike([self.victim])
        self.disk.arm(fault, number, error, seed=number)
        await getattr(self, f"_{phase}_phase")()
        await self._settle(phase, fault, number)
        fired = self.disk.fired
        await self._start(self.victim)
        await self._check()
        if self.victim.member == "th":
            self._check_abandoned()
        return fired

    async def calls(self, phase: str) -> list[str]:
        """The calls of a phase without a fault."""
        await self.at(phase, Fault.NONE, 0)
        return [self.disk.name(number + 1) for number in range(self.disk.seen)]

    # ------------------------------------------------------------ phases

    async def _start_phase(self) -> None:
        await self._fork(self.victim)
        child = self.victim.child
        assert child
        async with asyncio.timeout(ENDS_S):
            while child.alive and not self.victim.listens:
                await asyncio.sleep(0.005)
        if child.alive:
            await self._work_phase()

    async def _work_phase(self) -> None:
        """Make a few exchanges of each side at once; failed ones are asked again when all is checked."""
        await asyncio.gather(self._counterpart_asks(), self._officer_asks())

    async def _counterpart_asks(self) -> None:
        with contextlib.suppress(grpc.aio.AioRpcError):
            async with self.counterpart.client.channel() as channel:
                asked = [self.counterpart.new(next(self.numbers)) for _ in range(_REQUESTS)]
                await asyncio.gather(*(self.counterpart.ask(channel, *each) for each in asked))

    async def _officer_asks(self) -> None:
        number = next(self.numbers)
        async with self.desk.client() as client:
            try:
                await self.desk.ask(client, f"k-{number}", number)
            except httpx2.HTTPError:
                self.desk.lost[f"k-{number}"] = number

    async def _stop_phase(self) -> None:
        assert self.victim.child
        self.victim.child.signal(signal.SIGTERM)

    # ------------------------------------------------------------ and then

    async def _settle(self, phase: str, fault: Fault, number: int) -> None:
        """Wait for the end of the process: by the fault, or by our kill after it has shown that it still works."""
        child = self.victim.child
        assert child
        if phase == "stop":
            await child.ended(ENDS_S)
        fired = self.disk.fired
        if fired:
            self.story.append(f"which was: {self.disk.name(number)}")
        if fired and fault.deadly:
            await child.ended(ENDS_S)
        if fired and await self._works():
            self.outcomes["goes on"] += 1
            await self._strike([self.victim])
        elif fired or phase == "stop":
            code = await child.ended(ENDS_S)
            self.outcomes[str(code)] += 1
            self._judge(fault, code, fired=fired)
        self.disk.disarm()
        if child.alive:
            await self._strike([self.victim])
        self.victim.up.clear()

    def _judge(self, fault: Fault, code: int, *, fired: bool) -> None:
        if fired and fault.deadly:
            assert code in fault.ends, f"ended with {code}"
        elif fired:
            assert code in (0, 1, _STORAGE), f"ended with {code}"
        else:
            assert code == 0, f"ended with {code}"

    async def _works(self) -> bool:
        """Tell whether the node answers, or lets its officers ask; False once it has ended.

        One that does neither fails.
        """
        child = self.victim.child
        assert child
        async with asyncio.timeout(ENDS_S):
            while child.alive:
                before = len(self.counterpart.answers), len(self.desk.unchecked)
                await self._work_phase()
                after = len(self.counterpart.answers), len(self.desk.unchecked)
                if after[0] == before[0] + _REQUESTS and after[1] == before[1] + 1:
                    return child.alive
                await asyncio.sleep(0.02)
        return False


@asynccontextmanager
async def faults(folder: Path, victim: str) -> AsyncIterator[Faults]:
    """A new federation, of which `victim` has a disk with faults."""
    world, library = impatient(sample_world(folder)), build_disk()
    async with Zygote(preload=library) as zygote:
        torture = Faults(world, zygote, 0)
        torture.prepare(folder, victim)
        await asyncio.gather(*(torture._start(seat) for seat in torture.seats.values()))
        try:
            yield torture
        except BaseException as error:
            torture.explain(error)
            raise
