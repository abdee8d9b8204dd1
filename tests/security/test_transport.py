"""Transport and certificates (CASE-A and CASE-B): nobody but a listed key of an active member is answered.

The forged certificates are signed by the real CA of the member; only what each case names is wrong.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.authority import create_authority, issue, load_authority
from certs.names import CertificateName, CertificateUse
from gateway.model.exchange import Outcome
from gateway.rpc import methods
from gateway.rpc.contract import largest_request
from tests.support.exchange import (
    CLOCK,
    TH,
    Caller,
    WatchedSource,
    answer_of,
    caller,
    entries,
    sample_world,
    sealed,
    stopping,
    submission,
    watch,
)
from tests.support.forger import eventually
from tests.support.nodes import World
from tests.support.processes import NodeProcess
from tests.support.waiting import MOST_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

NODE = CertificateName(TH, CertificateUse.NODE, "node1")
BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
SILENCE = {grpc.StatusCode.UNAVAILABLE}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = sample_world(tmp_path_factory.mktemp("transport"), ("th", "vn"))
    async with stopping(made):
        watch(await made.start("vn"))
        yield made


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def unharmed(world: World, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """After each case: no source was asked, no entry about an exchange was made, and others are served."""
    before = (searches(world), len(entries(world.nodes["vn"])))
    yield
    restarted, asked = "tls_1_2" in request.node.name, "old_credentials" in request.node.name
    assert searches(world) == (0 if restarted else before[0] + asked)
    assert len(entries(world.nodes["vn"])) == before[1] + asked
    assert answer_of(await caller(world).submit(message(world))).outcome is Outcome.HIT


def searches(world: World) -> int:
    source = world.nodes["vn"].resources.walls[0].source
    assert isinstance(source, WatchedSource)
    return source.searches


def message(world: World) -> bytes:
    return sealed(world.federation["th"])


def listed_key(world: World) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key((world.home("th") / "keys" / "tls.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def forged(
    world: World,
    *,
    usage: Sequence[x509.ObjectIdentifier] | None = BOTH,
    names: Sequence[str] = (NODE.uri,),
    common_name: str = "node1",
) -> bytes:
    """A certificate for Thailand's listed TLS key, by Thailand's CA, with another profile."""
    ca, now = load_authority(world.federation["th"].authority), CLOCK.now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(ca.certificate.subject)
        .public_key(listed_key(world).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(listed_key(world).public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    if names:
        sans: list[x509.GeneralName] = [x509.UniformResourceIdentifier(name) for name in names]
        sans.append(x509.DNSName(NODE.dns))
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    return builder.sign(ca.key, SHA256()).public_bytes(Encoding.PEM)


def noted(world: World, kind: str) -> Counter[str]:
    """How many callers Viet Nam's entries of this kind tell of, by the code of the refusal."""
    found = [item.private for item in entries(world.nodes["vn"], "operations") if item.entry.kind == kind]
    return sum((Counter({item["code"]: item.get("count", 1)}) for item in found), Counter[str]())


async def refused(who: Caller, world: World) -> grpc.StatusCode:
    return await who.refused(methods.SUBMIT.path, submission(message(world)))


async def test_a1_plaintext_is_not_answered(world: World) -> None:
    channel: Any
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.ports['vn']}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(methods.SUBMIT.path)(submission(message(world)), timeout=MOST_S)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    with socket.create_connection(("127.0.0.1", world.ports["vn"]), 5) as raw:
        raw.settimeout(5)
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in raw.recv(4096)


def handshake(world: World, version: ssl.TLSVersion) -> str | None:
    keys = world.home("th") / "keys"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(world.home("vn") / "ca.pem")
    context.load_cert_chain(keys / "tls.pem", keys / "tls.key")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", world.ports["vn"]), 5) as raw,
        context.wrap_socket(raw, server_hostname="node1.vn.liaison.internal") as tls,
    ):
        return tls.version()


async def test_a2_tls_1_2_finds_no_common_ground(world: World) -> None:
    """At a process of its own: the setting counts only when it is made before grpc is loaded."""
    await world.stop("vn")
    async with NodeProcess(world.home("vn"), world.ports["vn"]):
        assert await asyncio.to_thread(handshake, world, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(handshake, world, ssl.TLSVersion.TLSv1_2)
    watch(await world.start("vn"))


async def test_a3_no_client_certificate(world: World) -> None:
    assert await refused(caller(world, key=b"", certificate=b""), world) in SILENCE


async def test_a4_an_unknown_ca(world: World, tmp_path: Path) -> None:
    ca = create_authority(tmp_path, "th", CLOCK)
    certificate = issue(ca, listed_key(world).public_key(), NODE, CLOCK)
    assert await refused(caller(world, certificate=certificate), world) in SILENCE


@pytest.mark.parametrize(
    ("start", "days"),
    [(timedelta(days=-2), 1), (timedelta(hours=1), 1)],
    ids=["CASE-A5 expired", "CASE-A6 not yet valid"],
)
async def test_a5_a6_a_certificate_outside_its_time(world: World, start: timedelta, days: int) -> None:
    ca = load_authority(world.federation["th"].authority)
    certificate = issue(ca, listed_key(world).public_key(), NODE, CLOCK, days=days, not_before=CLOCK.now() + start)
    assert await refused(caller(world, certificate=certificate), world) in SILENCE


async def test_a7_a_certificate_for_servers_only(world: World) -> None:
    certificate = forged(world, usage=(ExtendedKeyUsageOID.SERVER_AUTH,))
    assert await refused(caller(world, certificate=certificate), world) in SILENCE


@pytest.mark.parametrize(
    "changes",
    [
        {"usage": None},
        {"usage": (ExtendedKeyUsageOID.CLIENT_AUTH,)},
        {"names": (), "common_name": "th"},
        {"names": (), "common_name": NODE.uri},
        {"names": (NODE.uri, "spiffe://liaison/vn/node/node1")},
        {"names": ("spiffe://liaison/vn/node/node1",)},
        {"names": ("spiffe://liaison/th/client/node1",)},
        {"names": ("spiffe://liaison/th/node/node1/",)},
        {"names": ("spiffe://liaison/TH/node/node1",)},
    ],
    ids=["CASE-A8 no EKU", "client EKU only", "CASE-A9 CN = member", "CASE-A9 CN = name", "two URIs",
         "other member", "other use", "trailing slash", "capitals"],
)  # fmt: skip
async def test_a8_a9_another_profile_passes_tls_and_is_nobody(world: World, changes: dict[str, Any]) -> None:
    certificate, before = forged(world, **changes), noted(world, "auth-failed")
    assert await refused(caller(world, certificate=certificate), world) is grpc.StatusCode.UNAUTHENTICATED
    await eventually(lambda: (noted(world, "auth-failed") - before).total() == 1)
    (code,) = noted(world, "auth-failed") - before
    assert code


async def test_the_forged_profile_is_accepted_when_nothing_is_wrong_with_it(world: World) -> None:
    """The control: what the cases above refuse is what they name."""
    assert await caller(world, certificate=forged(world)).call(methods.HEALTH_CHECK.path, b"") == b"\x08\x01"


async def test_a10_the_right_ca_and_a_key_that_is_not_listed(world: World) -> None:
    ca, key = load_authority(world.federation["th"].authority), ec.generate_private_key(ec.SECP256R1())
    who = caller(world, key=pem(key), certificate=issue(ca, key.public_key(), NODE, CLOCK))
    assert await refused(who, world) is grpc.StatusCode.UNAUTHENTICATED
    await eventually(lambda: noted(world, "auth-failed")["not-listed"] > 0)


@pytest.mark.parametrize("path", [methods.STREAM.path, methods.ACKNOWLEDGE.path, methods.HEALTH_CHECK.path])
async def test_a10_no_method_answers_a_stranger(world: World, path: str) -> None:
    """CASE-L9: not even the health service."""
    who = caller(world, certificate=forged(world, usage=None))
    async with who.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:  # noqa: PT012 - a stream takes several steps
            if path == methods.STREAM.path:
                call = channel.stream_stream(path)(iter(()), timeout=MOST_S)
                async for _ in call:
                    pytest.fail("something came back")
            else:
                await channel.unary_unary(path)(b"", timeout=MOST_S)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a18_tls_files_that_cannot_be_read_leave_the_old_credentials(world: World) -> None:
    path = world.home("vn") / "keys" / "tls.pem"
    good = path.read_bytes()
    path.write_bytes(good[:100])
    try:
        assert answer_of(await caller(world).submit(message(world))).outcome is Outcome.HIT
        assert await refused(caller(world, key=b"", certificate=b""), world) in SILENCE
        await eventually(
            lambda: any(item.private.get("code") == "tls-files" for item in entries(world.nodes["vn"], "operations"))
        )
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize("size", [largest_request(methods.NODE_METHODS) + 1, 4 * 1024 * 1024])
async def test_b3_a_message_over_the_limit(world: World, size: int) -> None:
    assert await caller(world).refused(methods.SUBMIT.path, bytes(size)) is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_b3_messages_over_the_limit_leave_memory_steady(world: World) -> None:
    who, size = caller(world), 4 * 1024 * 1024
    sent = bytes(size)
    for _ in range(4):
        await who.refused(methods.SUBMIT.path, sent)
    before = resident()
    for _ in range(16):
        assert await who.refused(methods.SUBMIT.path, sent) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert resident() - before < 4 * size, "16 messages of 4 MiB stay in no memory"


def resident() -> int:
    """Bytes of memory that this process, in which the node runs, holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "metadata",
    [[("x-long", "v" * 20_000)], [(f"x-{number}", "value of some length") for number in range(1_000)]],
    ids=["20 KB", "1,000 keys"],
)
async def test_b7_metadata_without_end(world: World, metadata: list[tuple[str, str]]) -> None:
    status = await caller(world).refused(methods.SUBMIT.path, submission(message(world)), metadata=metadata)
    assert status is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "path",
    [
        "/liaison.exchange.v1.ExchangeService/DeleteEverything",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.health.v1.Health/Watch",
    ],
)
async def test_b14_an_unknown_method_is_unimplemented_and_counted(world: World, path: str) -> None:
    before = noted(world, "auth-failed")["unknown-method"]
    assert await caller(world).refused(path, b"") is grpc.StatusCode.UNIMPLEMENTED
    await eventually(lambda: noted(world, "auth-failed")["unknown-method"] == before + 1)


@pytest.mark.parametrize("data", [b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x00\x00", b"\x0a\x05abc"])
async def test_b1_a_frame_that_does_not_parse_is_refused_before_the_story(world: World, data: bytes) -> None:
    before = noted(world, "alarm")
    assert await caller(world).refused(methods.SUBMIT.path, data) is grpc.StatusCode.INVALID_ARGUMENT
    async with caller(world).channel() as channel:
        call = channel.stream_stream(methods.STREAM.path)(timeout=MOST_S)
        await call.write(data)
        with pytest.raises(grpc.aio.AioRpcError) as caught:  # noqa: PT012 - a stream takes several steps
            assert await call.read() is grpc.aio.EOF
            pytest.fail("the stream ended without a status")
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    await eventually(lambda: (noted(world, "alarm") - before).total() == 2)
