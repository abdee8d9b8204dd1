"""Strangers use up the descriptors of a node: it answers or refuses, never ends, and goes on when they are gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.app.run.source import Process
from gateway.clock import ManualClock
from gateway.config.source_home import load_source
from gateway.errors import Unavailable
from gateway.rpc import methods
from tests.federation.test_crashes import Load, assert_kept
from tests.support.audit_logs import NOON, LogHome, answered
from tests.support.exchange import Caller, caller, sample_world
from tests.support.nodes import World
from tests.support.processes import NodeProcess
from tests.support.source_process import knock, remote_world

pytestmark = pytest.mark.timeout(300)

FEW = "tests.support.zygote:serve_with_few_descriptors"
STRANGERS = 1_100
BACK_S = 30.0


@pytest.fixture
def own_world(tmp_path: Path) -> World:
    return sample_world(tmp_path, ("th", "vn"))


@contextmanager
def strangers(port: int, count: int = STRANGERS) -> Iterator[list[socket.socket]]:
    """Connections that say nothing."""
    lines: list[socket.socket] = []
    try:
        for _ in range(count):
            lines.append(socket.socket())
            lines[-1].setblocking(False)
            lines[-1].connect_ex(("127.0.0.1", port))
        yield lines
    finally:
        for line in lines:
            line.close()


async def until_answered(load: Load, client: Caller) -> None:
    """Ask on new connections until one is answered."""
    async with asyncio.timeout(BACK_S):
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                async with client.channel() as channel:
                    await load.submit(channel, load.envelope(len(load.sent)))
                    return
            await asyncio.sleep(0.05)


async def answered_or_refused(load: Load, channel: Any) -> bool:
    try:
        await load.submit(channel, load.envelope(len(load.sent)))
    except grpc.aio.AioRpcError as error:
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED), error  # noqa: PT017
        return False
    return True


@asynccontextmanager
async def exhausted(pid: int) -> AsyncIterator[None]:
    """The process can open nothing more until the block ends."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


async def test_silent_connections_of_strangers_neither_end_a_node_nor_lock_others_out(own_world: World) -> None:
    home, client, load = own_world.home("vn"), caller(own_world), Load(own_world)
    async with NodeProcess(home, own_world.ports["vn"], FEW) as process:
        async with client.channel() as channel:
            await load.submit(channel, load.envelope(0))
            with strangers(own_world.ports["vn"]):
                assert await answered_or_refused(load, channel), "the connection was there before"
                open_now = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
                assert open_now < 1024 - 128, "descriptors are kept for what is not a caller"
                await until_answered(load, client)
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    assert_kept(home, load)


async def test_a_restart_among_strangers_is_not_ended_again(own_world: World) -> None:
    home, client, load = own_world.home("vn"), caller(own_world), Load(own_world)
    for _ in range(2):
        async with NodeProcess(home, own_world.ports["vn"], FEW) as process:
            with strangers(own_world.ports["vn"]):
                await until_answered(load, client)
                process.signal(signal.SIGKILL)
                await process.ended()
    assert_kept(home, load)


async def test_a_node_that_just_started_goes_on_without_a_single_descriptor(own_world: World) -> None:
    """More commits than lie between two moves of SQLite's log, the first of them without a descriptor."""
    home, client, load = own_world.home("vn"), caller(own_world), Load(own_world)
    async with NodeProcess(home, own_world.ports["vn"]) as process, client.channel() as channel:
        await channel.channel_ready()
        await agency_port(process.pid, own_world.ports["vn"])  # the last thing that a start opens
        async with exhausted(process.pid):
            for _ in range(60):
                await answered_or_refused(load, channel)
            await asyncio.sleep(2.5)  # all rounds have run in vain
            await answered_or_refused(load, channel)
        await until_answered(load, client)
        async with asyncio.timeout(BACK_S):
            while not await answered_or_refused(load, channel):
                await asyncio.sleep(0.05)
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    assert_kept(home, load)


async def test_strangers_at_the_port_of_our_own_systems_do_not_end_a_node(own_world: World) -> None:
    home, client, load = own_world.home("vn"), caller(own_world), Load(own_world)
    async with NodeProcess(home, own_world.ports["vn"], FEW) as process, client.channel() as channel:
        await channel.channel_ready()
        with strangers(await agency_port(process.pid, own_world.ports["vn"])):
            for _ in range(40):
                await answered_or_refused(load, channel)
        async with asyncio.timeout(BACK_S):
            while not await answered_or_refused(load, channel):
                await asyncio.sleep(0.05)
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    assert_kept(home, load)


def test_a_source_without_room_refuses_its_node_without_an_entry_and_goes_on_with_room(tmp_path: Path) -> None:
    remote = remote_world(tmp_path)
    process = Process(load_source(remote.home))
    process.start()
    try:
        process._reserve._log = str(tmp_path / "long")
        with (tmp_path / "long").open("wb") as file:
            file.truncate(1 << 43)  # a write-ahead log, by its length, for which no disk has room
        assert process.look() == "STATUS=not ready: disk-reserve"
        size = process.journal.size
        for _ in range(5):
            said = knock(remote).said(methods.DESCRIBE.path, b"")
            assert said == (grpc.StatusCode.UNAVAILABLE, "disk-reserve")
        assert process.journal.size == size
        (tmp_path / "long").unlink()
        assert process.look() == "STATUS=ready"
        assert knock(remote).call(methods.DESCRIBE.path, b"")
    finally:
        process.stop()


async def agency_port(pid: int, exchange: int) -> int:
    """Wait until the process listens at a second TCP port, and return that."""
    async with asyncio.timeout(BACK_S):
        while not (ports := listening(pid) - {exchange}):
            await asyncio.sleep(0.02)
    return ports.pop()


def listening(pid: int) -> set[int]:
    """The TCP ports on which a process listens."""
    inodes = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            inodes.add(str(file.readlink()).removeprefix("socket:[").rstrip("]"))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in inodes}


@pytest.mark.parametrize("spare", range(4))
def test_the_first_entry_of_a_month_waits_for_descriptors_and_costs_nothing(tmp_path: Path, spare: int) -> None:
    """A new month needs a new key, whose file is made with a few descriptors, one after the other."""
    home = LogHome(tmp_path / "home")
    home.clock = clock = ManualClock(NOON)
    with home.log() as log:
        log.append([answered()])
        clock.advance(timedelta(days=31))
        with only_spare(spare):
            with contextlib.suppress(Unavailable):
                log.append([answered()])
            refused = log.size == 1
        log.append([answered()])
        assert log.size == 3 - refused
    with home.log() as log:  # and nothing of it is in the way of a start
        assert log.size == 3 - refused
    assert refused == (spare < 2)


@contextmanager
def only_spare(count: int) -> Iterator[None]:
    """This process can open `count` descriptors and no more until the block ends."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.dup(0) for _ in range(count + 16)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, before[1]))
    with contextlib.suppress(OSError):
        while True:
            held.append(os.dup(0))
    for _ in range(count):
        os.close(held.pop())
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for each in held:
            os.close(each)
