"""The listener: uvicorn on the node's own loop, with a deadline for everything that the other side can leave undone."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable
from email.utils import formatdate
from operator import itemgetter
from typing import Any
from weakref import WeakValueDictionary

import uvicorn
from uvicorn.server import ServerState

from certs.profile import Leaf
from gateway.clock import SystemClock
from gateway.errors import Misconfigured
from gateway.host.descriptors import budget
from gateway.https.client_certificate import ClientSystem
from gateway.https.connection import LIMITS, ConnectionLimits, HttpsConnection

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

    def __init__(self, app: Any, refusal: Any) -> None:
        self._app = app
        self._refusal = refusal

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = scope.get("headers", ())
        if len(headers) <= _MAX_HEADER_COUNT and sum(len(name) + len(value) for name, value in headers) <= _MAX_HEADERS:
            await self._app(scope, receive, send)
            return
        await self._refusal(scope, receive, send)


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


class Listener:
    """An application that listens. `start` returns when it listens; `stop` lets running requests end.

    `refusal` (ASGI) answers a request whose headers are too large. `share_port`: other processes of this node listen
    on the same port. `is_withdrawn` tells whether a system's certificate (by its name and `x5t#S256`) is not accepted
    any more: its open connections then end within seconds.
    """

    def __init__(
        self,
        app: Any,
        host: str,
        port: int,
        context: ssl.SSLContext,
        refusal: Any,
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
            _InTurns(_BoundedHeaders(app, refusal)),
            http=HttpsConnection,
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
            asyncio.create_task(self._accept(listener), name="https-accept"),
            asyncio.create_task(self._watch(), name="https-watch"),
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
                if len(self._shaking) > min(self._limits.handshakes, budget().handshakes):
                    next(iter(self._shaking)).cancel()  # the oldest: an honest handshake takes milliseconds
                await asyncio.sleep(0)  # a burst of strangers keeps nothing else waiting

    async def _shake(self, connection: socket.socket) -> None:
        """Agree on TLS with a stranger, within `handshake_s`."""
        context = self._context

        def protocol() -> HttpsConnection:
            return HttpsConnection(self._config, self._state, (connection, context), self._admit)

        await asyncio.get_running_loop().connect_accepted_socket(
            protocol, connection, ssl=context, ssl_handshake_timeout=self._limits.handshake_s
        )

    def _shaken(self, task: asyncio.Task[None]) -> None:
        self._shaking.pop(task, None)
        if not task.cancelled():
            task.exception()  # a handshake that failed: nothing was asked, and nothing is lost

    def _admit(self, new: HttpsConnection) -> None:
        """Make room for a new connection: of its own system, or of the largest where all places are taken."""
        limits, of_systems = self._limits, defaultdict[str, list[HttpsConnection]](list)
        for connection in self._connections():
            if not connection.is_stream:
                of_systems[connection.system].append(connection)
        own, free = of_systems[new.system], min(limits.places, budget().places) - sum(map(len, of_systems.values()))
        group = own
        reserve = min(limits.reserve, budget().places // 4)
        if len(own) <= (limits.per_system if free >= reserve else limits.small):
            if free >= 0:
                return
            group = max(of_systems.values(), key=len)
        waiting = [(since, each) for each in group if each is not new and (since := each.waiting_since) is not None]
        (min(waiting, key=itemgetter(0))[1] if waiting else new).cut()

    def _connections(self) -> list[HttpsConnection]:
        return [each for each in self._state.connections if isinstance(each, HttpsConnection) and not each.is_cut]

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


def _listen(host: str, port: int, *, share_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol named, asyncio lets small parts leave at once: a body waited 40 ms for the receipt of its head.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
