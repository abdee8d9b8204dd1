"""Node processes that are starved of disk, and asked to stop, while they are under load (CASE-H).

They are killed in `test_torture`.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.merkle import Tree, leaf_hash
from gateway.cli.main import run
from gateway.model.exchange import AnswerMessage
from gateway.model.query import DocumentQuery
from gateway.rpc import methods
from gateway.statements.request import REQUEST_KIND
from tests.support.exchange import Caller, answer_of, caller, request, sample_world, submission
from tests.support.forger import eventually
from tests.support.nodes import World
from tests.support.processes import NodeProcess

IN_FLIGHT = 24


def stored(home: Path, log: str) -> list[bytes]:
    """The bodies of a log, read past the node."""
    with closing(sqlite3.connect(f"file:{home}/node.sqlite?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT e.body FROM log_entry e JOIN log_state s ON s.id = e.log_id WHERE s.log = ? ORDER BY e.seq",
            (f"{log}/1",),
        )
        return [row[0] for row in rows]


def parsed(home: Path, log: str = "exchange") -> list[Entry]:
    return [parse_entry(body) for body in stored(home, log)]


@dataclass
class Load:
    """Keeps requests in flight; remembers each envelope that was sent, and each answer that came."""

    world: World
    sent: dict[bytes, str] = field(default_factory=dict)
    answers: dict[bytes, AnswerMessage] = field(default_factory=dict)
    stopped: bool = False

    def __post_init__(self) -> None:
        self.key = self.world.federation["th"].key("statement")

    def envelope(self, number: int) -> bytes:
        asked = request(query=DocumentQuery(f"B{number:07d}", "VNM"))
        made = REQUEST_KIND.build(asked, self.key).envelope
        self.sent[made] = asked.exchange_id
        return made

    async def submit(self, channel: Any, envelope: bytes) -> None:
        data = await channel.unary_unary(methods.SUBMIT.path)(submission(envelope), timeout=60)
        self.answers[envelope] = methods.SUBMIT.answer.read(data)

    async def worker(self, channel: Any, number: int) -> None:
        while not self.stopped:
            try:
                await self.submit(channel, self.envelope(number))
            except grpc.aio.AioRpcError:
                return

    @asynccontextmanager
    async def running(self, client: Caller) -> AsyncIterator[None]:
        """Load until the block ends, then until the last answer or the end of the node."""
        async with client.channel() as channel:
            workers = [asyncio.create_task(self.worker(channel, number)) for number in range(IN_FLIGHT)]
            yield
            self.stopped = True
            await asyncio.gather(*workers)


def assert_kept(home: Path, load: Load) -> None:
    """INVARIANT-1 to INVARIANT-3: answered implies logged under a signed head, one answer each, and the log extends
    every head."""
    bodies = stored(home, "exchange")
    entries = [parse_entry(body) for body in bodies]
    answered = Counter((entry.peer, entry.exchange_id) for entry in entries if entry.kind == "answered")
    assert max(answered.values(), default=0) <= 1
    tree = Tree()
    for body in bodies:
        tree.append(leaf_hash(body))
    for envelope, message in load.answers.items():
        entry = parse_entry(message.entry)
        assert entry.exchange_id == load.sent[envelope]
        assert bodies[entry.index] == message.entry
        head = parse_checkpoint(message.proof.checkpoint)
        assert entry.index < head.size <= len(bodies)
        assert tree.root(head.size) == head.root


def assert_verifies(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["audit", "verify", "--home", str(home)])
    assert code == 0, capsys.readouterr().out


async def assert_answered_again(client: Caller, load: Load) -> None:
    """CASE-E3: the same bytes after the crash get the answer that was committed, or their first one."""
    async with client.channel() as channel:
        before = dict(load.answers)
        await asyncio.gather(*(load.submit(channel, envelope) for envelope in list(load.sent)[-64:]))
    for envelope, message in before.items():
        again = load.answers[envelope]
        refusal = answer_of(again).refusal
        if refusal and refusal.code == "not-fresh":  # a machine so busy that 30 seconds are over
            load.answers[envelope] = message
            continue
        assert again.envelope == message.envelope


async def test_h3_a_full_disk_ends_the_process_and_answers_nothing_without_an_entry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    home, client, load = world.home("vn"), caller(world), Load(world)
    async with NodeProcess(home, world.ports["vn"]) as process:
        wal = home / "node.sqlite-wal"
        room = wal.stat().st_size + 400_000
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, room))
        async with load.running(client):
            assert await process.ended() == 70
    assert load.answers
    assert_kept(home, load)
    async with NodeProcess(home, world.ports["vn"]) as process:
        await assert_answered_again(client, load)
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    await asyncio.to_thread(assert_verifies, home, capsys)


async def test_h13_asked_to_stop_under_load_it_gives_every_answer_that_it_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    home, load = world.home("vn"), Load(world)
    async with NodeProcess(home, world.ports["vn"]) as process, load.running(caller(world)):
        while len(load.answers) < 50:
            await asyncio.sleep(0.005)
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    logged = {entry.exchange_id for entry in parsed(home) if entry.kind == "answered"}
    assert logged == {load.sent[envelope] for envelope in load.answers}
    assert parsed(home, "operations")[-1].kind == "stop"
    assert_kept(home, load)
    await asyncio.to_thread(assert_verifies, home, capsys)


def usage(pid: int) -> tuple[int, int]:
    """Open files and threads."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), len(list(Path(f"/proc/{pid}/task").iterdir()))


def stays(pid: int, before: tuple[int, int]) -> bool:
    """Tell whether a process has as many open files and threads as before, but for a few."""
    files, threads = usage(pid)
    return files <= before[0] + 2 and threads <= before[1] + 8


async def test_i12_files_and_threads_stay_the_same_over_exchanges_and_reconnects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One thread for each source: the others would open their connections whenever they first get a turn.
    monkeypatch.setenv("LIAISON_LIMITS_WORKERS", "1")
    world = sample_world(tmp_path, ("th", "vn"))
    client, load = caller(world), Load(world)

    async def spell(connections: int) -> None:
        for _ in range(connections):
            async with client.channel() as channel:
                await asyncio.gather(*(load.submit(channel, load.envelope(number)) for number in range(10)))

    async with NodeProcess(world.home("vn"), world.ports["vn"]) as process:
        await spell(5)
        for _ in range(4):  # gRPC's own pool grows for a while; a leak is one for each connection
            before = usage(process.pid)
            await spell(20)
            with suppress(TimeoutError):
                await eventually(partial(stays, process.pid, before))
                break
        else:
            pytest.fail(f"{usage(process.pid)} files and threads, and {before} before 20 connections")
    assert len(load.answers) % 200 == 50
