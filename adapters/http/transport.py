"""A transport whose every connection obeys one deadline, even if the other side is slow.

The timeouts of HTTP clients count for each read. A server that sends one byte a second would hold a call for hours.
"""

from __future__ import annotations

import ssl
import threading
from typing import Any

import httpx2

from gateway.clock import Clock

MAX_CONNECTIONS = 8
_MAX_AROUND = 1 << 20
"""Bytes of an exchange beside twice those of its body: headers, interim responses (RFC 9110, 15.2), chunk sizes."""


class DeadlineTransport(httpx2.HTTPTransport):
    """HTTP/1.1 over TLS, without proxies of the environment; each thread sets its own deadline by `begin`."""

    def __init__(self, tls: ssl.SSLContext | None, clock: Clock) -> None:
        limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        # Without a context of ours nothing is asked over TLS; an empty one trusts no server.
        super().__init__(verify=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, limits=limits)
        self._clock = clock
        self._local = threading.local()
        # The pool takes its network from here; the client has no parameter for it. A test with a dripping server
        # fails should that change.
        self._pool._network_backend = _Network(self._pool._network_backend, self)  # type: ignore[assignment]

    def begin(self, deadline: float, limit: int) -> None:
        """Set the end of this thread's next exchange (of `Clock.monotonic`) and the most bytes of its body."""
        self._local.deadline = deadline
        self._local.bytes_left = 2 * limit + _MAX_AROUND

    def remaining(self) -> float:
        """Return the seconds that the calling thread's exchange has left. Raises `TimeoutError` when it has none."""
        seconds = float(self._local.deadline) - self._clock.monotonic()
        # Not rounded up: a server that always has bytes ready would be read for ever.
        if seconds <= 0:
            raise TimeoutError("the exchange has no time left")
        return seconds

    def received(self, count: int) -> None:
        """Count received bytes. Raises `OSError` when the calling thread's exchange has brought too many."""
        self._local.bytes_left -= count
        if self._local.bytes_left < 0:
            raise OSError("the exchange brings too many bytes")


class _Network:
    """Opens connections whose reads and writes end at the deadline."""

    def __init__(self, inner: Any, exchange: DeadlineTransport) -> None:
        self._inner = inner
        self._exchange = exchange

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> _Stream:
        del timeout
        return _Stream(
            self._inner.connect_tcp(host, port, timeout=self._exchange.remaining(), **options), self._exchange
        )


class _Stream:
    """One connection."""

    def __init__(self, inner: Any, exchange: DeadlineTransport) -> None:
        self._inner = inner
        self._exchange = exchange

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        del timeout
        found = self._inner.read(max_bytes, self._exchange.remaining())
        self._exchange.received(len(found))
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._inner.write(buffer, self._exchange.remaining())

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        del timeout
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._exchange.remaining()), self._exchange)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
