"""The health of a node tells the truth: of storage that hangs, a jump of the clock, a disk without room."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.app.health import COMMIT_S
from gateway.app.node import Node
from gateway.clock import ManualClock, SystemClock
from gateway.config.home import Home
from gateway.rpc import methods
from tests.support.acts import switch_off, switch_on
from tests.support.exchange import caller, sample_world, stopping
from tests.support.forger import eventually
from tests.support.nodes import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("health"), ("th", "vn"))
    async with stopping(made):
        await made.start("vn")
        yield made


def codes(node: Node) -> list[str]:
    return [problem.code for problem in node.health.problems()]


async def serving(world: World) -> bool:
    """Return what a counterpart is told."""
    data = await caller(world).call(methods.HEALTH_CHECK.path, b"")
    return methods.HEALTH_CHECK.answer.read(data)


@contextmanager
def hanging(node: Node) -> Iterator[None]:
    """A commit of the node that does not end until the block does."""
    began, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        with node.resources.database.write("hang"):
            began.set()
            go_on.wait(60)

    thread = threading.Thread(target=hang)
    thread.start()
    try:
        assert began.wait(20)
        yield
    finally:
        go_on.set()
        thread.join()


async def test_a_node_that_can_work_is_ready(world: World) -> None:
    assert codes(world.nodes["vn"]) == []
    assert await serving(world)
    assert world.nodes["vn"]._report() | {"sources": {}} == {
        "status": "ok",
        "member": "vn",
        "sources": {},
        "problems": [],
    }


async def test_a_commit_that_hangs_shows_within_seconds_and_health_does_not_wait_for_it(world: World) -> None:
    node = world.nodes["vn"]
    with hanging(node):
        assert node.resources.database.hangs_s() < COMMIT_S or codes(node) == ["commits-hang"]
        async with asyncio.timeout(30):
            while await serving(world):
                await asyncio.sleep(0.05)
        assert codes(node) == ["commits-hang"]
        assert node._report()["problems"][0]["remedy"]
    await eventually(lambda: codes(node) == [])
    assert await serving(world)


async def test_commits_are_tried_while_nothing_else_is_written(world: World) -> None:
    """So that a disk that hangs shows in a night without questions."""
    node = world.nodes["vn"]
    size = node.resources.exchange_log.size
    made = 0
    probe = node.resources.database.probe

    def counted() -> None:
        nonlocal made
        made += 1
        probe()

    node.resources.database.probe = counted  # type: ignore[method-assign]
    await eventually(lambda: made >= 2)
    del node.resources.database.probe
    assert node.resources.exchange_log.size == size


async def test_a_clock_that_jumped_is_no_time_to_serve(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    node = world.nodes["vn"]
    clock = ManualClock(SystemClock().now())
    monkeypatch.setattr(node.health._resources, "clock", clock)
    assert codes(node) == []
    clock.jump(timedelta(seconds=90))
    assert codes(node) == ["time-uncertain"]
    assert not await serving(world)


async def test_a_status_out_of_its_time_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    node = world.nodes["vn"]
    monkeypatch.setattr(node.health._resources, "clock", ManualClock(SystemClock().now() + timedelta(days=400)))
    assert len(codes(node)) == 1
    assert not await serving(world)


async def test_a_disk_without_room_is_told_and_questions_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = world.nodes["vn"]
    log = Path(node.resources.reserve._log)
    monkeypatch.setattr(node.resources.reserve, "_log", str(log.with_name("long")))
    with log.with_name("long").open("wb") as file:
        file.truncate(1 << 43)
    await eventually(lambda: codes(node) == ["disk-reserve"])
    assert not await serving(world)
    log.with_name("long").unlink()
    await eventually(lambda: codes(node) == [])


async def test_everything_switched_off_is_told(world: World) -> None:
    node = world.nodes["vn"]
    switch_off(Home(world.home("vn")), "all", "trial")
    await eventually(lambda: codes(node) == ["suspended"])
    assert not await serving(world)
    await switch_on(Home(world.home("vn")), "all", "trial")
    await eventually(lambda: codes(node) == [])


async def test_the_machine_is_measured(world: World) -> None:
    gauges: dict[str, Any] = {
        str(gauge): read() for gauge, read in world.nodes["vn"].resources.counters.gauges().items()
    }
    assert gauges["liaison_ready"] == {(): 1.0}
    assert gauges["liaison_descriptors_free"][()] > 0
    assert all(free > 0 for free in gauges["liaison_disk_free_bytes"].values())
    assert gauges["liaison_commit_pending_seconds"][()] < COMMIT_S
