"""CASE-I7: a member that is turned away at full speed, on streams and in calls, does not take the node from others."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from gateway.exchange.answering.admission import CALLS_BURST_S, CALLS_PER_S, TURNED_AWAY_PER_S
from gateway.node import wire
from gateway.rpc import methods
from tests.support.exchange import answer_of, caller, entries, sample_world, sealed, stopping, submission
from tests.support.load import waiting
from tests.support.nodes import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = 4.0


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("turned-away"))
    file = made.home("vn") / "node.toml"
    file.write_text(file.read_text().replace("[limits]", "[limits]\nrate_per_member = 1\nburst_per_member = 1"))
    async with stopping(made):
        await made.start("vn")
        yield made


async def test_refusals_of_a_message_leave_together_and_streams_beyond_the_pace_are_not_read(world: World) -> None:
    envelope = sealed(world.federation["th"])
    frames = [wire.request_frame(number, wire.submit(envelope, 3000)) for number in range(64)]
    package = b"".join(wire.pack_requests(frames[:30]))
    told, messages = Counter[str](), 0
    async with caller(world).channel() as channel:
        calls = [channel.stream_stream(methods.STREAM.path)() for _ in range(4)]

        async def flood(call: grpc.aio.StreamStreamCall[bytes, bytes]) -> None:
            while True:
                await call.write(package)

        async def count(call: grpc.aio.StreamStreamCall[bytes, bytes]) -> None:
            nonlocal messages
            while True:
                data = await call.read()
                assert isinstance(data, bytes)
                messages += 1
                told.update(str(getattr(reply, "code", "answer")) for _, reply in wire.parse_replies(data))

        begun = time.monotonic()
        tasks = [asyncio.create_task(work(call)) for call in calls for work in (flood, count)]
        await asyncio.sleep(SECONDS)
        (reply,) = await asyncio.gather(caller(world, "kh").submit(sealed(world.federation["kh"], sender="kh")))
        assert answer_of(reply)
        elapsed = time.monotonic() - begun
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert told["rate-limit"] > 30
    assert told["rate-limit"] + told["in-flight-limit"] <= TURNED_AWAY_PER_S * (elapsed + 1) + 8 * 30
    assert messages <= sum(told.values()) / 10, "refusals of one message leave together"


async def test_calls_without_end_have_a_rate_and_wait_for_their_refusals(world: World) -> None:
    told, begun = Counter[str](), time.monotonic()
    operations = len(entries(world.nodes["vn"], "operations"))
    async with caller(world).channel() as channel:

        async def flood() -> None:
            call = channel.unary_unary(methods.HEALTH_CHECK.path)
            while time.monotonic() < begun + SECONDS:
                try:
                    await call(b"", timeout=20)
                except grpc.aio.AioRpcError as error:
                    told[error.details() or ""] += 1
                else:
                    told["served"] += 1

        await asyncio.gather(*(flood() for _ in range(50)))
        elapsed = time.monotonic() - begun
    assert set(told) == {"served", "call-rate"}
    assert told["served"] <= CALLS_PER_S * (CALLS_BURST_S + elapsed) + 1
    assert told["call-rate"] <= TURNED_AWAY_PER_S / 5 * (elapsed + 1) + 50
    assert len(entries(world.nodes["vn"], "operations")) - operations <= 2
    with waiting() as watch:
        await caller(world, "kh").submit(sealed(world.federation["kh"], sender="kh"))
    assert watch.seconds < 5


async def test_a_stop_does_not_wait_for_refusals_that_wait(world: World) -> None:
    data = submission(sealed(world.federation["th"]))
    async with caller(world).channel() as channel:
        calls = [asyncio.ensure_future(channel.unary_unary(methods.SUBMIT.path)(data, timeout=20)) for _ in range(60)]
        await asyncio.sleep(0.1)
        with waiting() as watch:
            await world.stop("vn")
        assert watch.seconds < 5
        await asyncio.gather(*calls, return_exceptions=True)
    await world.start("vn")
