"""A request is sent again when its connection was lost, and in no other case; idle messages end a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import grpc
import pytest
import pytest_asyncio
from liaison.exchange.v1 import exchange_pb2 as pb

from gateway.model.exchange import Outcome
from gateway.model.search import Line
from gateway.node import wire
from gateway.rpc import methods
from tests.support.exchange import VN, caller, command, kinds, lines, sample_world, stopping
from tests.support.forger import Forger, HostileNode, eventually_async
from tests.support.nodes import World, impatient, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = impatient(sample_world(tmp_path_factory.mktemp("again"), ("th", "vn")))
    async with stopping(made):
        await made.start("th")
        yield made


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def heard(world: World, peer: HostileNode, forger: Forger) -> None:
    peer.behaviour, peer.ending = forger.message, None

    async def answered() -> bool:
        return (await ask(world)).outcome is Outcome.NO_HIT

    await eventually_async(answered)
    peer.requests = []


async def ask(world: World) -> Line:
    return lines(await world.nodes["th"].asking.searches.start(officer("th"), command()))[VN]


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
async def test_a_request_whose_stream_broke_is_sent_again_with_the_same_bytes(
    world: World, peer: HostileNode, forger: Forger, status: grpc.StatusCode
) -> None:
    peer.ending = status

    class Mended(list[bytes]):
        def append(self, envelope: bytes) -> None:
            super().append(envelope)
            peer.ending = status if len(self) < 3 else None

    peer.requests = Mended()
    line = await ask(world)
    assert line.outcome is Outcome.NO_HIT
    assert len(peer.requests) == 3
    assert len(set(peer.requests)) == 1
    assert kinds(world.nodes["th"], line.exchange_id) == ["asked", "received"]


@pytest.mark.parametrize(
    "status",
    [
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.INVALID_ARGUMENT,
    ],
)
async def test_a_counterpart_that_refuses_is_not_asked_again(
    world: World, peer: HostileNode, status: grpc.StatusCode
) -> None:
    peer.ending = status
    line = await ask(world)
    assert line.outcome is not Outcome.NO_HIT
    assert len(peer.requests) == 1
    assert kinds(world.nodes["th"], line.exchange_id)[0] == "asked"


async def test_an_unsigned_refusal_of_a_frame_is_not_asked_again(world: World, peer: HostileNode) -> None:
    numbers = range(1, 50)  # the number of the frame is not known here
    frames = [
        pb.ResponseFrame(id=number, status=pb.FrameStatus(reason="RESOURCE_EXHAUSTED", code="in-flight-limit"))
        for number in numbers
    ]
    data = pb.StreamExchangesResponse(frames=frames).SerializeToString()
    peer.behaviour = lambda _: data
    await ask(world)
    assert len(peer.requests) == 1


async def test_a_counterpart_that_breaks_each_stream_costs_one_silence_and_few_attempts(
    world: World, peer: HostileNode
) -> None:
    peer.ending = grpc.StatusCode.UNAVAILABLE
    line = await ask(world)
    assert line.outcome is Outcome.SILENT
    assert 2 <= len(peer.requests) <= 12
    assert kinds(world.nodes["th"], line.exchange_id) == ["asked", "silent"]


async def test_messages_that_nobody_waits_for_end_the_stream(world: World, peer: HostileNode) -> None:
    nothing = pb.StreamExchangesResponse(frames=[pb.ResponseFrame(id=2**40)]).SerializeToString()

    async def stream(messages: AsyncIterator[bytes], context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        del messages
        with suppress(grpc.aio.UsageError):
            while True:
                sent.append(1)
                await context.write(nothing)

    sent: list[int] = []
    true, peer.stream = peer.stream, stream  # type: ignore[assignment, method-assign]
    streams = [each._stream for each in world.nodes["th"].core.peers._links[VN]._connections]
    for each in streams:
        if each is not None:
            each.close()
    try:
        line = await ask(world)
    finally:
        peer.stream = true  # type: ignore[method-assign]
    assert line.refusal
    assert line.refusal.code == "idle-messages"


async def test_messages_without_requests_end_the_stream(world: World) -> None:
    async with caller(world, "vn", "th").channel() as channel:
        call = channel.stream_stream(methods.STREAM.path)()
        with suppress(grpc.aio.AioRpcError, grpc.aio.UsageError):
            for _ in range(wire.MAX_IDLE + 1):
                await call.write(b"")
        assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert await call.details() == "idle-messages"
