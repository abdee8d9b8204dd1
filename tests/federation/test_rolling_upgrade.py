"""Two machines of a node on one PostgreSQL are upgraded one after the other while officers ask: no question fails.

Both run the newest release, built from its commit (`docs/releases.toml`), and then a next version with one migration
more, which is made while both serve. `make rolling SEARCHES=5000` goes on until so many searches have ended.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.cli.main import run
from gateway.model.exchange import Outcome
from tests.federation.test_restarts import Officers, _check_entries
from tests.federation.test_several_processes import on_postgres
from tests.support.databases import server
from tests.support.exchange import sample_world, stopping
from tests.support.nodes import World
from tests.support.program_trees import Program, Serving, next_version, reference

pytestmark = pytest.mark.small_form

SEARCHES = int(os.environ.get("LIAISON_SEARCHES", "60"))
"""How many searches there are at least; each step is followed by a fifth of them."""

_STEPS = 5


class Machines:
    """The machines of a node: each has its program, and all of them one home and one database."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.serving: list[Serving] = []

    async def start(self, program: Program) -> None:
        self.serving.append(await asyncio.to_thread(program.serve, self._home))

    async def stop_first(self) -> None:
        await asyncio.to_thread(self.serving.pop(0).stop)


@contextmanager
def machines_of(home: Path) -> Iterator[Machines]:
    made = Machines(home)
    try:
        yield made
    finally:
        for serving in made.serving:
            serving.end()


def publish(world: World, program: Program, member: str) -> None:
    """Let a member say what this program reads, and hand it to all: tests found federations with this tree."""
    out = world.federation.folder / f"{member}.jsonl"
    authority = world.federation[member].authority
    program.run("trust", "publish", "--home", world.home(member), "--authority", authority, "--out", out)
    for other in world.ports:
        assert run(["trust", "accept", str(out), "--home", str(world.home(other))]) == 0


@pytest.mark.timeout(300 + SEARCHES)
async def test_a_rolling_upgrade_of_two_machines_fails_no_question(tmp_path: Path) -> None:
    server("postgresql")
    old, new = reference(tmp_path), next_version(tmp_path)
    world = sample_world(tmp_path, ("th", "vn"))
    home = on_postgres(world, "vn")
    publish(world, old, "vn")
    async with stopping(world):
        with machines_of(home) as machines:
            await machines.start(old)
            await machines.start(old)
            node = await world.start("th")
            officers = Officers(node)
            async with officers.asking():
                await officers.more(SEARCHES // _STEPS)
                checked = await asyncio.to_thread(new.run, "upgrade", "--check", "--home", home)
                assert (checked["needs_stop"], checked["ready"]) == (False, True), checked
                done = await asyncio.to_thread(new.run, "upgrade", "--run", "--home", home)
                assert done["backup"]["logs"]["verdict"] == "proved"
                await officers.more(SEARCHES // _STEPS)
                for _ in range(2):
                    await machines.stop_first()
                    await officers.more(SEARCHES // _STEPS)
                    await machines.start(new)
                    await officers.more(SEARCHES // _STEPS)
            print(f"{len(officers.lines)} searches, from {old.name} to {new.name}")
            assert Counter(line.outcome for line in officers.lines) == {Outcome.HIT: len(officers.lines)}
            _check_entries(node, home, officers.lines)
            for _ in range(2):
                await machines.stop_first()
    assert (await asyncio.to_thread(new.run, "audit", "verify", "--home", home))["verdict"] == "proved"
