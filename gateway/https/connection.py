"""One HTTPS connection of a calling system, and the deadlines of everything that the system can leave undone.

uvicorn has a time limit only for a connection on which nothing has come since the last response: one byte ends it. So
`look` compares each connection with what it was at the last look. It costs the requests themselves nothing.
"""

from __future__ import annotations

import socket
import ssl
import struct
from asyncio import Transport
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from certs.profile import Leaf
from gateway.errors import Malformed
from gateway.https.client_certificate import ClientSystem, read_client
from gateway.pauses import OWN

LEAST_READ = 2048
"""Bytes that a system takes at least of a waiting answer, each time within `unread_s`."""

FILE_STEP = 64 * 1024
"""Bytes of a file that a system sends at least in each `request_s`."""

LEAST_PART = 1024
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


class Phase(Enum):
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
        return self._parts > MOST_PARTS + (self.came // LEAST_PART if self.is_file else 0)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return the next part of a request. Raises `h11.RemoteProtocolError` for one that names two lengths.

        What stands between may go by the other length, and then takes the rest of it for a request of its own.
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
        self, config: Config, state: ServerState, under: tuple[socket.socket, ssl.SSLContext], admit: Admit
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
        self._mark: tuple[Phase, object] = (Phase.IDLE, None)
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
        self._mark = (Phase.GOODBYE, None)
        self.cycle = self.scope = None  # type: ignore[assignment]  # as uvicorn has them before the first request

    def handle_events(self) -> None:
        """Read what has come; end the connection when it is too much."""
        super().handle_events()
        if self.conn.is_over:
            self.cut()

    def take_file(self) -> None:
        """Let the body of the request that is being read be long: its deadline counts anew with each `FILE_STEP`."""
        self.conn.is_file = True

    def stream(self) -> None:
        """Take no place from here on: the answer that is being made is a stream, and the connection ends with it."""
        self.is_stream = True

    @property
    def phase(self) -> Phase:
        """The thing that this connection waits for now."""
        if self.transport.is_closing():
            return Phase.GOODBYE
        if self.conn.their_state is h11.SEND_BODY:
            return Phase.REQUEST
        if self.cycle is not None and not self.cycle.response_complete:
            return Phase.ANSWER
        return Phase.REQUEST if self.conn.trailing_data[0] else Phase.IDLE

    @property
    def waiting_since(self) -> float | None:
        """The time since when this connection waits for the other side; None while an answer is made."""
        return None if self.phase is Phase.ANSWER else self._since

    @property
    def is_streaming(self) -> bool:
        """Tell whether an answer has begun and has not ended, such as a stream of events."""
        return self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete

    def look(self, limits: ConnectionLimits) -> None:
        """Cut this connection when it is past a deadline. Call it several times a second."""
        now, phase = self.loop.time(), self.phase
        step = self.conn.came // FILE_STEP if self.conn.is_file else 0
        if self._mark != (mark := (phase, (self.cycle, step))):
            self._mark, self._since = mark, now
        is_pending = self._look_at_reader(now)
        late = {
            Phase.REQUEST: OWN.over(now - self._since, limits.request_s),
            Phase.IDLE: OWN.over(now - self._since, limits.idle_s),
            Phase.GOODBYE: not is_pending and now - self._since > limits.goodbye_s,
        }.get(phase, False)
        if OWN.over(now - self._read_at, limits.unread_s):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _FORGET)  # also what the kernel still holds
            self.cut()
        elif late or (self._ends_at is not None and now > self._ends_at):
            self.cut()

    def shutdown(self) -> None:
        """Take no further request. A request that has not come whole was not begun: its connection ends here."""
        if self.phase is Phase.REQUEST:
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
        if not is_pending or read - self._read >= LEAST_READ:
            self._read, self._read_at = read, now
        return is_pending


Admit = Callable[[HttpsConnection], None]

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
