"""The limits of a member count over all processes of a node; each process takes its share of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
import pytest_asyncio

from gateway.app.run.node import Node
from gateway.rpc import methods
from gateway.rpc.contract import Limit
from gateway.rpc.server import ServerLimits
from tests.support import schemas
from tests.support.databases import server
from tests.support.exchange import caller, sample_world, sealed, submission, watch
from tests.support.forger import eventually
from tests.support.nodes import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE, BURST, INSIDE = 1, 60, 10
CONNECTIONS = 12
"""The kernel spreads connections over the processes by chance: so many that hardly ever all of them go to one."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, Node, Node]]:
    """Two processes' parts of Viet Nam's node on one PostgreSQL, at one address."""
    server("postgresql")
    world = sample_world(tmp_path_factory.mktemp("shared"), ("th", "vn"))
    file = world.home("vn") / "node.toml"
    limits = f"[limits]\nrate_per_member = {RATE}\nburst_per_member = {BURST}\nin_flight_per_member = {INSIDE}"
    text = file.read_text().replace("[limits]", limits)
    url = schemas.address(world.home("vn"), make=True)
    file.write_text(text.replace("[listen]", f'[storage]\nurl = "{url}"\n[listen]', 1))
    one, other = await world.start("vn"), await world.start("vn")
    await eventually(lambda: one.core.leadership.processes == other.core.leadership.processes == 2)
    try:
        yield world, one, other
    finally:
        await other.stop()
        await eventually(lambda: one.core.leadership.processes == 1)
        await one.stop()


async def channels(stack: AsyncExitStack, world: World) -> list[Any]:
    return [await stack.enter_async_context(caller(world).channel()) for _ in range(CONNECTIONS)]


async def test_streams_of_one_member_are_limited_over_both(two: tuple[World, Node, Node]) -> None:
    world, one, other = two
    most = ServerLimits().streams_per_member
    async with AsyncExitStack() as stack:
        calls = [
            channel.stream_stream(methods.STREAM.path)() for channel in await channels(stack, world) for _ in range(3)
        ]
        await asyncio.gather(*(call.write(b"") for call in calls), return_exceptions=True)

        def opened(node: Node) -> int:
            assert node._server is not None
            return node._server._open["th", Limit.STREAMS]

        def refused() -> int:
            return sum(call.done() for call in calls)

        await eventually(lambda: opened(one) + opened(other) + refused() == len(calls))
        assert opened(one) + opened(other) <= most
        assert max(opened(one), opened(other)) == most // 2
        for call in calls:
            call.cancel()


async def test_requests_inside_are_limited_over_both(two: tuple[World, Node, Node]) -> None:
    world, one, other = two
    sources = [watch(one), watch(other)]
    for source in sources:
        source.gate.clear()
    data = [submission(sealed(world.federation["th"])) for _ in range(2 * INSIDE)]
    async with AsyncExitStack() as stack:
        opened = await channels(stack, world)
        asking = [
            asyncio.ensure_future(opened[number % CONNECTIONS].unary_unary(methods.SUBMIT.path)(each, timeout=20))
            for number, each in enumerate(data)
        ]
        inside = [node.answering.answerer for node in (one, other)]
        await eventually(lambda: sum(item.inside for item in inside) + sum(task.done() for task in asking) == len(data))
        assert sum(item.inside for item in inside) <= INSIDE
        for source in sources:
            source.gate.set()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_the_rate_of_one_member_counts_over_both(two: tuple[World, Node, Node]) -> None:
    world, _, _ = two
    begun = time.monotonic()
    answered = 0
    async with AsyncExitStack() as stack:
        opened = await channels(stack, world)
        for _ in range(15):
            data = [submission(sealed(world.federation["th"])) for _ in opened]
            calls = (
                channel.unary_unary(methods.SUBMIT.path)(each, timeout=20)
                for channel, each in zip(opened, data, strict=True)
            )
            for result in await asyncio.gather(*calls, return_exceptions=True):
                if isinstance(result, grpc.aio.AioRpcError):
                    assert (result.code(), result.details()) in {
                        (grpc.StatusCode.RESOURCE_EXHAUSTED, word) for word in ("rate-limit", "in-flight-limit")
                    }
                else:
                    answered += 1
    assert answered <= BURST + RATE * (time.monotonic() - begun) + 1
