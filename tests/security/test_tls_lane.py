"""The TLS lane of a node whose TLS key is in a security module: it lets no one in whom gRPC's own TLS would refuse.

CASE-A1 to CASE-A4 and CASE-I2 at the lane, and strangers of the same machine at gRPC's loopback port behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from certs.authority import create_authority
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.config.home import Home
from gateway.host import descriptors
from gateway.host.descriptors import budget
from gateway.ops.doctor.machine_checks import check_descriptors
from gateway.ops.finding import CheckContext
from gateway.rpc import methods
from gateway.rpc.lane import _HANDSHAKE_S, LOOPBACK, TlsLane, _listen
from tests.support.exchange import CLOCK, answer_of, caller, sample_world, sealed, submission
from tests.support.forger import eventually
from tests.support.module_node import move_keys, move_tls
from tests.support.nodes import World, running
from tests.support.optional import needs
from tests.support.security_module import shared_token

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    needs("pkcs11.so")
    token = shared_token()
    made = sample_world(tmp_path_factory.mktemp("lane"), ("th", "vn"))
    move_keys(made.home("vn"), token, ())
    move_tls(made.home("vn"), token)
    async with running(made, ["vn"]):
        yield made


FEW_FILES = 1024


def shown(world: World) -> ssl.SSLContext:
    """Return what a counterpart, Thailand, shows at its handshakes."""
    home = world.home("th")
    context = ssl.create_default_context(cafile=world.home("vn") / "ca.pem")
    context.check_hostname = False
    context.load_cert_chain(home / "keys" / "tls.pem", home / "keys" / "tls.key")
    context.set_alpn_protocols(["h2"])
    return context


def lane(world: World) -> TlsLane:
    server = world.nodes["vn"]._server
    assert server is not None
    assert server._lane is not None
    return server._lane


async def answers(world: World, **changes: Any) -> bool:
    """Tell whether the node answers a real question of Thailand."""
    data = submission(sealed(world.federation["th"]))
    answer = await caller(world, **changes).call(methods.SUBMIT.path, data)
    return answer_of(methods.SUBMIT.answer.read(answer)).refusal is None


async def test_a_member_is_answered_and_known_by_its_own_address(world: World) -> None:
    assert await answers(world)


async def refused(call: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code()


async def test_small_parts_leave_the_lane_at_once() -> None:
    with _listen("127.0.0.1:0", "listen.exchange", share_port=False) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # asyncio asks for it, and then sets TCP_NODELAY


async def test_a3_a4_no_certificate_and_an_unknown_ca(world: World, tmp_path: Path) -> None:
    assert await refused(answers(world, key=b"", certificate=b"")) is grpc.StatusCode.UNAVAILABLE
    create_authority(tmp_path, "th", CLOCK)
    other = (tmp_path / "ca.key").read_bytes(), (tmp_path / "ca.pem").read_bytes()
    assert await refused(answers(world, key=other[0], certificate=other[1])) is grpc.StatusCode.UNAVAILABLE
    assert await answers(world)


async def test_a1_a2_plaintext_and_tls_1_2(world: World) -> None:
    channel: Any
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.ports['vn']}") as channel:
        call = channel.unary_unary(methods.SUBMIT.path)(submission(b"x"), timeout=5)
        assert await refused(call) in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(LOOPBACK, world.ports["vn"], ssl=context)


async def at_inner_port(world: World, source: int = 0) -> grpc.StatusCode:
    """Ask gRPC's own port past the lane, from one source port of this machine, through a pipe of our own."""
    own = socket.socket()
    own.bind((LOOPBACK, source))
    own.setblocking(False)
    await asyncio.get_running_loop().sock_connect(own, (LOOPBACK, lane(world).inner))
    inner = await asyncio.open_connection(sock=own)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.gather(pipe(reader, inner[1]), pipe(inner[0], writer))

    server = await asyncio.start_server(carry, LOOPBACK, 0)
    channel: Any
    async with grpc.aio.insecure_channel(f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}") as channel:
        data = submission(sealed(world.federation["th"]))
        code = await refused(channel.unary_unary(methods.SUBMIT.path)(data, timeout=20))
    inner[1].close()
    server.close()
    return code


async def test_a_process_of_this_machine_past_the_lane_is_a_stranger(world: World) -> None:
    assert await at_inner_port(world) is grpc.StatusCode.UNAUTHENTICATED
    assert await answers(world)


async def test_a_stranger_past_the_lane_is_not_taken_for_the_member_that_is_connected(world: World) -> None:
    """One member's connection stands, and is the only one that the lane knows."""
    data = submission(sealed(world.federation["th"]))
    async with caller(world).channel() as channel:
        await channel.unary_unary(methods.SUBMIT.path)(data, timeout=20)
        await eventually(lambda: len(lane(world)._callers) == 1)
        assert await at_inner_port(world) is grpc.StatusCode.UNAUTHENTICATED
        assert len(lane(world)._callers) == 1


async def test_a_source_port_that_was_a_members_is_a_strangers_when_its_connection_is_over(world: World) -> None:
    async with caller(world).channel() as channel:
        data = submission(sealed(world.federation["th"]))
        await channel.unary_unary(methods.SUBMIT.path)(data, timeout=20)
        ports = set(lane(world)._callers)
        assert ports
    await eventually(lambda: not ports & set(lane(world)._callers))
    for port in ports:
        with contextlib.suppress(OSError):  # the system still keeps it
            assert await at_inner_port(world, port) is grpc.StatusCode.UNAUTHENTICATED
    assert lane(world).address_of(f"ipv4:{LOOPBACK}:{min(ports)}") == f"ipv4:{LOOPBACK}:{min(ports)}"


async def test_i2_strangers_that_never_finish_their_handshake_keep_nobody_waiting(world: World) -> None:
    held = [await asyncio.open_connection(LOOPBACK, world.ports["vn"]) for _ in range(100)]
    for _, writer in held[:50]:
        writer.write(b"\x16\x03\x01\x02")
    assert await answers(world)
    for _, writer in held:
        writer.close()


async def test_i2_handshakes_under_way_are_bounded_and_the_oldest_gives_way(world: World) -> None:
    """A stranger's would otherwise be open for five seconds each, and take all connections of counterparts."""
    most = budget().lane_handshakes
    oldest, *others = [await asyncio.open_connection(LOOPBACK, world.ports["vn"]) for _ in range(most + 1)]
    try:
        async with asyncio.timeout(_HANDSHAKE_S / 2):
            with contextlib.suppress(ConnectionError):
                assert await oldest[0].read() == b""
        await eventually(lambda: len(lane(world)._shaking) <= most)
        assert await answers(world)
    finally:
        for _, writer in (oldest, *others):
            writer.close()


async def test_n290_the_lane_takes_no_more_connections_than_doctor_names(world: World) -> None:
    home = world.home("vn")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, before[1]))
    try:
        most = budget().lane_connections
        held = [await asyncio.open_connection(LOOPBACK, world.ports["vn"], ssl=shown(world)) for _ in range(most)]
        assert await refused(answers(world)) is grpc.StatusCode.UNAVAILABLE
        await eventually(lambda: lane(world)._agreed() == most)
        for _, writer in held:
            writer.close()
        await eventually(lambda: not lane(world)._open)
        assert await answers(world)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(descriptors, "allowed", descriptors.limit)
            (finding,) = check_descriptors(CheckContext(load_settings(home), Home(home), SystemClock()))
        assert f": {most} connections of counterparts" in finding.text
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    (finding,) = check_descriptors(CheckContext(load_settings(home), Home(home), SystemClock()))
    assert f"counterparts have {descriptors.Budget(descriptors.allowed()).lane_connections} connections" in finding.text


async def test_a_certificate_that_cannot_be_read_leaves_the_old_one(world: World) -> None:
    file = world.home("vn") / "keys" / "tls.pem"
    before = file.read_bytes()
    file.write_bytes(b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    try:
        assert await answers(world)
    finally:
        file.write_bytes(before)
    assert await answers(world)
