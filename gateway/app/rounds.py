"""The rounds of a node: work that repeats beside the exchanges. The work of a round is part of its own module.

A round that fails has an alarm in the operations log; the others still run, and it runs again. Rounds of one line run
one after another. Rounds that wait for others (counterparts, sources, witnesses) have a line of their own, so that none
of them delays the check of trust and switches. Of several processes of one home, the one that leads runs the rounds
that must run once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from gateway.clock import SystemClock
from gateway.errors import Refused, StorageBroken, code_and_detail
from gateway.ports.entries.events import ALARM
from gateway.ports.journal import EntryDraft

WATCH_S = 1.0
UPKEEP_S = 60.0

WATCH, UPKEEP = "watch", "upkeep"
"""The lines of rounds that wait for nothing outside: one watches for changes, the other removes expired data."""

Work = Callable[[], Awaitable[object]]
Write = Callable[[EntryDraft], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Round:
    """Work that runs every `every_s` seconds. `name` is in the alarm when it fails.

    A round without a `line` waits for no other. The first round of a line sets how often the line runs.
    """

    name: str
    every_s: float
    work: Work
    leader_only: bool = True
    line: str = ""


class Leadership:
    """Holds whether this process leads, and how many processes serve this home, as the last `look` found.

    The functions `leads` and `processes` ask the database, and block.
    """

    def __init__(self, leads: Callable[[], bool], processes: Callable[[], int] = lambda: 1) -> None:
        self._ask = leads
        self._count = processes
        self.leads = False
        self.processes = 1

    async def look(self) -> bool:
        """Ask the database; this process becomes the leader when there is none."""
        self.leads = await asyncio.to_thread(self._ask)
        self.processes = await asyncio.to_thread(self._count)
        return self.leads


class Rounds:
    """Runs rounds until it is cancelled. A broken storage goes to `fatal`, which ends the process."""

    def __init__(
        self, rounds: Iterable[Round], leadership: Leadership, write: Write, fatal: Callable[[BaseException], None]
    ) -> None:
        self.lines: dict[str, list[Round]] = {}
        for each in rounds:
            self.lines.setdefault(each.line or each.name, []).append(each)
        self._leadership = leadership
        self._write = write
        self._fatal = fatal
        self._failing: dict[str, tuple[str, str]] = {}
        self._monotonic = SystemClock.monotonic
        self._begun = self._monotonic()
        self._done: dict[str, float] = {}

    async def run(self) -> None:
        """Run all rounds until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for line in self.lines:
                tasks.create_task(self._repeat(line))

    def late_s(self) -> dict[str, float]:
        """Return for each round that this process runs the seconds since it was due to succeed; 0 while it is not."""
        now, leads = self._monotonic(), self._leadership.leads
        return {
            each.name: max(0.0, now - self._done.get(each.name, self._begun) - line[0].every_s)
            for line in list(self.lines.values())
            for each in list(line)
            if leads or not each.leader_only
        }

    async def _repeat(self, line: str) -> None:
        while True:
            await self.make(line)
            await asyncio.sleep(self.lines[line][0].every_s)

    async def make(self, line: str) -> None:
        """Run the rounds of one line once, in order."""
        for each in self.lines[line]:
            if self._leadership.leads or not each.leader_only:
                await self._try(each)

    async def _try(self, each: Round) -> None:
        """Do the work of a round. Its failure has an alarm when it begins or changes, not each time while it lasts."""
        try:
            await each.work()
            self._failing.pop(each.name, None)
            self._done[each.name] = self._monotonic()
        except asyncio.CancelledError:
            if _cancelled():
                raise
            await self._failed(each.name, "round-failed", "CancelledError")
        except StorageBroken as error:
            self._fatal(error)
        except Exception as error:  # noqa: BLE001  # the rounds must not end while the node goes on answering
            await self._failed(each.name, *code_and_detail(error))

    async def _failed(self, name: str, code: str, detail: str) -> None:
        if self._failing.get(name) == (code, detail):
            return
        try:
            await self._write(ALARM.draft(code=code, detail=f"{name}: {detail}"[:500]))
            self._failing[name] = (code, detail)
        except StorageBroken as error:
            self._fatal(error)
        except Refused:
            return  # the log's stage is full: not noted as failing, so that the next round writes the alarm


def writing(find: Callable[[], Iterable[EntryDraft]], write: Write) -> Work:
    """Return work that writes the entries that `find` returns; `find` blocks, and runs in a thread."""

    async def work() -> None:
        for draft in await asyncio.to_thread(find):
            await write(draft)

    return work


def _cancelled() -> bool:
    """Tell whether this task is to end, since a closed connection raises `CancelledError`, too."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
