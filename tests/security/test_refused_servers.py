"""CASE-A15: a counterpart's server whose connection our side refuses. The officer is told so, and why."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import create_authority, issue, load_authority
from certs.names import CertificateName, CertificateUse
from gateway.exchange.asking.breaker import IN_A_ROW
from gateway.model.exchange import Outcome
from gateway.model.search import Line
from gateway.rpc import methods
from gateway.rpc.contract import largest_answer
from gateway.views.search.lines import headline
from tests.support.exchange import CLOCK, VN, command, entries, kinds, lines, sample_world, stopping
from tests.support.forger import Forger, eventually_async, hostile
from tests.support.nodes import World, impatient, officer

pytestmark = pytest.mark.asyncio(loop_scope="module")

NODE = CertificateName(VN, CertificateUse.NODE, "node1")
Shown = Callable[[World, Path], bytes]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = impatient(sample_world(tmp_path_factory.mktemp("refused"), ("th", "vn")))
    async with stopping(made):
        await made.start("th")
        yield made


async def says(world: World, code: str) -> bool:
    """Whether the last attempt to connect, which gRPC tells until the next one, failed for this reason."""
    refusal = (await ask(world)).refusal
    return refusal is not None and refusal.code == code


async def is_silent(world: World) -> bool:
    """Whether the last attempt to connect failed for a reason that is not ours."""
    return (await ask(world)).outcome is Outcome.SILENT


async def ask(world: World) -> Line:
    line: Line = lines(await world.nodes["th"].asking.searches.start(officer("th"), command()))[VN]
    return line


def _certificate(world: World, name: CertificateName = NODE, start: timedelta = timedelta(0), days: int = 1) -> bytes:
    key = x509.load_pem_x509_certificate(world.federation["vn"].certificate("tls")).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    ca = load_authority(world.federation["vn"].authority)
    return issue(ca, key, name, CLOCK, days=days, not_before=CLOCK.now() - timedelta(minutes=5) + start)


def _by_another_authority(world: World, folder: Path) -> bytes:
    key = x509.load_pem_x509_certificate(world.federation["vn"].certificate("tls")).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return issue(create_authority(folder / "twin", "vn", CLOCK), key, NODE, CLOCK)


def _named(name: str) -> Shown:
    return lambda world, _: _certificate(world, CertificateName(VN, CertificateUse.NODE, name))


SHOWN: dict[str, tuple[Shown, str]] = {
    "expired": (lambda world, _: _certificate(world, start=timedelta(days=-2)), "tls-out-of-time"),
    "not-yet-valid": (lambda world, _: _certificate(world, start=timedelta(hours=2)), "tls-out-of-time"),
    "another-authority": (_by_another_authority, "tls-authority"),
    "another-node": (_named("node9"), "tls-name"),
}


async def told(world: World, code: str) -> None:
    """The line is not accepted for this reason, the log says so, and no hit is shown."""
    line = await ask(world)
    assert line.refusal
    assert (line.outcome, line.refusal.code, line.hits) == (Outcome.NOT_ACCEPTED, code, ()), line.refusal
    node = world.nodes["th"]
    assert kinds(node, line.exchange_id) == ["asked", "silent"]
    (entry,) = (each for each in entries(node) if each.entry.exchange_id == line.exchange_id
                and each.entry.kind == "silent")  # fmt: skip
    assert (entry.private["outcome"], entry.private["code"]) == ("not_accepted", code)


@pytest.mark.parametrize(("shown", "code"), SHOWN.values(), ids=SHOWN.keys())
async def test_a15_a_certificate_that_we_refuse_is_no_silence(
    world: World, tmp_path: Path, shown: Shown, code: str
) -> None:
    forger = Forger(world.federation["vn"])
    async with hostile(world, "vn", forger.message, certificate=shown(world, tmp_path)) as node:
        await eventually_async(lambda: says(world, code))
        for _ in range(IN_A_ROW + 1):
            await told(world, code)
        assert node.requests == []
    assert world.nodes["th"].asking.asker.breakers.open == []


@asynccontextmanager
async def speaking(world: World, data: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """A server on the place of Viet Nam's node that answers each connection with `data`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(100)
            writer.write(data)
            await writer.drain()
        except OSError:
            pass  # the other side has gone
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", world.ports["vn"], ssl=context)
    async with server:
        yield


def _context(world: World) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    home = world.home("vn")
    context.load_cert_chain(home / "keys" / "tls.pem", home / "keys" / "tls.key")
    return context


def _of_the_web(world: World) -> AbstractAsyncContextManager[None]:
    context = _context(world)
    context.set_alpn_protocols(["http/1.1"])
    return speaking(world, b"", context)


PROTOCOLS: dict[str, Callable[[World], AbstractAsyncContextManager[None]]] = {
    "without-tls": lambda world: speaking(world, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "tls-alert-of-the-version": lambda world: speaking(world, b"\x15\x03\x01\x00\x02\x02\x46"),
    "tls-alert-of-the-ciphers": lambda world: speaking(world, b"\x15\x03\x01\x00\x02\x02\x28"),
    "without-http-2": _of_the_web,
}


@pytest.mark.parametrize("serve", PROTOCOLS.values(), ids=PROTOCOLS.keys())
async def test_a_server_of_another_protocol_is_no_silence(
    world: World, serve: Callable[[World], AbstractAsyncContextManager[None]]
) -> None:
    async with serve(world):
        await eventually_async(lambda: says(world, "tls-protocol"))
        await told(world, "tls-protocol")


def _of_tls_1_2(world: World) -> AbstractAsyncContextManager[None]:
    context = _context(world)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    return speaking(world, b"", context)


@asynccontextmanager
async def _nothing(_: World) -> AsyncIterator[None]:
    yield


UNHEARD: dict[str, tuple[Callable[[World], AbstractAsyncContextManager[None]], str, str]] = {
    "closes": (lambda world: speaking(world, b""), "closed-unsecured", "closed at their end"),
    "tls-1.2-only": (_of_tls_1_2, "closed-unsecured", "closed at their end"),
    "refuses-us": (
        lambda world: speaking(world, b"\x15\x03\x03\x00\x02\x02\x30"), "we-are-refused", "the certificate of ours"
    ),
    "nothing-listens": (_nothing, "nothing-listens", "nothing listens"),
}  # fmt: skip


@pytest.mark.parametrize(("serve", "code", "words"), UNHEARD.values(), ids=UNHEARD.keys())
async def test_silence_says_why_where_that_can_be_told(
    world: World, serve: Callable[[World], AbstractAsyncContextManager[None]], code: str, words: str
) -> None:
    breakers = world.nodes["th"].asking.asker.breakers
    async with serve(world):
        breakers.heard(VN)
        await eventually_async(lambda: says(world, code))
        breakers.heard(VN)
        line = await ask(world)
    assert line.refusal
    assert (line.outcome, line.hits, line.refusal.code) == (Outcome.SILENT, (), code)
    shown = {"member": VN, "outcome": "silent", "hits": [], "missing": [], "late": False, "last_seen": None}
    said, style = headline(shown | {"refusal": {"code": code, "reason": line.refusal.reason}}, "th")
    assert words in said
    assert said.endswith("This does not mean no hit.")
    assert "in time" not in said
    assert style == "warn"


async def test_an_answer_that_is_too_large_is_not_accepted(world: World) -> None:
    much = bytes(largest_answer(methods.NODE_METHODS) + 1)
    async with hostile(world, "vn", lambda _: much):
        await eventually_async(lambda: says(world, "answer-too-large"))
        await told(world, "answer-too-large")


@pytest.mark.parametrize("alert", [0x30, 0x2A, 0x2D], ids=["unknown-authority", "bad-certificate", "expired"])
async def test_a_server_that_refuses_us_is_silent(world: World, alert: int) -> None:
    async with speaking(world, bytes((0x15, 3, 3, 0, 2, 2, alert))):
        await eventually_async(lambda: is_silent(world))


async def test_a_silent_counterpart_that_comes_back_with_an_old_certificate_is_told_apart_and_heard_once_it_renews(
    world: World,
) -> None:
    breakers = world.nodes["th"].asking.asker.breakers
    for _ in range(IN_A_ROW):
        breakers.silence(VN, CLOCK.now_us())
    assert breakers.open == [VN]
    forger = Forger(world.federation["vn"])
    async with hostile(world, "vn", forger.message, certificate=_certificate(world, start=timedelta(days=-2))):
        await eventually_async(lambda: says(world, "tls-out-of-time"))
        assert breakers.open == []

    async def is_heard() -> bool:
        return (await ask(world)).outcome is Outcome.NO_HIT

    async with hostile(world, "vn", forger.message, certificate=_certificate(world)):
        await eventually_async(is_heard)
