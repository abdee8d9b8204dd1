"""Links that fail or are misused below the messages: slow bytes, resets, pings, lost answers, renewed keys."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certs.authority import issue, load_authority
from certs.names import CertificateName, CertificateUse
from certs.profile import read_leaf
from gateway.model.exchange import Outcome
from gateway.rpc import methods
from gateway.rpc.contract import Limit
from gateway.trust.ceremony.ceremony import publish_status
from tests.support import http2
from tests.support.exchange import (
    CLOCK,
    VN,
    WatchedSource,
    answer_of,
    caller,
    command,
    entries,
    lines,
    sample_world,
    sealed,
    stopping,
    submission,
    watch,
)
from tests.support.forger import eventually, eventually_async
from tests.support.load import in_turns
from tests.support.nodes import World, impatient, officer
from tests.support.ports import free_port

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("links"))
    async with stopping(made):
        watch(await made.start("vn"))
        yield made


def dial(
    world: World, who: str = "th"
) -> AbstractAsyncContextManager[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to `vn`, with nothing sent in it yet."""
    return http2.dialled(caller(world, who), world.home(who) / "keys" / "tls.pem", world.home("vn") / "ca.pem")


def searches(world: World) -> int:
    source = world.nodes["vn"].resources.walls[0].source
    assert isinstance(source, WatchedSource)
    return source.searches


async def served(world: World) -> bool:
    return answer_of(await caller(world).submit(sealed(world.federation["th"]))).outcome is Outcome.HIT


async def test_i2_a_peer_that_sends_a_byte_at_a_time_costs_the_others_nothing(world: World) -> None:
    async def dribble() -> None:
        async with dial(world) as (_, writer):
            for byte in http2.PREFACE + http2.frame(http2.SETTINGS) * 100:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

    slow = [asyncio.create_task(dribble()) for _ in range(24)]
    try:
        for _ in range(5):
            assert await in_turns(served(world), 3)
        assert not any(task.done() for task in slow), "they were slow for all of that time"
    finally:
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_i7_calls_of_one_member_without_their_messages_leave_the_others_theirs(world: World) -> None:
    """More than the server serves at once, of a member that sends the headers of calls and nothing more."""
    async with AsyncExitStack() as stack:
        for _ in range(20):
            _, writer = await stack.enter_async_context(dial(world, "kh"))
            calls = (http2.beginning(methods.SUBMIT.path, number) for number in range(3, 199, 2))
            writer.write(http2.opening(methods.SUBMIT.path) + b"".join(calls))
            await writer.drain()
        server = world.nodes["vn"]._server
        assert server is not None
        await eventually(lambda: server._open["kh", Limit.CALLS] == server._limits.calls_per_member)
        async with caller(world, "kh").channel() as channel:
            over = channel.unary_unary(methods.SUBMIT.path)(b"", timeout=20)
            assert (await over.code(), await over.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "call-limit")
        for _ in range(3):
            assert await in_turns(served(world), 6)
        await eventually(lambda: server._open["kh", Limit.CALLS] == 0)


async def test_i10_a_flood_of_calls_that_are_reset_leaves_the_others_theirs(world: World) -> None:
    async def flood() -> None:
        while True:
            with suppress(ConnectionError, ssl.SSLError):
                async with dial(world, "kh") as (_, writer):
                    writer.write(http2.PREFACE + http2.frame(http2.SETTINGS))
                    for first in range(1, 1_000_000, 100):
                        calls = range(first, first + 100, 2)
                        reset = (http2.frame(http2.RESET, (8).to_bytes(4, "big"), 0, call) for call in calls)
                        begun = (http2.beginning(methods.SUBMIT.path, call) for call in calls)
                        writer.write(b"".join(part for both in zip(begun, reset, strict=True) for part in both))
                        await writer.drain()
                        await asyncio.sleep(0)

    floods = [asyncio.create_task(flood()) for _ in range(2)]
    try:
        await asyncio.sleep(1)
        for _ in range(10):
            assert await in_turns(served(world), 6)
        assert not any(task.done() for task in floods)
    finally:
        for task in floods:
            task.cancel()
        await asyncio.gather(*floods, return_exceptions=True)


async def test_i6_a_connection_that_is_reset_in_a_message_has_no_effect(world: World) -> None:
    message = http2.message(submission(sealed(world.federation["th"])))
    before = searches(world), len(entries(world.nodes["vn"]))
    for cut in (1, 5, 6, len(message) // 2, len(message) - 1):
        async with dial(world) as (_, writer):
            writer.write(http2.opening(methods.SUBMIT.path) + http2.frame(http2.DATA, message[:cut], 0, 1))
            await writer.drain()
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert await served(world)
    assert (searches(world), len(entries(world.nodes["vn"]))) == (before[0] + 1, before[1] + 1)


async def test_i6_the_same_bytes_that_are_not_cut_are_a_message(world: World) -> None:
    """The control of the test before."""
    message = http2.message(submission(sealed(world.federation["th"])))
    before = searches(world)
    async with dial(world) as (_, writer):
        writer.write(http2.opening(methods.SUBMIT.path) + http2.frame(http2.DATA, message, 1, 1))
        await eventually(lambda: searches(world) == before + 1)


async def test_i10_a_flood_of_pings_ends_its_connection_only(world: World) -> None:
    async def flood() -> bytes:
        """Send pings until the node ends the connection; return what it said."""
        said = bytearray()
        async with dial(world) as (reader, writer):
            with suppress(ConnectionError, ssl.SSLError):
                writer.write(http2.PREFACE + http2.frame(http2.SETTINGS))
                for _ in range(2_000):
                    writer.write(http2.frame(http2.PING, bytes(8)) * 50)
                    await writer.drain()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.01):
                            data = await reader.read(65_536)
                            said += data
                            if not data:
                                break
                else:
                    pytest.fail("100,000 pings were taken")
        return bytes(said)

    floods = [asyncio.create_task(flood()) for _ in range(4)]
    assert await in_turns(served(world), 3)
    for said in await asyncio.gather(*floods):
        assert b"too_many_pings" in said or not said
    assert await in_turns(served(world), 3)


async def test_a17_a_renewed_certificate_is_shown_to_new_connections_and_old_ones_go_on(world: World) -> None:
    home = world.home("vn")
    file = home / "keys" / "tls.pem"
    key = load_pem_private_key((home / "keys" / "tls.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)

    async def shown() -> bytes:
        async with dial(world) as (_, writer):
            der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            return der

    async with caller(world).channel() as channel:
        call = channel.unary_unary(methods.SUBMIT.path)

        async def goes_on() -> bool:
            data: bytes = await call(submission(sealed(world.federation["th"])), timeout=20)
            return answer_of(methods.SUBMIT.answer.read(data)).outcome is Outcome.HIT

        assert await goes_on()
        old = await shown()
        name = CertificateName(VN, CertificateUse.NODE, world.federation["vn"].name)
        file.write_bytes(issue(load_authority(world.federation["vn"].authority), key.public_key(), name, CLOCK))
        renewed = read_leaf(file.read_bytes()).der
        assert renewed != old

        async def is_shown() -> bool:
            return await shown() == renewed

        await eventually_async(is_shown)
        assert await goes_on()
    assert await served(world)


class DeafLink:
    """Passes bytes on to a node; while `deaf`, what the node says is lost."""

    def __init__(self, port: int) -> None:
        self.deaf = False
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the bytes of one connection on, both ways, until one side ends it."""
        try:
            to_node = await asyncio.open_connection("127.0.0.1", self._port)
        except ConnectionError:  # the node is not there yet
            writer.transport.abort()
            return
        ways = [self._pass(reader, to_node[1], False), self._pass(to_node[0], writer, True)]
        _, left = await asyncio.wait([asyncio.create_task(way) for way in ways], return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        for end in (writer, to_node[1]):
            end.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, back: bool) -> None:
        lost = False
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                lost = back and (lost or self.deaf)  # TLS cannot go on behind a gap
                if not lost:
                    target.write(data)
                    await target.drain()
                elif not self.deaf:
                    return


async def test_i5_an_answer_that_is_lost_is_silence_and_the_link_comes_back(tmp_path: Path) -> None:
    world = impatient(sample_world(tmp_path, ("th", "vn")))
    port, file = free_port(), world.home("vn") / "node.toml"
    file.write_text(file.read_text("utf-8").replace(f'exchange = "127.0.0.1:{world.ports["vn"]}"',
                                                    f'exchange = "127.0.0.1:{port}"'), "utf-8")  # fmt: skip
    link = DeafLink(port)
    server = await asyncio.start_server(link.serve, "127.0.0.1", world.ports["vn"])
    async with server, stopping(world):
        th, vn = await world.start("th"), await world.start("vn")

        async def ask() -> Outcome:
            found = lines(await th.asking.searches.start(officer("th"), command()))[VN]
            return Outcome(found.outcome)

        async def hears() -> bool:
            return await ask() is Outcome.HIT

        await eventually_async(hears)
        assert [await hears() for _ in range(4)] == [True] * 4, "both connections stand"
        link.deaf = True
        answered = len(entries(vn))
        assert await ask() is Outcome.SILENT
        assert len(entries(vn)) > answered, "the question arrived, and was answered"
        link.deaf = False
        await eventually_async(hears)


async def test_j13_a_server_whose_key_was_removed_is_not_called(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with stopping(world):
        th, vn = await world.start("th"), await world.start("vn")
        assert lines(await th.asking.searches.start(officer("th"), command()))[VN].outcome is Outcome.HIT
        home = world.home("vn")
        removed = world.federation.view("th").peer(world.federation["vn"].certificate("tls")).key_id
        world.federation.share(publish_status(home, CLOCK, removed=[removed]))
        before = len(entries(vn))

        async def is_left_alone() -> bool:
            return lines(await th.asking.searches.start(officer("th"), command()))[VN].outcome is not Outcome.HIT

        await eventually_async(is_left_alone)
        assert len(entries(vn)) >= before
        heard = len(entries(vn))
        line = lines(await th.asking.searches.start(officer("th"), command()))[VN]
        assert line.refusal
        assert (line.outcome, line.refusal.code) == (Outcome.NOT_ACCEPTED, "key-removed")
        assert len(entries(vn)) == heard, "nothing came to it"
