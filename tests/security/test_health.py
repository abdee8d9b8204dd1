"""The health of a node tells the truth: of storage that hangs, a jump of the clock, a disk without room."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from certs.names import tls_name
from gateway.app.run.node import Node
from gateway.app.run.serve import tell_state
from gateway.clock import ManualClock, SystemClock
from gateway.config.home import Home
from gateway.host.service_manager import ServiceManager
from gateway.rpc import methods
from tests.support.acts import switch_off, switch_on
from tests.support.exchange import caller, sample_world, stopping
from tests.support.forger import eventually
from tests.support.nodes import World
from tests.support.waiting import MOST_S

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
    await eventually(lambda: codes(world.nodes["vn"]) == [])
    assert world.nodes["vn"].health.report() | {"sources": {}} == {
        "status": "ok",
        "member": "vn",
        "sources": {},
        "problems": [],
    }


async def test_a_commit_that_hangs_shows_within_seconds_and_health_does_not_wait_for_it(world: World) -> None:
    node = world.nodes["vn"]
    with hanging(node):
        async with asyncio.timeout(30):
            while await serving(world):
                await asyncio.sleep(0.05)
        assert codes(node) == ["commits-hang"]
        assert node.health.report()["problems"][0]["remedy"]
    await eventually(lambda: codes(node) == [])


@asynccontextmanager
async def own_system(world: World, *, known: bool = True) -> AsyncIterator[httpx2.AsyncClient]:
    """A system of the node's own country, or a stranger without a certificate."""
    home, node = Home(world.home("vn")), world.nodes["vn"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(home.ca)
    if known:
        context.load_cert_chain(home.certificate("client-cli"), home.key("client-cli"))
    url = f"https://{node.addresses['agency']}"
    async with httpx2.AsyncClient(base_url=url, verify=context, trust_env=False, timeout=MOST_S) as client:
        yield client


async def test_our_own_systems_are_told_why_and_strangers_nothing(world: World) -> None:
    node = world.nodes["vn"]
    name = {"sni_hostname": tls_name("vn", world.federation["vn"].name)}
    async with own_system(world) as client:
        with hanging(node):
            async with asyncio.timeout(30):
                while (ready := await client.get("/v1/health/ready", extensions=name)).status_code == 200:
                    await asyncio.sleep(0.05)
            assert (ready.status_code, ready.json()["status"]) == (503, "not-ready")
            assert [problem["code"] for problem in ready.json()["problems"]] == ["commits-hang"]
            whole = await client.get("/v1/health", extensions=name)
            assert (whole.status_code, whole.json()["status"]) == (503, "not-ready")
            assert (await client.get("/v1/health/live", extensions=name)).status_code == 200, "its loop turns"
        async with asyncio.timeout(30):
            while (ready := await client.get("/v1/health/ready", extensions=name)).status_code != 200:
                await asyncio.sleep(0.05)
        assert ready.json() == {"status": "ok", "problems": []}
    async with own_system(world, known=False) as stranger:
        for path in ("/v1/health", "/v1/health/ready", "/v1/health/live"):
            with pytest.raises(httpx2.TransportError):
                await stranger.get(path, extensions=name)


async def test_the_service_manager_is_told_while_the_loop_turns(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = world.nodes["vn"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with closing(ServiceManager()) as manager:
            telling = asyncio.create_task(tell_state(manager, node.health))
            assert await asyncio.to_thread(bound.recv, 500) == b"WATCHDOG=1\nSTATUS=ready"
            with hanging(node):
                async with asyncio.timeout(30):
                    while b"commits-hang" not in await asyncio.to_thread(bound.recv, 500):
                        pass
            telling.cancel()
    await eventually(lambda: codes(node) == [])


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
    assert "time-uncertain" not in codes(node)
    clock.jump(timedelta(seconds=90))
    assert "time-uncertain" in codes(node)
    assert not await serving(world)


async def test_a_status_out_of_its_time_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    node = world.nodes["vn"]
    monkeypatch.setattr(node.health._resources, "clock", ManualClock(SystemClock().now() + timedelta(days=60)))
    assert "status-expired" in codes(node)
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
    assert gauges["liaison_ready"].keys() == {()}
    assert gauges["liaison_descriptors_free"][()] > 0
    assert all(free > 0 for free in gauges["liaison_disk_free_bytes"].values())
    assert gauges["liaison_commit_pending_seconds"][()] >= 0
