"""Fetch the identity provider's list of revocations from the https address that the settings name (CASE-D12).

The server is trusted by the CA file of the settings alone, and the list by its signature. One fetch ends after
`_WITHIN_S` however slowly the server sends, reads one list at most, and follows no redirection.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.agency.officer_tokens.revocations import MAX_LIST
from gateway.clock import Clock
from gateway.config.load import HttpsAddress, https_address
from gateway.errors import Misconfigured, Stale, Unavailable

FETCH_S = 30.0
"""Seconds between two fetches."""

_WITHIN_S = 10.0


class RevocationFetch:
    """Fetches the list of one address for `take`. `ca` is read for each fetch, so that it may change."""

    def __init__(
        self, url: str, ca: Path, take: Callable[[bytes], object], clock: Clock, within_s: float = _WITHIN_S
    ) -> None:
        self._address = https_address(url)
        self._ca = ca
        self._take = take
        self._clock = clock
        self._within_s = within_s

    def fetch(self) -> None:
        """Take the list that the server has now. Blocks. Raises `Unavailable`, and what `take` raises.

        An older list than the one in force changes nothing: the newer one came in another way.
        """
        try:
            self._take(self._read())
        except Stale as error:
            if error.code != "rollback":
                raise

    def _read(self) -> bytes:
        address, until = self._address, self._clock.monotonic() + self._within_s
        try:
            with (
                socket.create_connection((address.host, address.port), self._within_s) as raw,
                self._tls().wrap_socket(raw, server_hostname=address.host, do_handshake_on_connect=False) as line,
                _cut_off(line, until - self._clock.monotonic()),
            ):
                line.do_handshake()
                line.sendall(_request(address))
                response = http.client.HTTPResponse(line)
                response.begin()
                data = response.read(MAX_LIST + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unavailable(_words(error)) from error
        if self._clock.monotonic() >= until:
            raise self._unavailable(f"it took more than {self._within_s:.0f} s")
        if response.status != http.client.OK:
            raise self._unavailable(f"it answered with status {response.status}")
        return data

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # as towards agencies' systems: the server is not ours
        try:
            context.load_verify_locations(cafile=self._ca)
        except OSError as error:
            raise Misconfigured(
                "the CA certificate cannot be used",
                code="bad-ca",
                where=str(self._ca),
                remedy="name the PEM file of the CA of the identity provider's server: tokens.revocations_ca",
            ) from error
        return context

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(
            "the list of revocations was not fetched: {why}",
            code="revocations-not-fetched",
            where=self._address.text,
            remedy="ask the identity provider; the last list stays in force",
            why=why,
        )


@contextmanager
def _cut_off(line: ssl.SSLSocket, seconds: float) -> Iterator[None]:
    """End a connection after so many seconds: the timeouts of sockets count for each read."""
    # Not the method of `SSLSocket`: it takes the TLS away from under the thread that reads.
    timer = threading.Timer(max(0.0, seconds), socket.socket.shutdown, (line, socket.SHUT_RDWR))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _request(address: HttpsAddress) -> bytes:
    lines = (
        f"GET {address.path} HTTP/1.1",
        f"host: {address.authority}",
        "accept: application/jwt",
        "connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason or type(error).__name__}"
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
