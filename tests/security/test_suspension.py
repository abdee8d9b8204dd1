"""The off-switch on running streams: the next request is answered `suspended` within five seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.config.home import Home
from gateway.model.exchange import Outcome
from gateway.model.search import Line
from tests.support.acts import switch_off, switch_on
from tests.support.exchange import VN, command, entries, kinds, lines, sample_world, stopping
from tests.support.forger import eventually, eventually_async
from tests.support.nodes import World, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("suspension"), ("th", "vn"))
    async with stopping(made):
        for member in ("th", "vn"):
            await made.start(member)
        yield made


async def ask(world: World) -> Line:
    line: Line = lines(await world.nodes["th"].asking.searches.start(officer("th"), command()))[VN]
    return line


async def until(world: World, outcome: Outcome) -> Line:
    """Ask until the outcome is there, five seconds at most."""
    found: list[Line] = []

    async def asked() -> bool:
        found.append(await ask(world))
        return found[-1].outcome is outcome

    await eventually_async(asked)
    return found[-1]


def written(world: World, member: str, kind: str, target: str) -> bool:
    return any(
        item.entry.kind == kind and item.private["target"] == target
        for item in entries(world.nodes[member], "operations")
    )


@pytest.mark.parametrize("target", ["peer:th", "source:vn.immigration.border", "agency:immigration", "all"])
async def test_j9_a_switch_bites_on_a_running_stream_and_has_an_entry(world: World, target: str) -> None:
    home, vn = Home(world.home("vn")), world.nodes["vn"]
    await until(world, Outcome.HIT)
    switch_off(home, target, "trial of the switch")
    line = await until(world, Outcome.SUSPENDED)
    assert not line.hits
    assert line.refusal
    assert line.refusal.text == "", "the reason stays at home"
    assert kinds(vn, line.exchange_id) == ["refused"]
    _, _, name = target.partition(":")
    await eventually(lambda: written(world, "vn", "suspend", name))
    await switch_on(home, target, "over")
    await until(world, Outcome.HIT)
    await eventually(lambda: written(world, "vn", "resume", name))


async def test_a_counterpart_that_we_suspended_is_not_asked_and_raises_no_alarm(world: World) -> None:
    home, th, vn = Home(world.home("th")), world.nodes["th"], world.nodes["vn"]
    await until(world, Outcome.HIT)
    switch_off(home, "peer:vn", "trial of the switch")
    await until(world, Outcome.SUSPENDED)
    before = len(entries(vn))
    assert (await ask(world)).outcome is Outcome.SUSPENDED
    await th.asking.acknowledger.round()
    assert len(entries(vn)) == before
    assert not [item for item in entries(th, "operations") if item.entry.kind == "alarm"]
    await switch_on(home, "all", "over")
    await until(world, Outcome.HIT)


async def test_a_file_of_switches_that_cannot_be_understood_suspends_everything(world: World) -> None:
    home = Home(world.home("vn"))
    good = home.suspensions.read_bytes() if home.suspensions.exists() else b""
    home.suspensions.write_bytes(good + b"{half a li\n")
    await until(world, Outcome.SUSPENDED)
    home.suspensions.write_bytes(good)
    await until(world, Outcome.HIT)
