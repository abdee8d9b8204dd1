"""Storage that is full, locked, read-only, or gone and back, under running nodes (CASE-H3 to CASE-H7, on SQLite)."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.audit.entries.entry import parse_entry
from gateway.ops.acts.unwitnessed_start import waive_start
from tests.federation.test_crashes import Load, assert_answered_again, assert_kept, parsed, stored
from tests.support.cli import Liaison
from tests.support.exchange import caller, sample_world
from tests.support.nodes import World
from tests.support.persons import person_key
from tests.support.processes import NodeProcess

pytestmark = pytest.mark.timeout(600)

_STORAGE = 70
_MIB = 1 << 20


@contextmanager
def small_disk(folder: Path, room: int = _MIB) -> Iterator[None]:
    """A file system of its own for what is in `folder`, with `room` bytes to spare. Skips where none can be mounted."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    used = sum(-(-file.stat().st_size // 4096) * 4096 for file in aside.rglob("*")) + 256 * 1024
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={used + room}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here, so a full one is NOT tested: {mounted.stderr.strip()}")
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    """Change the file system of `folder` while it is in use."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@asynccontextmanager
async def serving(world: World, member: str = "vn") -> AsyncIterator[NodeProcess]:
    async with NodeProcess(world.home(member), world.ports[member]) as process:
        yield process


async def stopped(process: NodeProcess) -> None:
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0


@pytest.fixture
def own_world(tmp_path: Path) -> World:
    return sample_world(tmp_path, ("th", "vn"))


async def test_h3_on_a_disk_with_a_mebibyte_left_a_node_ends_reads_go_on_and_space_brings_it_back(
    own_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, client, load, liaison = own_world.home("vn"), caller(own_world), Load(own_world), Liaison(capsys)
    async with serving(own_world) as process:  # its indexes are built
        await stopped(process)
    with small_disk(home):
        reserve_nothing(home)
        waive(home)
        async with serving(own_world) as process, load.running(client):
            assert await process.ended() == _STORAGE
        assert load.answers, "it was full from the beginning"
        assert_kept(home, load)
        verified = liaison("audit", "verify", "--home", home)
        assert verified.code == 0, verified.out + verified.err
        there = liaison("audit", "export", "--home", home, "--out", home / "export")
        assert there.code == 1, there.out + there.err
        assert "No space left" in there.err
        assert (
            liaison("audit", "verify", "--export", home / "export", "--charter", tmp_path / "charter.jsonl").code != 0
        )
        shutil.rmtree(home / "export", ignore_errors=True)
        elsewhere = liaison("audit", "export", "--home", home, "--out", tmp_path / "export")
        assert elsewhere.code == 0, elsewhere.err
        remount(home, f"size={64 * _MIB}")
        async with serving(own_world) as process:
            await assert_answered_again(client, load)
            await stopped(process)
        assert_kept(home, load)
        verified = liaison("audit", "verify", "--home", home)
        assert verified.code == 0, verified.out + verified.err


def waive(home: Path) -> None:
    """Let the node start once without a witness, and wait for none."""
    with (home / "node.toml").open("a") as file:
        file.write("[witness]\nwait_s = 0\n")
    waive_start(home, "the home is on another disk, and no witness serves", [person_key(home, "adm")])


def reserve_nothing(home: Path) -> None:
    """Let the node use the last block of its disk."""
    settings = home / "node.toml"
    settings.write_text(settings.read_text().replace("[limits]", "[storage]\nreserve_mib = 0\n[limits]"))


async def test_h3_above_its_reserve_a_node_refuses_and_lives_on_a_disk_that_gets_full(
    own_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """It refuses before the disk is full, ends nothing, and answers again as soon as there is room."""
    home, client, load, liaison = own_world.home("vn"), caller(own_world), Load(own_world), Liaison(capsys)
    async with serving(own_world) as process:  # its indexes are built
        await stopped(process)
    with small_disk(home, 24 * _MIB):
        waive(home)
        async with serving(own_world) as process, client.channel() as channel:
            await load.submit(channel, load.envelope(0))
            filling = home / "filling"
            with filling.open("wb") as file:
                file.write(bytes(shutil.disk_usage(home).free - 3 * _MIB))
            async with asyncio.timeout(60):
                refused = None
                while refused is None:
                    refused = await refusal_of(load, channel)
            assert (refused.code(), refused.details()) == (grpc.StatusCode.UNAVAILABLE, "disk-reserve")
            before = shutil.disk_usage(home).free
            for _ in range(300):
                assert await refusal_of(load, channel) is not None
            assert before - shutil.disk_usage(home).free < _MIB, "a refusal for want of room takes none"
            verified = await asyncio.to_thread(liaison, "audit", "verify", "--home", home)
            assert verified.code == 0, verified.out + verified.err
            assert_kept(home, load)
            filling.unlink()
            async with asyncio.timeout(30):
                while await refusal_of(load, channel) is not None:
                    await asyncio.sleep(0.05)
            await stopped(process)
        assert_kept(home, load)
        told = [entry.kind for entry in parsed(home, "operations")]
        assert told.count("alarm") <= 3, "one alarm when it begins, not one for each refusal"


async def refusal_of(load: Load, channel: Any) -> grpc.aio.AioRpcError | None:
    """Ask once. Return the refusal, None for an answer."""
    try:
        await load.submit(channel, load.envelope(len(load.sent)))
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def test_after_a_stop_in_order_the_log_is_verified_on_a_disk_that_takes_no_writes(
    own_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    home, load, liaison = own_world.home("vn"), Load(own_world), Liaison(capsys)
    async with serving(own_world) as process:  # its folders are made
        await stopped(process)
    with small_disk(home, 64 * _MIB):
        waive(home)
        async with serving(own_world) as process:
            async with caller(own_world).channel() as channel:
                await load.submit(channel, load.envelope(0))
            await stopped(process)
        remount(home, "ro")
        verified = liaison("audit", "verify", "--home", home)
        assert verified.code == 0, verified.out + verified.err
        remount(home, "rw")
        async with serving(own_world) as process:
            process.signal(signal.SIGKILL)
            await process.ended()
        (home / "node.sqlite-shm").unlink()
        remount(home, "ro")
        verified = liaison("audit", "verify", "--home", home)
        assert verified.code == 1
        assert "copy the home to a disk that takes writes" in verified.err
        remount(home, "rw")


async def test_h7_a_database_that_another_process_locks_ends_the_node_and_no_answer_leaves(own_world: World) -> None:
    home, client, load = own_world.home("vn"), caller(own_world), Load(own_world)
    async with serving(own_world) as process:
        async with client.channel() as channel:
            await load.submit(channel, load.envelope(1))
        with closing(sqlite3.connect(home / "node.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            before = len(stored(home, "exchange"))
            async with client.channel() as channel:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await load.submit(channel, load.envelope(2))
            assert await process.ended() == _STORAGE
            assert len(load.answers) == 1, "answered, and could not be logged"
            assert len(stored(home, "exchange")) == before
            with pytest.raises(AssertionError, match="the node ended with"):  # CASE-H4: nor does it start
                await serving(own_world).__aenter__()
            other.execute("ROLLBACK")
    assert_kept(home, load)
    async with serving(own_world) as process:
        await assert_answered_again(client, load)
        await stopped(process)
    assert_kept(home, load)


@pytest.mark.parametrize("gone", ["node.sqlite-wal", "replaced"])
async def test_h5_a_database_that_is_taken_away_under_load_ends_the_node_and_can_come_back(
    own_world: World, gone: str
) -> None:
    """What is written into a file without a name would be gone with the process."""
    home, client, load = own_world.home("vn"), caller(own_world), Load(own_world)
    away = home / "away"
    async with serving(own_world) as process, load.running(client):
        while len(load.answers) < 20:
            await asyncio.sleep(0.005)
        if gone == "replaced":
            shutil.copy(home / "node.sqlite", home / "copy")
            (home / "node.sqlite").rename(away)
            (home / "copy").rename(home / "node.sqlite")
        else:
            (home / gone).rename(away)
        assert await process.ended() == _STORAGE
    away.rename(home / ("node.sqlite" if gone == "replaced" else gone))
    assert_kept(home, load)
    async with serving(own_world) as process:
        await assert_answered_again(client, load)
        await stopped(process)
    assert_kept(home, load)


@pytest.mark.parametrize("gone", ["node.sqlite", "node.sqlite-wal"])
async def test_h4_a_start_without_what_was_signed_is_refused_and_writes_no_entry(own_world: World, gone: str) -> None:
    """The database, or the part of it that is in its write-ahead log, is back too late: the high-water file knows."""
    home, client, load = own_world.home("vn"), caller(own_world), Load(own_world)
    async with serving(own_world) as process, load.running(client):
        while len(load.answers) < 20:
            await asyncio.sleep(0.005)
        process.signal(signal.SIGKILL)
        await process.ended()
    away = home / "away"
    (home / gone).rename(away)
    with pytest.raises(AssertionError, match="the node ended with"):
        await serving(own_world).__aenter__()
    assert (home / "node.sqlite-wal").exists() == (gone == "node.sqlite"), "the log of the missing file must stay"
    away.rename(home / gone)
    async with serving(own_world) as process:
        await assert_answered_again(client, load)
        await stopped(process)
    assert_kept(home, load)


async def test_a_torn_high_water_file_costs_nothing_and_never_stops_a_start(own_world: World) -> None:
    """One of its two slots is half a head, as after a reboot within a write."""
    home, torn = own_world.home("vn"), 100
    for slot in (0, 1):
        async with serving(own_world) as process:
            process.signal(signal.SIGKILL)
            await process.ended()
        file = home / "highwater" / "exchange-1"
        data = bytearray(file.read_bytes())
        start = slot * 1024
        data[start + torn : start + 1024] = bytes(1024 - torn)
        file.write_bytes(data)
        async with serving(own_world) as process:
            await stopped(process)
    assert [parse_entry(body).index for body in stored(home, "exchange")] == list(range(len(parsed(home))))
    assert file.stat().st_size <= 2048
