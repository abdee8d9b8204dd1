"""The listener: TLS, the certificate of who calls, and a deadline for what a caller leaves undone."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.errors import Misconfigured

_REQUEST_S = 5.0
_LOOK_S = 0.5
_IDLE_S = 30
_ENDING_S = 5
_MOST_CALLS = 200
_MOST_HEADERS = 32 * 1024


class _Connection(H11Protocol):
    """A connection. It puts the caller's certificate (DER) beside each request, and ends when no whole one comes."""

    def connection_made(self, transport: Any) -> None:
        """Read the certificate, and begin to watch."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self.app_state = {"client_certificate": tls.getpeercert(binary_form=True) if tls else None}
        self._begun = self.loop.time()
        self._seen: object = None
        self._look()

    def _look(self) -> None:
        """End a connection that has had no new whole request for a while, unless an answer goes out."""
        if self.transport.is_closing():
            return
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self._seen is not self.cycle:
            self._begun, self._seen = self.loop.time(), self.cycle
        elif self.loop.time() - self._begun > _REQUEST_S:
            self.transport.abort()
            return
        self.loop.call_later(_LOOK_S, self._look)


def tls_context(certificate: Path, key: Path, clients: Path | None) -> ssl.SSLContext:
    """Return the server's TLS. With `clients`, an authority, a caller may show a certificate of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # OASIS asks for 1.2, and readers of 2021 speak no more
    try:
        context.load_cert_chain(certificate, key)
        if clients is not None:
            context.load_verify_locations(clients)
            context.verify_mode = ssl.CERT_OPTIONAL
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            "the server's certificate, its key or the authority of readers cannot be used",
            code="bad-certificate",
            where=str(certificate),
            remedy="see docs/guides/bridges.md",
        ) from error
    return context


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config, listens: Callable[[], None]) -> None:
        super().__init__(config)
        self._listens = listens

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started:
            self._listens()


def server(app: Any, host: str, port: int, context: ssl.SSLContext, listens: Callable[[], None]) -> uvicorn.Server:
    """Return a server for `run`; it calls `listens` when it takes connections."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_CALLS,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_ENDING_S,
        h11_max_incomplete_event_size=_MOST_HEADERS,
        ssl_context_factory=lambda _config, _default: context,
    )
    return _Server(config, listens)
