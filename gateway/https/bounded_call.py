"""One call of a web server that is not believed: bounded in time and size, without redirection, proxy or environment.

The timeouts of sockets count for each read, so a server that sends a byte now and then would hold its caller for ever:
here the connection is cut off.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from gateway.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Server:
    """A server: its host and port, how the head names it, and its TLS context (None: plain, on this machine)."""

    host: str
    port: int
    authority: str
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a server: its status, as much of its body as was wanted, and its `retry-after`."""

    status: int
    body: bytes
    retry_after: str = ""


def call(
    server: Server,
    request: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    within_s: float,
    most: int,
    monotonic: Callable[[], float],
) -> Answer:
    """Send `request` (`GET /path`) and return the answer, with `most` bytes of its body at most.

    Blocks for `within_s` seconds at most, beside the look-up of the host's name. Raises `Unavailable` for whatever the
    server or the network does.
    """
    until = monotonic() + within_s
    try:
        with (
            socket.create_connection((server.host, server.port), within_s) as raw,
            _secured(raw, server) as line,
            _cut_off(line, until - monotonic()),
        ):
            if isinstance(line, ssl.SSLSocket):
                line.do_handshake()
            line.sendall(_head(server, request, headers, body) + body)
            response = http.client.HTTPResponse(line)
            response.begin()
            data = response.read(most)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unavailable(_words(error)) from error
    if monotonic() >= until:
        raise _unavailable(f"it took more than {within_s:.0f} s")
    return Answer(response.status, data, response.getheader("retry-after", ""))


def tls_context(ca: str) -> ssl.SSLContext:
    """Return the context of a client that believes the CA file alone. Raises `OSError` where it cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # as towards agencies' systems: the server is not ours
    context.load_verify_locations(cafile=ca)
    return context


def _secured(raw: socket.socket, server: Server) -> AbstractContextManager[socket.socket]:
    if server.tls is None:
        return nullcontext(raw)
    return server.tls.wrap_socket(raw, server_hostname=server.host, do_handshake_on_connect=False)


@contextmanager
def _cut_off(line: socket.socket, seconds: float) -> Iterator[None]:
    """End a connection after so many seconds."""
    # Not the method of `SSLSocket`: it takes the TLS away from under the thread that reads.
    timer = threading.Timer(max(0.0, seconds), socket.socket.shutdown, (line, socket.SHUT_RDWR))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _head(server: Server, request: str, headers: Mapping[str, str], body: bytes) -> bytes:
    length = {} if request.startswith("GET ") else {"content-length": str(len(body))}
    told = {"host": server.authority, **headers, **length, "connection": "close"}
    lines = (f"{request} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()))
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _unavailable(why: str) -> Unavailable:
    return Unavailable("{why}", code="not-reached", why=why)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason or type(error).__name__}"
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
