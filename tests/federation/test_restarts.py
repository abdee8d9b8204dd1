"""Processes of a counterpart are restarted one after the other, or killed, while officers ask: nobody is silent.

`make restarts SEARCHES=5000` goes on until so many searches have come to their ends.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app.run import serve as serving
from gateway.app.run.node import Node
from gateway.host.ending import BROKEN, end_within
from gateway.model.exchange import Outcome
from gateway.model.search import Line
from tests.federation.test_several_processes import on_postgres, parsed, serve
from tests.support.databases import new_postgres, server
from tests.support.exchange import VN, command, entries, lines, sample_world, stopping
from tests.support.nodes import World, impatient, officer
from tests.support.processes import SERVE
from tests.support.waiting import until
from tests.support.zygote import Child, Zygote

AT_ONCE = 4
SEARCHES = int(os.environ.get("LIAISON_SEARCHES", "80"))
"""How many searches the long run has at least; each restart is followed by 20 of them or more."""

HOW = ((0, signal.SIGTERM), (1, signal.SIGTERM), (0, signal.SIGKILL))
BETWEEN = 20


@pytest.fixture
def own_world(tmp_path: Path) -> World:
    server("postgresql")
    return impatient(sample_world(tmp_path, ("th", "vn")))


@pytest_asyncio.fixture
async def zygote() -> AsyncIterator[Zygote]:
    async with Zygote() as made:
        yield made


class Officers:
    """Officers who ask one question after the other until they are told to stop."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._over = False
        self.lines: list[Line] = []

    async def ask(self) -> None:
        """Ask until the end."""
        while not self._over:
            found = await self._node.asking.searches.start(officer("th"), command())
            self.lines.append(lines(found)[VN])

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Let several officers ask in the block; their last questions come to their ends."""
        self._over = False
        tasks = [asyncio.create_task(self.ask()) for _ in range(AT_ONCE)]
        try:
            yield
        finally:
            self._over = True
            await asyncio.gather(*tasks)

    async def more(self, count: int) -> None:
        """Wait for so many further answers."""
        wanted = len(self.lines) + count
        async with asyncio.timeout(60):
            while len(self.lines) < wanted:
                await asyncio.sleep(0.02)


async def restarted(zygote: Zygote, home: Path, child: Child, number: signal.Signals) -> Child:
    child.signal(number)
    await child.ended()
    return await serve(zygote, home)


@pytest.mark.small_form
@pytest.mark.timeout(300 + SEARCHES)
@pytest.mark.asyncio
async def test_a_rolling_restart_and_a_kill_of_one_process_make_no_counterpart_silent(
    own_world: World, zygote: Zygote
) -> None:
    home = on_postgres(own_world, "vn")
    async with stopping(own_world):
        node = await own_world.start("th")
        children = [await serve(zygote, home), await serve(zygote, home)]
        officers = Officers(node)
        restarts: Counter[str] = Counter()
        async with officers.asking():
            for place, how in itertools.cycle(HOW):
                await officers.more(BETWEEN)
                if restarts.total() >= len(HOW) and len(officers.lines) >= SEARCHES:
                    break
                children[place] = await restarted(zygote, home, children[place], how)
                restarts[how.name] += 1
        print(f"{len(officers.lines)} searches, {dict(restarts)}")
        assert Counter(line.outcome for line in officers.lines) == {Outcome.HIT: len(officers.lines)}
        _check_entries(node, home, officers.lines)
        for child in children:
            child.signal(signal.SIGTERM)
            assert await child.ended() == 0


def serve_impatiently(home: str) -> int:
    """Run in a process of its own: a node whose stop may take two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "end_within", partial(end_within, seconds=2.0))
        return serving.serve(Path(home), production=False)


def serve_under_a_manager(home: str) -> int:
    """Run in a process of its own: a node that a service manager has started."""
    os.environ["NOTIFY_SOCKET"] = str(Path(home) / "notify")
    return serving.serve(Path(home), production=False)


@pytest.mark.asyncio
async def test_n280_a_stop_ends_though_the_database_hangs_and_a_start_waits_until_it_is_back_and_nothing_is_lost(
    own_world: World, zygote: Zygote
) -> None:
    postgres = new_postgres()
    postgres.fresh_database("hangs")
    home = on_postgres(own_world, "vn", postgres.url("hangs"))
    async with stopping(own_world):
        node = await own_world.start("th")
        child = await serve(zygote, home, "tests.federation.test_restarts:serve_impatiently")
        officers = Officers(node)
        async with officers.asking():
            await officers.more(5)
            with postgres.frozen():
                child.signal(signal.SIGTERM)
                assert await child.ended(30) == BROKEN
        postgres.stop()
        refused = await zygote.fork(SERVE, str(home))
        assert await refused.ended() == 1
        output = home.parent / "waits.log"
        child = await zygote.fork("tests.federation.test_restarts:serve_under_a_manager", str(home), output=output)
        await until(lambda: "storage.awaited" in said(output), "the start waits for the database")
        assert child.alive
        await asyncio.to_thread(postgres.start)
        await until(lambda: "node.started" in said(output), "the node serves")
        async with officers.asking():
            await officers.more(5)
        _check_entries(node, home, [line for line in officers.lines if line.outcome is Outcome.HIT])
        child.signal(signal.SIGTERM)
        assert await child.ended() == 0
    postgres.kill()


def said(output: Path) -> str:
    return output.read_text() if output.exists() else ""


def _check_entries(node: Node, home: Path, found: list[Line]) -> None:
    """One question and one answer in the asker's log, one answer in the other one, for each exchange."""
    ours = Counter((each.entry.exchange_id, each.entry.kind) for each in entries(node))
    theirs = Counter((entry.exchange_id, entry.kind) for entry in parsed(home))
    for line in found:
        assert (ours[line.exchange_id, "asked"], ours[line.exchange_id, "received"]) == (1, 1)
        assert theirs[line.exchange_id, "answered"] == 1
