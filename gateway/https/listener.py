"""The listener: uvicorn on the node's own loop, with a deadline for everything that the other side can leave undone."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from asyncio import Transport
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from operator import itemgetter
from typing import Any
from weakref import WeakValueDictionary

import h11
import uvicorn
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from certs.profile import Leaf
from gateway.clock import SystemClock
from gateway.errors import Malformed, Misconfigured
from gateway.host.descriptors import budget
from gateway.https.client_certificate import ClientSystem, read_client
from gateway.pauses import OWN

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


# ------------------------------------------------------------ connections
# uvicorn has a time limit only for a connection on which nothing has come since the last response: one byte ends it. So
# `look` compares each connection with what it was at the last look. It costs the requests themselves nothing.


_LEAST_READ = 2048
"""Bytes that a system takes at least of a waiting answer, each time within `unread_s`."""

_FILE_STEP = 64 * 1024
"""Bytes of a file that a system sends at least in each `request_s`."""

_LEAST_PART = 1024
"""The bytes that the parts of a file have at least, on average."""

MOST_PARTS = 512
"""Parts in which the body of a request may come. Each costs the loop some 7 µs, if it has one byte only."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Seconds and numbers of a port's connections.

    `places` is the number of all connections. A system has `per_system` of them, and while fewer than `reserve` are
    free it gets a new one only below `small`. `handshakes` connections may be without a certificate. What the
    application has called a stream (`is_stream` of the request's state) takes no place: it is for the application to
    count them.
    """

    handshake_s: float = 5.0
    request_s: float = 10.0
    idle_s: float = 10.0
    unread_s: float = 2.0
    goodbye_s: float = 0.2
    places: int = 512
    per_system: int = 128
    reserve: int = 128
    small: int = 16
    handshakes: int = 128


LIMITS = ConnectionLimits()
"""The limits of a node's port."""


_LENGTHS = {b"content-length", b"transfer-encoding"}


class _Phase(Enum):
    """The event that a connection waits for."""

    REQUEST = "request"
    """The rest of a request: of its head, or of its body."""
    ANSWER = "answer"
    """Our own work."""
    IDLE = "idle"
    """The next request; nothing of it has come."""
    GOODBYE = "goodbye"
    """The other side's end of TLS."""


class _Parts(h11.Connection):
    """Reads requests. Of one whose body comes in too many parts nothing more is read, and `is_over` says so."""

    def __init__(self, most_incomplete: int | None) -> None:
        super().__init__(h11.SERVER, most_incomplete or 0)
        self._parts = 0
        self.is_file = False
        self.came = 0

    @property
    def is_over(self) -> bool:
        """Tell whether the body of the request came in too many parts."""
        return self._parts > MOST_PARTS + (self.came // _LEAST_PART if self.is_file else 0)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return the next part of a request. Raises `h11.RemoteProtocolError` for one that names two lengths.

        What is between may go by the other length, and then takes the rest of it for a request of its own.
        """
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            raise error.with_traceback(None) from None  # h11's frames hold the error, and so this connection, in a ring
        if isinstance(event, h11.Request):
            self._parts, self.came, self.is_file = 0, 0, False
            if {name for name, _ in event.headers} >= _LENGTHS:
                raise h11.RemoteProtocolError("both Content-Length and Transfer-Encoding", error_status_hint=400)
        if isinstance(event, h11.Data):
            self._parts += 1
            self.came += len(event.data)
        return h11.NEED_DATA if self.is_over else event


class HttpsConnection(H11Protocol):
    """A connection of a calling system; puts its certificate (DER) and its system into the state of requests."""

    def __init__(
        self, config: Config, state: ServerState, under: tuple[socket.socket, ssl.SSLContext], admit: _Admit
    ) -> None:
        super().__init__(config, state, {})
        self.conn: _Parts = _Parts(config.h11_max_incomplete_event_size)
        self.context = under[1]
        self.certificate: tuple[Leaf, ClientSystem] | None = None
        self.system = ""
        self.is_cut = self.is_stream = False
        self._socket = under[0]
        self._admit = admit
        self._since = self._read_at = self.loop.time()
        self._mark: tuple[_Phase, object] = (_Phase.IDLE, None)
        self._read = 0
        self._ends_at: float | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Read the certificate, and ask for a place among the connections."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls else None
        try:
            self.certificate = read_client(certificate or b"")
            self.system = self.certificate[0].name.uri
        except Malformed:  # its requests are refused; all such certificates share the places of one system
            self.certificate = None
        if not certificate:  # each place has connections of its own where no certificate is asked for
            self.system = transport.get_extra_info("peername", ("",))[0]
        self.app_state = {
            "client_certificate": certificate,
            "system": self.system,
            "body_is_file": self.take_file,
            "is_stream": self.stream,
        }
        self._admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of all that refers back to this connection: its TLS buffers, 256 KiB, are freed at once.

        The collector of garbage looks at what has lived for half a minute once in hours (`gateway.host.memory`).
        """
        super().connection_lost(exc)
        self.app_state = {}
        self._mark = (_Phase.GOODBYE, None)
        self.cycle = self.scope = None  # type: ignore[assignment]  # as uvicorn has them before the first request

    def handle_events(self) -> None:
        """Read what has come; end the connection when it is too much."""
        super().handle_events()
        if self.conn.is_over:
            self.cut()

    def take_file(self) -> None:
        """Let the body of the request that is being read be long: its deadline counts anew with each `_FILE_STEP`."""
        self.conn.is_file = True

    def stream(self) -> None:
        """Take no place from here on: the answer that is being made is a stream, and the connection ends with it."""
        self.is_stream = True

    @property
    def phase(self) -> _Phase:
        """The thing that this connection waits for now."""
        if self.transport.is_closing():
            return _Phase.GOODBYE
        if self.conn.their_state is h11.SEND_BODY:
            return _Phase.REQUEST
        if self.cycle is not None and not self.cycle.response_complete:
            return _Phase.ANSWER
        return _Phase.REQUEST if self.conn.trailing_data[0] else _Phase.IDLE

    @property
    def waiting_since(self) -> float | None:
        """The time since when this connection waits for the other side; None while an answer is made."""
        return None if self.phase is _Phase.ANSWER else self._since

    @property
    def is_streaming(self) -> bool:
        """Tell whether an answer has begun and has not ended, such as a stream of events."""
        return self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete

    def look(self, limits: ConnectionLimits) -> None:
        """Cut this connection when it is past a deadline. Call it several times a second."""
        now, phase = self.loop.time(), self.phase
        step = self.conn.came // _FILE_STEP if self.conn.is_file else 0
        if self._mark != (mark := (phase, (self.cycle, step))):
            self._mark, self._since = mark, now
        is_pending = self._look_at_reader(now)
        late = {
            _Phase.REQUEST: OWN.over(now - self._since, limits.request_s),
            _Phase.IDLE: OWN.over(now - self._since, limits.idle_s),
            _Phase.GOODBYE: not is_pending and now - self._since > limits.goodbye_s,
        }.get(phase, False)
        if OWN.over(now - self._read_at, limits.unread_s):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _FORGET)  # also what the kernel still holds
            self.cut()
        elif late or (self._ends_at is not None and now > self._ends_at):
            self.cut()

    def shutdown(self) -> None:
        """Take no further request. A request that has not come whole was not begun: its connection ends here."""
        if self.phase is _Phase.REQUEST:
            self.cut()
        elif not self.transport.is_closing():
            super().shutdown()

    def end_within(self, seconds: float) -> None:
        """Take no further request, and let the answer that is being made go out for so many seconds."""
        if self._ends_at is None:
            self._ends_at = self.loop.time() + seconds
            self.shutdown()

    def cut(self) -> None:
        """End the connection now, without waiting for the other side."""
        self.is_cut = True
        self.transport.abort()

    def _look_at_reader(self, now: float) -> bool:
        """Tell whether sent bytes wait for the other side, and note when it last took any of them."""
        in_kernel, read = _sent(self._socket)
        is_pending = in_kernel or self.transport.get_write_buffer_size() > 0
        if not is_pending or read - self._read >= _LEAST_READ:
            self._read, self._read_at = read, now
        return is_pending


_Admit = Callable[[HttpsConnection], None]

_FORGET = struct.pack("ii", 1, 0)
_INFO = struct.Struct("=24xI92xQ16xI")
"""Of Linux's `tcp_info`: segments that are not acknowledged, bytes that are, bytes that are not sent yet."""


def _sent(connection: socket.socket) -> tuple[bool, int]:
    """Return whether the kernel holds bytes that the other side has not taken, and how many it has taken.

    On another system than Linux the kernel's bytes are not known.
    """
    if not hasattr(socket, "TCP_INFO") or connection.fileno() < 0:
        return False, 0
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    if len(info) < _INFO.size:
        return False, 0
    unacknowledged, acknowledged, unsent = _INFO.unpack(info)
    return unacknowledged > 0 or unsent > 0, acknowledged


# ------------------------------------------------------------ the listener


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
    """Begins one request of a system in each turn of the loop, so that a flood of one holds up no one else.

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
            log_level="error",  # not a line for each request that does not parse
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
