"""A transport whose every connection obeys one deadline, however slowly the other side speaks.

The timeouts of HTTP clients count for each read. A server that sends one byte a second would hold a call for hours.
"""

from __future__ import annotations

import ssl
import threading
from typing import Any

import httpx2

from gateway.clock import Clock

_LEAST_SECONDS = 0.001
MAX_CONNECTIONS = 8


class DeadlineTransport(httpx2.HTTPTransport):
    """HTTP/1.1 over TLS, without proxies of the environment; `deadline` counts for the calling thread."""

    def __init__(self, tls: ssl.SSLContext | None, clock: Clock) -> None:
        limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        # Without a context of ours nothing is asked over TLS; an empty one trusts nobody.
        super().__init__(verify=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, limits=limits)
        self._clock = clock
        self._local = threading.local()
        # The pool takes its network from here; the client has no parameter for it. A test with a dripping server
        # fails should that change.
        self._pool._network_backend = _Network(self._pool._network_backend, self._remaining)  # type: ignore[assignment]

    def set_deadline(self, deadline: float) -> None:
        """The moment (of `Clock.monotonic`) at which the calling thread's exchanges end."""
        self._local.deadline = deadline

    def _remaining(self) -> float:
        return max(_LEAST_SECONDS, float(self._local.deadline) - self._clock.monotonic())


class _Network:
    """Opens connections whose reads and writes end at the deadline."""

    def __init__(self, inner: Any, remaining: Any) -> None:
        self._inner = inner
        self._remaining = remaining

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> _Stream:
        del timeout
        return _Stream(self._inner.connect_tcp(host, port, timeout=self._remaining(), **options), self._remaining)


class _Stream:
    """One connection."""

    def __init__(self, inner: Any, remaining: Any) -> None:
        self._inner = inner
        self._remaining = remaining

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        del timeout
        return self._inner.read(max_bytes, self._remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._inner.write(buffer, self._remaining())

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        del timeout
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._remaining()), self._remaining)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
