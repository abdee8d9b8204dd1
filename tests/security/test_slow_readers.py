"""CASE-I2: a counterpart that asks and does not read, or reads slowly, and a stop meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import grpc
import pytest
import pytest_asyncio

from gateway.errors import LiaisonError, Overloaded, Reason
from gateway.exchange.answering.inbound import FrameRefusal
from gateway.model.exchange import Outcome
from gateway.model.names import MemberId
from gateway.node import wire
from gateway.node.greetings import Mute, StreamGreetings
from gateway.node.server import NodeServer, Stream
from gateway.rpc import methods
from gateway.rpc.contract import Limit
from gateway.rpc.server import ServerLimits
from tests.support.exchange import answer_of, caller, sample_world, sealed, stopping, submission
from tests.support.forger import eventually
from tests.support.load import in_turns, waiting
from tests.support.nodes import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536))
"""A window of 64 KiB for each stream, so that what is not read stays at the server."""

PLACE = ("th", Limit.STREAMS)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("slow"), ("th", "vn"))
    async with stopping(made):
        await made.start("vn")
        yield made


def server_of(world: World) -> NodeServer:
    server = world.nodes["vn"]._server
    assert server is not None
    return server


def package(world: World, count: int = 64) -> bytes:
    frames = [wire.request_frame(number, wire.submit(sealed(world.federation["th"]), 3000)) for number in range(count)]
    (message,) = wire.pack_requests(frames)
    return message


class Writes:
    """A stream's other end: what it writes waits for a permit; `messages` are those that it sends."""

    def __init__(self, *messages: bytes) -> None:
        self.messages = list(messages)
        self.read_count = 0
        self.written: list[bytes] = []
        self.permits = asyncio.Semaphore(0)
        self.ended = asyncio.Event()
        self.code: Any = None

    async def read(self) -> Any:
        if self.messages:
            self.read_count += 1
            return self.messages.pop(0)
        await self.ended.wait()
        return grpc.aio.EOF

    async def write(self, message: bytes) -> None:
        await self.permits.acquire()
        self.written.append(message)

    def set_code(self, code: Any) -> None:
        self.code = code

    async def abort(self, code: Any, details: str) -> None:
        self.code = code


def small(number: int) -> bytes:
    return wire.pack_requests([wire.request_frame(number, wire.submit(b"x", 1))])[0]


def stream(context: Writes, take: Any, **limits: Any) -> tuple[Stream, Counter[str]]:
    refused: Counter[str] = Counter()

    def note(_: str, error: LiaisonError) -> None:
        refused[error.code] += 1

    greetings = StreamGreetings(MemberId("th"), Mute(MemberId("vn")), time.monotonic)
    bounds = ServerLimits(**limits)
    made = Stream(context, b"", "th", bounds, lambda: None, take, note, lambda _: 0.0, greetings)  # type: ignore[arg-type]
    return made, refused


async def test_a_stream_that_met_its_limit_ends() -> None:
    """Frames that are refused while they are handed on are answered: no count of them is lost."""

    def refuse(frame: wire.RequestFrame, _: Stream) -> None:
        raise Overloaded("full", code="in-flight-limit")

    context = Writes(*(small(number) for number in range(3)))
    made, refused = stream(context, refuse)
    running = asyncio.create_task(made.run())
    for _ in range(3):
        context.permits.release()
    await eventually(lambda: len(context.written) == 3)
    made.drain()
    await in_turns(running, 1.0)
    assert refused == {"in-flight-limit": 3}


async def test_a_request_that_comes_while_the_process_stops_is_told_so_at_once() -> None:
    taken: list[int] = []
    context = Writes(small(1))
    made, _ = stream(context, lambda frame, _: taken.append(frame.id))
    running = asyncio.create_task(made.run())
    await eventually(lambda: taken == [1])
    made.drain()
    made._hand_on(small(2))
    for _ in range(2):
        context.permits.release()
    await eventually(lambda: len(context.written) == 1)
    ((number, error),) = wire.parse_replies(context.written[0])
    assert (number, type(error).__name__, taken) == (2, "ConnectionLost", [1])
    made.deliver(made.pack([(1, FrameRefusal(Reason.INTERNAL, "x"))]), 1)
    await in_turns(running, 1.0)


async def test_nothing_is_read_while_replies_wait_and_reading_goes_on_once_they_left() -> None:
    """Whatever the order of answers, writes and messages: the bytes that wait are bounded."""
    reply, limit = bytes(1000), 10_000

    def answer(frame: wire.RequestFrame, to: Stream) -> None:
        to.deliver([reply], 1)

    context = Writes(*(small(number) for number in range(100)))
    made, _ = stream(context, answer, unsent_bytes=limit, write_s=30.0)
    running = asyncio.create_task(made.run())
    await eventually(lambda: context.read_count == 11)
    for _ in range(5):
        await asyncio.sleep(0)
    assert (context.read_count, made._unsent) == (11, 11_000)
    for sent in range(100):
        context.permits.release()
        await eventually(lambda sent=sent: len(context.written) == sent + 1)  # type: ignore[misc]
        assert made._unsent <= limit + len(reply)
    context.ended.set()
    await in_turns(running, 1.0)
    assert len(context.written) == 100


async def test_a_peer_that_takes_each_message_in_time_is_not_cut_however_slow_it_is() -> None:
    def answer(frame: wire.RequestFrame, to: Stream) -> None:
        to.deliver([bytes(1000)] * 10, 1)

    context = Writes(small(1))
    made, refused = stream(context, answer, write_s=1.0)
    running = asyncio.create_task(made.run())
    for _ in range(10):  # 2 s in all, twice the time for one message
        await asyncio.sleep(0.2)
        context.permits.release()
    await eventually(lambda: len(context.written) == 10)
    context.ended.set()
    await in_turns(running, 1.0)
    assert refused == {}


async def test_a_peer_that_does_not_read_is_cut_after_two_seconds_and_its_memory_is_given_back(world: World) -> None:
    server = server_of(world)
    async with asyncio.timeout(60), caller(world).channel(*NARROW) as channel:
        call = channel.stream_stream(methods.STREAM.path)()
        await call.write(package(world))
        await eventually(lambda: server._open[PLACE] == 1)
        (made,) = server._streams
        await eventually(lambda: made._unsent > 0)
        with waiting() as watch:
            await eventually(lambda: server._open[PLACE] == 0)
        assert server._limits.write_s - 1.0 < watch.seconds < server._limits.write_s + 3.0
        assert not made._outbox
        call.cancel()
    await eventually(lambda: server._unfinished[PLACE] == 0)


async def test_a_member_that_floods_and_never_reads_fills_no_memory(world: World) -> None:
    """It asks as quickly as it can on one stream; the server stops reading long before its memory suffers."""
    server = server_of(world)
    limits, server._limits = server._limits, replace(server._limits, write_s=60.0, unsent_bytes=128 * 1024)
    try:
        async with asyncio.timeout(90), caller(world).channel(*NARROW) as channel:
            call = channel.stream_stream(methods.STREAM.path)()
            flood = asyncio.create_task(_flood(call, world))
            await eventually(lambda: server._open[PLACE] == 1)
            (made,) = server._streams
            await eventually(lambda: not made._room.is_set())
            before = made._unanswered
            await eventually(lambda: made._unanswered == 0)
            assert made._unsent < 128 * 1024 + 64 * 80 * 1024
            assert before <= 256 + wire.MAX_FRAMES
            assert answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.HIT
            flood.cancel()
            call.cancel()
    finally:
        server._limits = limits


async def _flood(call: Any, world: World) -> None:
    with suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
        message = package(world)
        while True:
            await call.write(message)


async def test_calls_that_were_answered_and_are_not_read_count_for_their_caller(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MAX_REPLIES", 48 * 1024)  # the first message leaves: without it gRPC ends the call
    server = server_of(world)
    limits, server._limits = server._limits, replace(server._limits, streams_per_member=2, write_s=0.1)
    message = package(world)
    try:
        async with asyncio.timeout(90), caller(world).channel(*NARROW) as channel:
            calls = []
            for number in range(1, 5):
                calls.append(channel.stream_stream(methods.STREAM.path)())
                await calls[-1].write(message)
                await eventually(lambda number=number: server._unfinished[PLACE] == number)  # type: ignore[misc]
                await eventually(lambda: server._open[PLACE] == 0)
            over = channel.stream_stream(methods.STREAM.path)()
            assert await over.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            data = submission(sealed(world.federation["th"]))
            assert await channel.unary_unary(methods.SUBMIT.path)(data, timeout=20)
            for call in calls:
                call.cancel()
        await eventually(lambda: server._unfinished[PLACE] == 0)
    finally:
        server._limits = limits


async def test_a_stop_does_not_wait_for_a_peer_that_does_not_read(world: World) -> None:
    server = server_of(world)
    async with asyncio.timeout(60), caller(world).channel(*NARROW) as channel:
        call = channel.stream_stream(methods.STREAM.path)()
        await call.write(package(world))
        await eventually(lambda: server._open[PLACE] == 1)
        (made,) = server._streams
        await eventually(lambda: made._unsent > 0)
        await in_turns(world.stop("vn"), 6.0)
        call.cancel()
    await world.start("vn")
