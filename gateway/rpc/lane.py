"""The TLS lane: Python's `ssl` in front of a loopback port of gRPC, for a node whose TLS key is in a security module.

gRPC cannot serve with such a key (decision 0066). The lane makes the handshake, then copies bytes between the caller
and a connection of its own to gRPC. That connection's source port is bound here first, and it alone tells gRPC's side
which certificate was shown: any other port of this machine is a stranger. The lane has a thread and a loop of its own,
since a handshake waits for the module.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from certs.tls import address_in_use
from gateway.errors import Unauthenticated
from gateway.host.descriptors import budget

LOOPBACK: Final = "127.0.0.1"

_HANDSHAKE_S = 5.0
_SHUTDOWN_S = 2.0
_CHUNK = 64 * 1024
_BACKLOG = 256
_ACCEPT_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class _Caller:
    certificate: bytes
    address: str


class TlsLane:
    """Takes connections for gRPC's loopback port `inner`. `context` returns the TLS context of the next handshake.

    Callers of the lane may use any thread; its connections live in its own.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self.inner = 0
        self._context = context
        self._callers: dict[int, _Caller] = {}
        self._open: set[asyncio.Task[None]] = set()
        self._shaking: dict[asyncio.Task[None], None] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tls-lane", daemon=True)
        self._accepting: Future[None] | None = None

    def certificate_of(self, peer: str) -> bytes:
        """Return the certificate (PEM) that the caller behind gRPC's `peer` has shown, or raise `Unauthenticated`."""
        caller = self._caller(peer)
        if caller is None:
            raise Unauthenticated("a caller that did not come through the TLS lane", code="not-by-lane")
        return caller.certificate

    def address_of(self, peer: str) -> str:
        """Return the address of the caller behind gRPC's `peer`."""
        caller = self._caller(peer)
        return caller.address if caller else peer

    def start(self, address: str, inner: int, where: str, *, share_port: bool) -> int:
        """Listen on `host:port`; return the port that is bound. Raises `Misconfigured` for an address that is taken."""
        self._context()  # a key or certificate that cannot be used keeps the node from starting
        listener = _listen(address, where, share_port=share_port)
        self.inner = inner
        self._thread.start()
        self._accepting = self._run(self._accept(listener))
        return int(listener.getsockname()[1])

    def stop(self) -> None:
        """Take no more connections, and end those that are open."""
        if self._accepting is None:
            return
        self._accepting.cancel()
        self._run(self._end()).result(2 * _SHUTDOWN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SHUTDOWN_S)

    def _run(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _caller(self, peer: str) -> _Caller | None:
        scheme, _, place = peer.partition(":")
        host, _, port = place.rpartition(":")
        return self._callers.get(int(port)) if (scheme, host) == ("ipv4", LOOPBACK) and port.isdigit() else None

    async def _end(self) -> None:
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        """Accept connections until cancelled. Out of descriptors, wait for one to be free: the port is not lost."""
        with listener:
            while True:
                try:
                    connection, _ = await self._loop.sock_accept(listener)
                except OSError:
                    await asyncio.sleep(_ACCEPT_AGAIN_S)
                    continue
                if self._agreed() >= budget().lane_connections:
                    connection.close()
                    continue
                task = self._loop.create_task(self._serve(connection))
                self._open.add(task)
                self._shaking[task] = None
                task.add_done_callback(self._ended)
                if len(self._shaking) > budget().lane_handshakes:
                    next(iter(self._shaking)).cancel()  # the oldest: an honest handshake takes milliseconds
                await asyncio.sleep(0)  # a burst of strangers keeps nothing else waiting

    def _agreed(self) -> int:
        """Return how many connections have agreed on TLS."""
        return len(self._open) - len(self._shaking)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        self._shaking.pop(task, None)
        if not task.cancelled():
            task.exception()  # a handshake that failed, or a connection that broke: its caller knows

    async def _serve(self, connection: socket.socket) -> None:
        """Agree on TLS with a stranger, then carry bytes between it and gRPC until one of them ends."""
        task = asyncio.current_task()
        assert task is not None
        reader = asyncio.StreamReader(_CHUNK)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: protocol,
            connection,
            ssl=self._context(),
            ssl_handshake_timeout=_HANDSHAKE_S,
            ssl_shutdown_timeout=_SHUTDOWN_S,
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        self._shaking.pop(task, None)
        try:
            if self._agreed() > budget().lane_connections:
                return  # others have agreed meanwhile
            shown = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
            host, port = transport.get_extra_info("peername")[:2]
            await self._carry(reader, writer, _Caller(ssl.DER_cert_to_PEM_cert(shown).encode(), f"{host}:{port}"))
        finally:
            transport.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, caller: _Caller) -> None:
        own = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        own.bind((LOOPBACK, 0))
        own.setblocking(False)
        port = own.getsockname()[1]
        self._callers[port] = caller  # before gRPC can see the connection
        close = own.close
        try:
            await self._loop.sock_connect(own, (LOOPBACK, self.inner))
            from_grpc, to_grpc = await asyncio.open_connection(sock=own, limit=_CHUNK)
            close = to_grpc.close
            await _both(_copy(reader, to_grpc), _copy(from_grpc, writer))
        finally:
            del self._callers[port]  # before the port can be another one's
            close()


async def _both(*copies: Coroutine[Any, Any, None]) -> None:
    """Copy both ways until one side ends; what was read before that is written."""
    tasks = [asyncio.ensure_future(copy) for copy in copies]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        await writer.drain()


def _listen(address: str, where: str, *, share_port: bool) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # so small parts leave at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        raise address_in_use(address, where) from error
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener
