"""HTTPS for the REST API: uvicorn on the node's own loop, TLS 1.3 only, client certificates required."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable
from email.utils import formatdate
from operator import itemgetter
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import uvicorn
from uvicorn.server import ServerState

from certs.hsm.openssl import load_chain
from certs.hsm.places import uri_at
from certs.keyfiles import load_key
from certs.profile import Leaf
from gateway.agency.client_certificate import ClientSystem
from gateway.agency.connection import LIMITS, AgencyConnection, ConnectionLimits
from gateway.agency.problems import plain_problem
from gateway.clock import SystemClock
from gateway.errors import Misconfigured, Reason

_MAX_HEADERS = 32 * 1024
_MAX_HEADER_COUNT = 100

_LOOK_S, _STOP_LOOK_S = 0.25, 0.05
_ACCEPT_AGAIN_S = 0.5
_BACKLOG = 256
_DRAIN_S = 5.0
_STREAM_S = 0.3
"""Seconds that a stream of events gets when the node stops; its reader asks again elsewhere."""
_ENDED_S = 4.0
"""Seconds in which an answer can still go out under a certificate that counts no more."""


class _BoundedHeaders:
    """Refuses a request whose headers are too many or too long together (CASE-B7).

    uvicorn's own limit covers only headers that come in pieces.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = scope.get("headers", ())
        if len(headers) <= _MAX_HEADER_COUNT and sum(len(name) + len(value) for name, value in headers) <= _MAX_HEADERS:
            await self._app(scope, receive, send)
            return
        response = plain_problem(431, "headers-too-large", Reason.RESOURCE_EXHAUSTED)
        await response(scope, receive, send)


class _InTurns:
    """Begins one request of a system in each turn of the loop, so that a flood of one holds up nobody else.

    Most requests that are refused are refused at once, and limits on a system's calls do not count them all.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._turns = WeakValueDictionary[str, asyncio.Lock]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        turn = self._turns.setdefault(scope["state"]["system"], asyncio.Lock())
        await turn.acquire()
        asyncio.get_running_loop().call_soon(turn.release)
        await self._app(scope, receive, send)


class AgencyServer:
    """The running API. `start` returns when it listens; `stop` lets running requests end.

    `share_port`: other processes of this node listen on the same port. `is_withdrawn` tells whether a system's
    certificate (by its name and `x5t#S256`) is not accepted any more: its open connections then end within seconds.
    """

    def __init__(
        self,
        app: Any,
        host: str,
        port: int,
        context: ssl.SSLContext,
        *,
        share_port: bool = False,
        limits: ConnectionLimits = LIMITS,
        is_withdrawn: Callable[[str, str], bool] = lambda _name, _thumbprint: False,
    ) -> None:
        self._context = context
        self._address = (host, port)
        self._share_port = share_port
        self._limits = limits
        self._is_withdrawn = is_withdrawn
        self._state = ServerState()
        self._shaking: dict[asyncio.Task[None], None] = {}
        self._running: list[asyncio.Task[None]] = []
        self._config = uvicorn.Config(
            _InTurns(_BoundedHeaders(app)),
            http=AgencyConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # not a line for each request that is none
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=_MAX_HEADERS,
        )

    async def start(self) -> tuple[str, int]:
        """Listen; return the address in use (port 0 takes any free one). Raises `Misconfigured` when it is taken."""
        self._config.load()
        listener = _listen(*self._address, share_port=self._share_port)
        self._running = [
            asyncio.create_task(self._accept(listener), name="agency-accept"),
            asyncio.create_task(self._watch(), name="agency-watch"),
        ]
        address = listener.getsockname()
        return str(address[0]), int(address[1])

    def renew(self, context: ssl.SSLContext) -> None:
        """Use another key, certificate or CA from now on; connections that began under the old ones end in seconds."""
        self._context = context

    async def stop(self) -> None:
        """Take no new connections, and give running requests a few seconds to end."""
        for task in (*self._running, *self._shaking):
            task.cancel()
        await asyncio.gather(*self._running, *self._shaking, return_exceptions=True)
        ends = asyncio.get_running_loop().time() + _DRAIN_S
        for connection in self._connections():
            connection.end_within(_STREAM_S if connection.is_streaming else _DRAIN_S)
        while (self._state.connections or self._state.tasks) and asyncio.get_running_loop().time() < ends:
            self._look()
            await asyncio.sleep(_STOP_LOOK_S)
        for connection in self._connections():
            connection.cut()
        for request in self._state.tasks:
            request.cancel()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        """Accept connections until cancelled. Out of descriptors, wait for one to be free: the port is not lost."""
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError:
                    await asyncio.sleep(_ACCEPT_AGAIN_S)
                    continue
                shaking = loop.create_task(self._shake(connection))
                self._shaking[shaking] = None
                shaking.add_done_callback(self._shaken)
                if len(self._shaking) > self._limits.handshakes:
                    next(iter(self._shaking)).cancel()  # the oldest: an honest handshake takes milliseconds
                await asyncio.sleep(0)  # a burst of strangers keeps nothing else waiting

    async def _shake(self, connection: socket.socket) -> None:
        """Agree on TLS with a stranger, within `handshake_s`."""
        context = self._context

        def protocol() -> AgencyConnection:
            return AgencyConnection(self._config, self._state, (connection, context), self._admit)

        await asyncio.get_running_loop().connect_accepted_socket(
            protocol, connection, ssl=context, ssl_handshake_timeout=self._limits.handshake_s
        )

    def _shaken(self, task: asyncio.Task[None]) -> None:
        self._shaking.pop(task, None)
        if not task.cancelled():
            task.exception()  # a handshake that failed: nothing was asked, and nothing is lost

    def _admit(self, new: AgencyConnection) -> None:
        """Make room for a new connection: of its own system, or of the largest where all places are taken."""
        limits, of_systems = self._limits, defaultdict[str, list[AgencyConnection]](list)
        for connection in self._connections():
            of_systems[connection.system].append(connection)
        own, free = of_systems[new.system], limits.places - sum(map(len, of_systems.values()))
        group = own
        if len(own) <= (limits.per_system if free >= limits.reserve else limits.small):
            if free >= 0:
                return
            group = max(of_systems.values(), key=len)
        waiting = [(since, each) for each in group if each is not new and (since := each.waiting_since) is not None]
        (min(waiting, key=itemgetter(0))[1] if waiting else new).cut()

    def _connections(self) -> list[AgencyConnection]:
        return [each for each in self._state.connections if isinstance(each, AgencyConnection) and not each.is_cut]

    async def _watch(self) -> None:
        """Look at all connections until cancelled."""
        while True:
            self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
            self._look()
            await asyncio.sleep(_LOOK_S)

    def _look(self) -> None:
        now_us = SystemClock().now_us()
        for connection in self._connections():
            if connection.context is not self._context or self._has_ended(connection.certificate, now_us):
                connection.end_within(_ENDED_S)
            connection.look(self._limits)

    def _has_ended(self, certificate: tuple[Leaf, ClientSystem] | None, now_us: int) -> bool:
        if certificate is None:
            return False
        leaf, system = certificate
        return now_us >= leaf.stop_us or self._is_withdrawn(system.name, system.thumbprint)


def tls_context(key: Path, certificate: Path, ca: Path) -> ssl.SSLContext:
    """Return TLS 1.3 with a required client certificate of our national CA; `Misconfigured` for an unusable file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0  # a resumed session would skip the check of the certificate against a new CA
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(ca)
        load_chain(context, certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            "the TLS key, its certificate or the CA cannot be used",
            where=f"{key}, {certificate}, {ca}",
            remedy="run `liaison doctor`",
        ) from error
    return context


class TlsFiles:
    """The files of the port's key, certificate and client CA, for a process that takes up new ones while it runs."""

    def __init__(self, key: Path, certificate: Path, ca: Path) -> None:
        self._files = (key, certificate, ca)
        self._used: tuple[bytes, ...] = ()
        self._refused: tuple[bytes, ...] = ()

    def context(self) -> ssl.SSLContext:
        """Return the context of the files as they are; raise `Misconfigured` for an unusable one."""
        load_key(self._files[0])  # refuses a key that others can read
        content = self._content()
        context = tls_context(*self._files)
        self._used = content  # read before the context was: a file that changes in between is read once more
        return context

    def changed(self) -> ssl.SSLContext | None:
        """Return a new context where a file has changed, else None.

        Raises `Misconfigured` for files that could not be used at the last look either.
        """
        content = self._content()
        if content == self._used:
            return None
        try:
            return self.context()
        except Misconfigured:
            if content == self._refused:
                raise
            self._refused = content  # key and certificate change one after the other: the other one may come yet
            return None

    def _content(self) -> tuple[bytes, ...]:
        try:
            uri = uri_at(self._files[0])
            files = self._files if uri is None else self._files[1:]
            return (str(uri).encode(), *(file.read_bytes() for file in files))
        except OSError as error:
            raise Misconfigured(
                "the TLS files cannot be read, the old ones stay",
                where=str(error.filename),
                remedy="run `liaison doctor`",
            ) from error


def _listen(host: str, port: int, *, share_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Misconfigured(
            "`{host}:{port}` cannot be used: {strerror}",
            where="listen.agency",
            remedy="choose a free port",
            host=host,
            port=port,
            strerror=error.strerror,
        ) from error
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener
