"""Simulated nodes do what real ones do: the same scenarios on both leave equal entries, rows and pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from gateway.model.desk.notices import NoticeType
from gateway.model.desk.threads import ThreadKind
from tests.support.link import Link, linked
from tests.support.matters import see, visitor, with_consoles
from tests.support.memory_wire import Wire
from tests.support.nodes import World, running
from tests.support.scenarios import FAULTS, SCENARIOS, Faults
from tests.support.second_step import step_world
from tests.support.simulator import Simulation, simulated
from tests.support.traces import Beginning, differences
from tests.support.waiting import MEANWHILE, until

pytestmark = pytest.mark.process

_LOOK_S = 0.05
"""Seconds between two looks at what real nodes have written, which do their rounds by the clock."""

LISTS = {
    ThreadKind.ALERT: "/alerts",
    ThreadKind.WATCH: "/watches",
    ThreadKind.REPORT: "/reports",
    ThreadKind.ROOM: "/operations",
    ThreadKind.SERVICE: "/incidents",
    ThreadKind.CHANGE: "/holders",
}
"""Where the console lists the threads of a kind."""

WHO = {"th": ("th.o.1042", "th.o.s1"), "vn": ("vn.o.d7", "vn.o.n1", "vn.o.s1")}
"""Who looks at the pages that a scenario has changed."""


@dataclass(slots=True)
class Twins:
    """Two worlds that were made alike: one of real nodes, one of simulated ones."""

    real: World
    simulated: Simulation
    stack: AsyncExitStack
    tcp: Faults
    memory: Faults
    visitors: dict[tuple[str, str], httpx2.AsyncClient] = field(default_factory=dict)

    async def run(self, scenario: Callable[[World], Awaitable[None]]) -> list[Beginning]:
        """Run a scenario in both, until both are at rest and have left the same; return where each began."""
        begun = [Beginning(world) for world in (self.real, self.simulated)]
        with _made_by_themselves(self.simulated):
            await scenario(self.real)
        await scenario(self.simulated)
        compared: Any = None
        told = "they do not come to rest"

        def look() -> bool:
            nonlocal compared, told
            written = [each.written() for each in begun]
            if compared == written:  # comparing takes far longer than to see that nothing was written since
                return False
            if not all(each.rests() for each in begun):
                return False
            compared = written
            told = _differences(begun)
            return not told

        async def are_alike() -> bool:
            if await asyncio.to_thread(look):
                return True
            await self.simulated.turn()
            await asyncio.sleep(_LOOK_S)
            return False

        with _made_by_themselves(self.simulated), suppress(AssertionError):
            await until(are_alike, "both have left the same")
        _alike(told)
        return begun

    async def pages(self, begun: Beginning) -> list[str]:
        """Show what people see of changed rows: their work, the lists of these threads, and the threads themselves."""
        found, rows = [], begun.rows()
        for member, people in WHO.items():
            threads = [row for row in rows if row["of"] == member and row["table"] == "thread"]
            paths = {f"/threads/{row['key'].peer}/{row['key'].thread_id}" for row in threads}
            paths |= {LISTS[row["kind"]] for row in threads if row["kind"] in LISTS}
            for person in people:
                client = await self._visitor(begun.world, person)
                for path in ("/desk", *sorted(paths)):
                    answer = await see(client, path)
                    shown = _shown(answer)
                    if path == LISTS[ThreadKind.CHANGE]:  # in the order of ids, which are by chance
                        items = re.split('<li class="quiet">|</ul> </main>', shown)
                        shown = "".join(sorted(items, key=lambda item: re.sub("[0-9a-f]{16,}", "", item)))
                    found.append(f"{person} {path} {answer.status_code} {shown}")
        return found

    async def _visitor(self, world: World, person: str) -> httpx2.AsyncClient:
        kind = type(world).__name__
        if (kind, person) not in self.visitors:
            self.visitors[kind, person] = await self.stack.enter_async_context(visitor(world, person))
        return self.visitors[kind, person]


def _alike(told: str) -> None:
    if told:
        pytest.fail(f"- real nodes\n+ simulated ones\n{told}", pytrace=False)


def _differences(begun: list[Beginning]) -> str:
    """How what two worlds have left differs."""
    told = (differences(*(each.lines(what(each)) for each in begun)) for what in (Beginning.entries, Beginning.rows))
    return "\n".join(filter(None, told))


@contextmanager
def _made_by_themselves(world: Simulation) -> Iterator[None]:
    """Let simulated nodes rest while others are waited for."""
    MEANWHILE.remove(world.turn)
    try:
        yield
    finally:
        MEANWHILE.append(world.turn)


_DIFFERS = re.compile(
    r'name="form" value="[^"]*"|localhost:\d+|nonce="[^"]*"|exchange/1 \d+|\d{1,2}:\d\d(:\d\d)?|\d+ (min|s)\b'
    r"|\d{4}-\d\d-\d\d|\w+day, \d+ \w+ \d{4}|in \d+ (hour|minute|day)s?"
)


def _shown(answer: httpx2.Response) -> str:
    """A page without what differs from one moment to the next."""
    return _DIFFERS.sub("<>", " ".join((answer.headers.get("location", "") + answer.text).split()))


@dataclass(frozen=True, slots=True)
class _Tcp:
    """The link between the real nodes."""

    link: Link

    def cut(self) -> None:
        self.link.lose()
        self.link.cut()

    def mend(self) -> None:
        self.link.restore()


@dataclass(frozen=True, slots=True)
class _Memory:
    """The wire between the simulated ones."""

    wire: Wire

    def cut(self) -> None:
        self.wire.cut("th", "vn")

    def mend(self) -> None:
        self.wire.mend()


def _made(folder: Path) -> World:
    """Two homes with consoles. Their own questions raise no work: which are picked for a review is by chance."""
    folder.mkdir()
    made = with_consoles(step_world(folder))
    for member in made.ports:
        with (made.home(member) / "node.toml").open("a", encoding="utf-8") as settings:
            settings.write("[oversight]\nreview_percent = 0\n")
        rules = made.home(member) / "oversight" / "rules.toml"
        rules.parent.mkdir(exist_ok=True)
        rules.write_text("[rule.same-target]\noff = true\n", encoding="utf-8")
    return made


@asynccontextmanager
async def twins(folder: Path) -> AsyncIterator[Twins]:
    """Run both worlds, each in a folder of its own."""
    real, other = _made(folder / "real"), _made(folder / "simulated")
    async with (
        linked(real, "vn") as link,
        running(real, ("th", "vn")),
        simulated(other, is_open=True) as simulation,
        AsyncExitStack() as stack,
    ):
        yield Twins(real, simulation, stack, _Tcp(link), _Memory(simulation.wire))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def worlds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Twins]:
    async with twins(tmp_path_factory.mktemp("twins")) as made:
        yield made


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", SCENARIOS)
async def test_a_scenario_leaves_the_same_on_real_and_on_simulated_nodes(worlds: Twins, name: str) -> None:
    scenario = SCENARIOS[name]
    begun = await worlds.run(scenario.run)
    for each in begun:
        written = [row for row in each.rows() if row["table"] == "notice" and row["time_us"] >= each.now_us]
        assert {row["placed"].type for row in written} == scenario.notices
    _alike(differences(*[await worlds.pages(each) for each in begun]))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def faulty_worlds(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Twins]:
    async with twins(tmp_path_factory.mktemp("faulty")) as made:
        yield made


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_leaves_the_same_on_real_and_on_simulated_nodes(faulty_worlds: Twins, name: str) -> None:
    made = faulty_worlds
    begun = await made.run(lambda world: FAULTS[name](world, made.tcp if world is made.real else made.memory))
    assert any(row["table"] == "notice" for row in begun[0].rows())


def test_each_type_of_notice_occurs() -> None:
    assert frozenset().union(*(each.notices for each in SCENARIOS.values())) == frozenset(NoticeType)
