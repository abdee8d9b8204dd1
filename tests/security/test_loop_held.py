"""CASE-B5 on the wire: no message of a counterpart holds the loop of a node, in either direction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import grpc
import pytest
import pytest_asyncio

from gateway.errors import Malformed, TooLarge
from gateway.model.exchange import Outcome
from gateway.node import wire
from gateway.rpc import methods
from gateway.rpc.contract import Method, Shape
from tests.support.exchange import VN, caller, command, lines, sample_world, stopping
from tests.support.forger import Forger, HostileNode, eventually_async
from tests.support.load import effort
from tests.support.loop_watch import HELD_S, loop_watch
from tests.support.nodes import World, officer, silent_after
from tests.support.waiting import MOST_S

pytestmark = pytest.mark.timed
IN_MODULE = pytest.mark.asyncio(loop_scope="module")
MIB = 1024 * 1024


def field(number: int, data: bytes) -> bytes:
    """A field of bytes."""
    length, rest = b"", len(data)
    while rest > 0x7F:
        length, rest = length + bytes([rest & 0x7F | 0x80]), rest >> 7
    return bytes([number << 3 | 2]) + length + bytes([rest]) + data


def empty_hashes(size: int) -> bytes:
    """A proof of empty hashes."""
    return b"\x12\0" * (size // 2)


PACKAGES: dict[str, Callable[[int], bytes]] = {
    "empty frames": lambda size: b"\n\0" * (size // 2),
    "empty hellos": lambda size: b"\x12\0" * (size // 2),
    "unknown numbers": lambda size: b"\x78\0" * (size // 2),
    "unknown groups": lambda size: b"\x7b\x7c" * (size // 2),
    "empty hashes": lambda size: field(1, field(2, field(3, empty_hashes(size - 16)))),
    "one part again and again": lambda size: field(1, b"\x12\0" * (size // 2 - 8)),
    "a long code": lambda size: field(1, field(3, field(2, b"x" * (size - 16)))),
    "a long number": lambda size: b"\xff" * size,
    "a length that goes back": lambda _: b"\n" + b"\xff" * 9 + b"\x01",
    "nothing but tags": lambda size: b"\n" * size,
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("held"), ("th", "vn"))
    async with stopping(made):
        await made.start("th")
        yield made


async def outcome(world: World) -> Outcome:
    found = lines(await world.nodes["th"].asking.searches.start(officer("th"), command(to=(VN,))))
    return Outcome(found[VN].outcome)


@IN_MODULE
@pytest.mark.parametrize("size", [MIB, methods.STREAM.max_answer_bytes], ids=["a MiB", "the limit"])
@pytest.mark.parametrize("package", PACKAGES)
async def test_replies_do_not_hold_the_loop_of_the_asker(
    world: World, peer: HostileNode, forger: Forger, package: str, size: int
) -> None:
    peer.behaviour = forger.message
    await eventually_async(lambda: _heard(world))
    data = PACKAGES[package](size)
    peer.behaviour = lambda _: data

    async def answered() -> float:
        with loop_watch() as watch:
            assert await outcome(world) in (Outcome.SILENT, Outcome.NOT_ACCEPTED)
        return watch.longest

    with silent_after(world.nodes["th"], 0.5):
        held = await least(answered)
    assert held < HELD_S


async def least(measured: Callable[[], Awaitable[float]]) -> float:
    """Return the smallest of up to three measurements: the first touch of memory may cost fifty times its usual."""
    smallest = await measured()
    for _ in range(2):
        if smallest < HELD_S / 2:
            break
        smallest = min(smallest, await measured())
    return smallest


async def _heard(world: World) -> bool:
    return await outcome(world) is Outcome.NO_HIT


@IN_MODULE
@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("row", methods.NODE_METHODS, ids=lambda row: row.name)
async def test_requests_do_not_hold_the_loop_of_the_node(world: World, row: Method[Any, Any], package: str) -> None:
    data = PACKAGES[package](row.max_request_bytes)
    async with caller(world, "vn", "th").channel() as channel:
        assert await channel.unary_unary(methods.HEALTH_CHECK.path)(b"", timeout=MOST_S)

        async def sent() -> float:
            with loop_watch() as watch:
                assert await _send(channel, row, data) is not grpc.StatusCode.DEADLINE_EXCEEDED
                assert await channel.unary_unary(methods.HEALTH_CHECK.path)(b"", timeout=MOST_S)
            return watch.longest

        assert await least(sent) < HELD_S


async def _send(channel: Any, row: Method[Any, Any], data: bytes) -> grpc.StatusCode:
    if row.shape is Shape.UNARY:
        return await channel.unary_unary(row.path)(data, timeout=MOST_S).code()  # type: ignore[no-any-return]
    call = channel.stream_stream(row.path)(timeout=MOST_S)
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # it may be refused before all was written
        await call.write(data)
        await call.done_writing()
        while isinstance(await call.read(), bytes):
            pass
    return await call.code()  # type: ignore[no-any-return]


@pytest.mark.parametrize("read", [wire.parse_frames, lambda data: list(wire.parse_replies(data))], ids=["in", "out"])
@pytest.mark.parametrize("package", PACKAGES)
async def test_reading_a_package_costs_little_at_every_size(read: Callable[[bytes], object], package: str) -> None:
    for size in (MIB, 320 * 1024, 128 * 1024, 64 * 1024):
        data = PACKAGES[package](size)

        async def once(data: bytes = data) -> float:
            with effort() as spent, suppress(Malformed, TooLarge):
                read(data)
            return spent.seconds

        assert await least(once) < HELD_S / 2


def test_a_package_of_as_many_frames_as_are_allowed_is_read() -> None:
    frames = [wire.request_frame(number, wire.submit(b"x", 1)) for number in range(wire.MAX_FRAMES)]
    (message,) = wire.pack_requests(frames)
    assert len(wire.parse_frames(message + field(2, b"")).frames) == wire.MAX_FRAMES
    with pytest.raises(Malformed):
        wire.parse_frames(message + field(1, frames[0].SerializeToString()))
