"""What a system can leave undone at the REST port: half requests, bodies, answers it does not read, TLS it never ends.

Clients are real TLS sockets with certificates of the national CA, or none.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import resource
import select
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from certs.names import CertificateName, CertificateUse
from gateway.https.listener import ConnectionLimits, HttpsConnection
from gateway.loop import run
from tests.support.load import waiting
from tests.support.rest import MEMBER, SNI, Rest, StoredSearches, rest_api
from tests.support.waiting import until

HALF_HEAD = b"GET /v1/health HTTP/1.1\r\nhost: gw1\r\nx-slow"
OPENAPI = b"GET /openapi.json HTTP/1.1\r\nhost: gw1\r\n\r\n"
HEALTH = b"GET /v1/health HTTP/1.1\r\nhost: gw1\r\n\r\n"
QUICK = ConnectionLimits(handshake_s=1.0, request_s=1.0, idle_s=1.5, unread_s=1.0, places=40, per_system=20, reserve=10)
WAIT_S = 15.0


@pytest.fixture
async def rest(tmp_path: Path) -> AsyncIterator[Rest]:
    async with rest_api(tmp_path, StoredSearches(), limits=QUICK) as running:
        running.certify("client-other", CertificateName(MEMBER, CertificateUse.CLIENT, "other"))
        yield running


class Client:
    """A TLS connection that says what it is told to say."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, rest: Rest, name: str = "client-cli", context: ssl.SSLContext | None = None) -> Client:
        context = context or rest.context(name)
        return cls(
            *await asyncio.open_connection(
                "127.0.0.1", rest.port, ssl=context, server_hostname=SNI["sni_hostname"], ssl_shutdown_timeout=0.1
            )
        )

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> str:
        return (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), WAIT_S)).decode()

    async def answer(self, data: bytes = HEALTH) -> tuple[int, Any]:
        """Send a whole request; return status and body."""
        await self.send(data)
        head = await self.head()
        length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
        return int(head.split(" ")[1]), json.loads(await asyncio.wait_for(self.reader.readexactly(length), WAIT_S))

    async def ended(self) -> float:
        """Wait until the other side has ended it; return the seconds."""
        with waiting() as watch, contextlib.suppress(OSError, ssl.SSLError):
            while await asyncio.wait_for(self.reader.read(1 << 16), WAIT_S):
                pass
        return watch.seconds

    async def trickles(self) -> float:
        """Send a byte at a time until the other side has ended it; return the seconds."""
        with waiting() as watch, contextlib.suppress(OSError, ssl.SSLError):
            while watch.seconds < WAIT_S:
                await self.send(b" ")
                await asyncio.sleep(0.05)
        return watch.seconds

    def stop_reading(self) -> None:
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is one of both directions

    def drop(self) -> None:
        self.writer.transport.abort()


def post(rest: Rest, body: bytes, *headers: str, token: bool = True) -> bytes:
    given = [*headers, f"authorization: {rest.bearer()['authorization']}"] if token else list(headers)
    head = ["POST /v1/searches HTTP/1.1", "host: gw1", "content-type: application/json", *given, "", ""]
    return "\r\n".join(head).encode() + body


# ------------------------------------------------------------ half requests


async def test_half_requests_after_a_whole_one_do_not_close_the_api(rest: Rest) -> None:
    """CASE-B3: the deadline holds for each request of a connection, and a system's stalled ones make room."""
    stalled: list[Client] = []
    for _ in range(60):  # three times what a system gets
        client = await Client.open(rest)
        if len(stalled) % 2:
            assert (await client.answer())[0] == 200
        await client.send(HALF_HEAD)
        stalled.append(client)
    for name in ("client-other", "client-cli"):
        honest = await Client.open(rest, name)
        assert (await honest.answer())[0] == 200
    await asyncio.gather(*(client.ended() for client in stalled))


async def test_a_request_that_trickles_in_is_cut_however_often_a_byte_comes(rest: Rest) -> None:
    client = await Client.open(rest)
    assert (await client.answer())[0] == 200
    await client.send(HALF_HEAD)
    assert await client.trickles() < QUICK.request_s + 5


@pytest.mark.parametrize("token", [True, False])
async def test_a_body_has_a_deadline_also_when_the_token_was_refused(rest: Rest, token: bool) -> None:
    client = await Client.open(rest)
    await client.send(post(rest, b'{"', "content-length: 60000", token=token))
    if not token:
        assert " 401 " in await client.head()
    assert await client.trickles() < QUICK.request_s + 5


async def test_a_connection_that_says_nothing_is_cut(rest: Rest) -> None:
    silent, asked = await Client.open(rest), await Client.open(rest)
    assert (await asked.answer())[0] == 200
    assert max(await asyncio.gather(silent.ended(), asked.ended())) < WAIT_S - 2


async def test_m4_what_an_ended_connection_held_is_free_without_the_collector(rest: Rest) -> None:
    """A node's collector looks at what is old once in hours: half requests took 256 KiB each until then."""

    def of_connections() -> int:
        return sum(isinstance(each, HttpsConnection) for each in gc.get_objects())

    async def leave(data: bytes, is_cut_by_us: bool) -> None:
        client = await Client.open(rest)
        await client.send(data)
        if is_cut_by_us:
            await client.ended()
        client.drop()

    body = post(rest, b'{"', "content-length: 900")
    left = (b"", HALF_HEAD, HEALTH + HALF_HEAD, body, OPENAPI, b"\0" * 99)
    gc.collect()
    gc.disable()
    try:
        before = of_connections()
        await asyncio.gather(*(leave(data, is_cut_by_us) for data in left for is_cut_by_us in (True, False)))
        await until(lambda: of_connections() <= before, "the end of all connections")
    finally:
        gc.enable()


# ------------------------------------------------------------ places


async def test_one_system_leaves_places_for_the_others(rest: Rest) -> None:
    greedy = [await Client.open(rest) for _ in range(50)]
    others = [await Client.open(rest, "client-other") for _ in range(10)]
    for client in others:
        assert (await client.answer())[0] == 200
    for client in greedy:
        client.drop()


async def test_a_connection_that_is_answered_is_not_cut_for_a_new_one(tmp_path: Path) -> None:
    searches = Held()
    async with rest_api(tmp_path, searches, limits=QUICK) as rest:
        asking = await Client.open(rest)
        await asking.send(post(rest, BODY, f"content-length: {len(BODY)}"))
        await until(lambda: bool(searches.waiting), "what the other side does")
        for _ in range(2 * QUICK.per_system):
            await Client.open(rest)
        searches.go.set()
        assert " 200 " in await asking.head()


async def test_strangers_who_say_nothing_leave_room_for_a_handshake(rest: Rest) -> None:
    """CASE-A3: without a certificate no one holds a place for longer than the handshake may take."""
    strangers = []
    for _ in range(3 * QUICK.handshakes):
        stranger = socket.socket()
        stranger.setblocking(False)
        await asyncio.get_running_loop().sock_connect(stranger, ("127.0.0.1", rest.port))
        strangers.append(stranger)
    honest = await Client.open(rest)
    assert (await honest.answer())[0] == 200
    loop = asyncio.get_running_loop()
    for stranger in strangers:
        with contextlib.suppress(OSError):
            assert await asyncio.wait_for(loop.sock_recv(stranger, 1), WAIT_S) == b""
        stranger.close()


async def test_the_port_listens_again_after_the_descriptors_ran_out(
    rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    context = rest.context("client-cli")
    taken: list[socket.socket] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        late = socket.socket()
        with contextlib.suppress(OSError):
            taken.extend(socket.socket() for _ in range(256))
        assert len(taken) < 256
        late.setblocking(False)
        await asyncio.get_running_loop().sock_connect(late, ("127.0.0.1", rest.port))
        await asyncio.sleep(0.1)
    finally:
        for each in taken:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (await (await Client.open(rest, context=context)).answer())[0] == 200
    late.close()


# ------------------------------------------------------------ answers that are not read


@pytest.mark.parametrize("answers", [20, 400])
async def test_a_reader_that_takes_nothing_is_cut(rest: Rest, answers: int) -> None:
    """Also one whose answers lie in the kernel alone. 400 of them are more than the buffers between hold."""
    slow = Client(*await _narrow(rest))
    slow.stop_reading()
    slow.writer.write(OPENAPI * answers)
    hung_up = select.poll()
    hung_up.register(slow.writer.get_extra_info("socket").fileno(), select.POLLHUP | select.POLLERR)
    with waiting() as watch:
        await until(lambda: bool(hung_up.poll(0)), "what the other side does")
    assert watch.seconds < QUICK.unread_s + 5


async def test_a_reader_that_takes_a_little_at_a_time_gets_all(rest: Rest) -> None:
    slow = Client(*await _narrow(rest))
    answers, taken = 3, 0
    slow.writer.write(OPENAPI * answers)
    with waiting() as watch:
        while watch.seconds < 3 * QUICK.unread_s:
            taken += len(await slow.reader.read(2048))
            await asyncio.sleep(0.1)
    while not slow.reader.at_eof() and taken < answers * 10_000:
        taken += len(await slow.reader.read(1 << 16))
    assert taken >= answers * 10_000


async def _narrow(rest: Rest) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a connection whose side holds only a few thousand bytes that no one has read."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", rest.port))
    name = SNI["sni_hostname"]
    return await asyncio.open_connection(
        sock=narrow, ssl=rest.context("client-cli"), server_hostname=name, limit=2048, ssl_shutdown_timeout=0.1
    )


# ------------------------------------------------------------ the end


@pytest.mark.parametrize("run_on", [asyncio.run, run], ids=["asyncio", "the node's loop"])
def test_a_stop_waits_for_no_client_that_has_nothing_to_wait_for(
    tmp_path: Path, run_on: Callable[[Coroutine[Any, Any, float]], float]
) -> None:
    """Clients that are idle, in the middle of a request or of a stream, and end no TLS: the stop waits for none.

    It takes under half a second; the rest is room for other work on the machine.
    """
    assert run_on(_stopping(tmp_path)) < 2.0


async def _stopping(folder: Path) -> float:
    """Return the seconds of a stop with ten of each kind of client."""
    searches = StoredSearches()
    async with contextlib.AsyncExitStack() as stack:
        rest = await stack.enter_async_context(rest_api(folder, searches))
        asker = await Client.open(rest)
        _, found = await asker.answer(post(rest, BODY, f"content-length: {len(BODY)}"))
        following = f"GET /v1/searches/{found['id']} HTTP/1.1\r\nhost: gw1\r\naccept: text/event-stream\r\n"
        following += f"authorization: {rest.bearer()['authorization']}\r\n\r\n"
        clients = [asker]
        for sent in (b"", HEALTH, HALF_HEAD, post(rest, b"{", "content-length: 9"), following.encode()):
            for _ in range(10):
                clients.append(client := await Client.open(rest))
                await client.send(sent)
                if sent in (HEALTH, following.encode()):
                    await client.head()
        for client in clients:
            client.stop_reading()  # so that no one answers the end of TLS
        with waiting() as watch:
            await stack.aclose()
        return watch.seconds


BODY = json.dumps(
    {
        "query": {"kind": "document", "number": "C1234567", "issuer": "VNM"},
        "to": ["vn"],
        "purpose": "BORDER_CHECK",
        "offence": "DOCFRAUD",
        "ticket": "T-1",
    }
).encode()


class Held(StoredSearches):
    """Searches that wait until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.waiting: list[str] = []

    async def start(self, officer: Any, command: Any) -> Any:
        self.waiting.append(officer.person)
        await self.go.wait()
        return await super().start(officer, command)
