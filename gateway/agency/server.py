"""HTTPS for the REST API: uvicorn on the node's own loop, TLS 1.3 only, client certificates required."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.agency.problems import plain_problem
from gateway.errors import Misconfigured, Reason

_FIRST_REQUEST_S = 10.0
_MAX_HEADERS = 32 * 1024
_MAX_HEADER_COUNT = 100
_MAX_CONNECTIONS = 512
_DRAIN_S = 5


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


class _CertificateProtocol(H11Protocol):
    """Puts the client's certificate (DER) into each request's state, and cuts off a client that sends no request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls else None
        # Each request copies this state into its scope.
        self.app_state = {**self.app_state, "client_certificate": certificate}
        self._waiting = self.loop.call_later(_FIRST_REQUEST_S, self._cut_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.cancel()
        super().connection_lost(exc)

    def _cut_silent(self) -> None:
        if self.cycle is None:
            self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling; sets `listening` once it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the node."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and set `listening`."""
        await super().startup(sockets)
        self.listening.set()


class AgencyServer:
    """The running API. `start` returns when it listens; `stop` lets running requests end.

    `share_port`: other processes of this node listen on the same port.
    """

    def __init__(self, app: Any, host: str, port: int, context: ssl.SSLContext, *, share_port: bool = False) -> None:
        self._context = context
        self._address = (host, port)
        self._share_port = share_port
        config = uvicorn.Config(
            _BoundedHeaders(app),
            http=_CertificateProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MAX_CONNECTIONS,
            h11_max_incomplete_event_size=_MAX_HEADERS,
            timeout_graceful_shutdown=_DRAIN_S,
            ssl_context_factory=lambda _config, _default: context,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> tuple[str, int]:
        """Listen; return the address in use (port 0 takes any free one). Raises `Misconfigured` when it is taken."""
        listener = _listen(*self._address, share_port=self._share_port)
        address = listener.getsockname()
        self._task = asyncio.create_task(self._server.serve([listener]), name="agency-api")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            listening.cancel()
            await self._task
            raise Misconfigured("the REST API did not start", where="listen.agency")
        return str(address[0]), int(address[1])

    async def stop(self) -> None:
        """Take no new connections, and give running requests a few seconds to end."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task


def tls_context(key: Path, certificate: Path, ca: Path) -> ssl.SSLContext:
    """Return TLS 1.3 with a required client certificate of our national CA; `Misconfigured` for an unusable file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(ca)
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            "the TLS key, its certificate or the CA cannot be used",
            where=f"{key}, {certificate}, {ca}",
            remedy="run `liaison doctor`",
        ) from error
    return context


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
    listener.setblocking(False)
    return listener
