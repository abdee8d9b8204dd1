"""Two nodes that are killed while they work, the load on them, and what must be true after each kill.

`th` asks for its officers, over its REST API; `vn` answers `th` and a caller with the certificate of `kh`. Each of the
two nodes is a process of its own, killed with SIGKILL at a random moment of its work or of its start. Some kills wait
until a file is being fetched. The load keeps every answer that it was given; what it was not given it asks for again,
with the same bytes or the same key.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.audit.entries.entry import parse_entry
from tests.support.exchange import caller, sample_world
from tests.support.faulty_disk import Disk
from tests.support.logbook import LogBook
from tests.support.nodes import World, impatient
from tests.support.ports import free_port
from tests.support.torture_load import Counterpart, Desk
from tests.support.torture_notices import SERVE as SERVE_WITH_NOTICES
from tests.support.torture_notices import Notices
from tests.support.waiting import MOST_S
from tests.support.zygote import Child, Zygote

SERVE = "tests.support.zygote:serve"
_OFFICERS = 4
_VICTIMS = (("vn",), ("th",), ("th", "vn"))
_IN_A_FILE = 0.3
"""How often a kill waits until a file is being fetched, and falls within it."""


@dataclass(slots=True)
class Seat:
    """One node under torture: its home, its process, and the seen content of its logs."""

    member: str
    home: Path
    ports: list[int]
    exchange: LogBook
    operations: LogBook
    up: asyncio.Event = field(default_factory=asyncio.Event)
    child: Child | None = None
    kills: int = 0
    disk: Disk | None = None

    @property
    def listens(self) -> bool:
        """Tell whether the node listens on all its ports."""
        return all(map(listens, self.ports))

    async def serving(self) -> None:
        """Wait until it serves its counterparts and its own systems."""
        assert self.child
        async with asyncio.timeout(MOST_S):
            while not self.listens:
                assert self.child.alive, f"`{self.member}` ended with {await self.child.ended()} when it was started"
                await asyncio.sleep(0.005)
        assert self.child.alive, f"`{self.member}` ended with {await self.child.ended()} as soon as it listened"
        self.up.set()

    def __str__(self) -> str:
        state = self.child.state if self.child else "not started"
        output = self.output.read_text(encoding="utf-8")[-2000:] if self.output.exists() else ""
        return f"`{self.member}`, {state}, listens: {[listens(port) for port in self.ports]}, said: {output}"

    @property
    def output(self) -> Path:
        """The file of the process's output, beside its home."""
        return self.home.parent / f"{self.member}.txt"

    def look(self) -> None:
        """Read both logs."""
        self.exchange.look()
        self.operations.look()


class Torture:
    """Kills nodes, and checks them. `serve` is what their processes run.

    `story` tells in words what was done, to look into a failure.
    """

    def __init__(self, world: World, zygote: Zygote, seed: int, serve: str = SERVE) -> None:
        self.seed = seed
        self._serve = serve
        self.story: deque[str] = deque(maxlen=12)
        self._dice = random.Random(seed)
        self._world = world
        self._zygote = zygote
        self._gate = asyncio.Event()
        self.seats = {member: self._seat(member) for member in ("th", "vn")}
        key = world.federation["kh"].key("statement")
        self.counterpart = Counterpart(caller(world, "kh", "vn"), key, self.seats["vn"].up)
        self.desk = Desk(world.home("th"), f"127.0.0.1:{self.seats['th'].ports[1]}")
        self.notices = Notices({member: seat.home for member, seat in self.seats.items()})
        self.repeated = 0
        self.in_files: set[str] = set()
        """The files that a kill left half fetched."""

    def _seat(self, member: str) -> Seat:
        home, ports = self._world.home(member), [self._world.ports[member], free_port()]
        file = home / "node.toml"
        text = file.read_text(encoding="utf-8").replace("127.0.0.1:0", f"127.0.0.1:{ports[1]}")
        text += '[telemetry]\nlog_level = "warning"\n[attachments]\nscanner = "none"\nfree_mib = 0\n'
        file.write_text(text, encoding="utf-8")
        return Seat(member, home, ports, LogBook(home, member), LogBook(home, member, "operations"))

    # ------------------------------------------------------------ the story

    async def run(self, kills: int) -> None:
        """Kill `kills` times; after each, start again and check everything. Notices flow all the time."""
        self.notices.begin()
        await asyncio.gather(*(self._start(seat) for seat in self.seats.values()))
        async with self._working():
            while self.kills < kills:
                await self._kill()
                await self._check()
                self.notices.check()  # 8
            await self.notices.settle()
        await self.end()
        self.notices.compare({member: seat.exchange for member, seat in self.seats.items()})  # 9

    @property
    def kills(self) -> int:
        """The number of processes killed."""
        return sum(seat.kills for seat in self.seats.values())

    async def _kill(self) -> None:
        """Kill once: either node or both, under load, in a fetch of a file, or while the node starts after a kill."""
        dice = self._dice
        victims = [self.seats[name] for name in dice.choice(_VICTIMS)]
        delay, starting = dice.uniform(0.0, 0.1), dice.random() < 0.3
        moment = dice.uniform(0.0, 0.2)
        said = f"kill {self.kills}: {'+'.join(seat.member for seat in victims)} after {delay * 1000:.1f} ms of work"
        self.story.append(said + (f", again {moment * 1000:.1f} ms after its start" if starting else ""))
        self._gate.set()
        if self.notices.files is not None and dice.random() < _IN_A_FILE:
            await self.notices.files.comes(dice.choice(_VICTIMS)[0])
            delay /= 20
        await asyncio.sleep(delay)
        await self._strike(victims)
        self._gate.clear()
        if starting:
            await self._fork(victims[0])
            await asyncio.sleep(moment)
            await self._strike(victims[:1])
        await asyncio.gather(*(self._start(seat) for seat in victims))
        if "th" in (seat.member for seat in victims):
            self._check_abandoned()

    async def _strike(self, victims: list[Seat]) -> None:
        children = [seat.child for seat in victims if seat.child]
        for seat, child in zip(victims, children, strict=True):
            child.signal(signal.SIGKILL)
            seat.up.clear()
        for seat, child in zip(victims, children, strict=True):
            code = await child.ended()
            assert code == -signal.SIGKILL, f"`{seat.member}` ended by itself with {code}"
            seat.kills += 1
        if self.notices.files is not None:
            self.in_files |= set(self.notices.files.half_fetched())

    async def _fork(self, seat: Seat) -> None:
        disk = (seat.disk.file, seat.home) if seat.disk else None
        seat.child = await self._zygote.fork(self._serve, str(seat.home), output=seat.output, disk=disk)

    async def _start(self, seat: Seat) -> None:
        await self._fork(seat)
        await seat.serving()

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        numbers = itertools.count()
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(self.counterpart.work(self._gate, numbers))]
            asking += [tasks.create_task(self.desk.work(self._gate, numbers)) for _ in range(_OFFICERS)]
            yield
            for task in asking:
                task.cancel()

    async def end(self) -> None:
        """Stop both nodes in good order."""
        for seat in self.seats.values():
            assert seat.child
            seat.child.signal(signal.SIGTERM)
            assert await seat.child.ended(60) == 0, f"`{seat.member}` did not stop in good order"
            seat.look()
        self._check_answers()

    # ------------------------------------------------------------ what must be true

    async def _check(self) -> None:
        """Check the invariants, numbered as in the test that calls this."""
        for seat in self.seats.values():
            seat.look()  # 3, 4
        self._check_answers()  # 1, 2
        self.repeated += sum(await asyncio.gather(self.counterpart.again(), self.desk.again()))  # 5, 6

    def _check_abandoned(self) -> None:
        """Check 7: no question came since the start, so each has an answer, a silence, or was abandoned."""
        asking = self.seats["th"].exchange
        asking.look()
        asked = asking.asked - self.notices.sent("th")
        assert asked <= asking.ended, f"lost without a word: {sorted(asked - asking.ended)[:3]}"
        assert len(asked) <= len(self.desk.keys), "a search was executed twice"

    def _check_answers(self) -> None:
        """Check 1 and 2: all answers that came out stand in the logs of both sides."""
        answering, asking = self.seats["vn"].exchange, self.seats["th"].exchange
        answering.look()
        asking.look()
        counterpart, desk = self.counterpart, self.desk
        done, counterpart.unchecked = counterpart.unchecked, []
        for exchange_id, message in done:
            entry = parse_entry(message.entry)
            assert entry.kind == "answered", entry
            assert entry.exchange_id == exchange_id, f"{exchange_id} got the entry of {entry.exchange_id}"
            assert answering.bodies[entry.index] == message.entry, f"{exchange_id} was answered, and is not logged"
            answering.extends(message.proof.checkpoint)
        shown, desk.unchecked = desk.unchecked, []
        for line in (line for search in shown for line in search["lines"] if line["member"] == "vn"):
            if line["outcome"] == "silent":
                continue
            entry = asking.entries[line["entry"]]
            assert (entry.kind, entry.exchange_id) in (("received", line["exchange_id"]), ("late", line["exchange_id"]))
            assert line["refusal"] is None, line
            theirs = answering.answered[entry.exchange_id]
            assert (theirs.request_hash, theirs.answer_hash) == (entry.request_hash, entry.answer_hash)

    def explain(self, error: BaseException) -> None:
        """Add to an error what is needed to look into it."""
        told = "\n  ".join([*self.story, *map(str, self.seats.values())])
        error.add_note(f"seed {self.seed}; the last of what was done:\n  {told}")


def listens(port: int) -> bool:
    """Tell whether a process of this machine listens on the port."""
    with socket.socket() as probe:
        probe.bind(
            ("127.0.0.2", 0)
        )  # from another address: a probe of a free port could be given that port, and meet itself
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def tortured(folder: Path, kills: int, seed: int) -> Torture:
    """A new federation, and `kills` kills of its nodes."""
    world = impatient(sample_world(folder))
    async with Zygote() as zygote:
        torture = Torture(world, zygote, seed, SERVE_WITH_NOTICES)
        try:
            await torture.run(kills)
        except BaseException as error:
            torture.explain(error)
            raise
    return torture
