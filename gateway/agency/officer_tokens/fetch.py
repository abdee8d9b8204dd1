"""Fetch the identity provider's list of revocations from the https address that the settings name (CASE-D12).

The server is trusted by the CA file of the settings alone, and the list by its signature. One fetch ends after
`_WITHIN_S` however slowly the server sends, reads one list at most, and follows no redirection.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable
from pathlib import Path

from gateway.agency.officer_tokens.revocations import MAX_LIST
from gateway.clock import Clock
from gateway.config.load import https_address
from gateway.errors import Misconfigured, Stale, Unavailable
from gateway.https.bounded_call import Server, call, tls_context

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
        address = self._address
        server = Server(address.host, address.port, address.authority, self._tls())
        headers = {"accept": "application/jwt"}
        try:
            answer = call(
                server,
                f"GET {address.path}",
                headers,
                b"",
                within_s=self._within_s,
                most=MAX_LIST + 1,
                monotonic=self._clock.monotonic,
            )
        except Unavailable as error:
            raise self._unavailable(error.message) from error
        if answer.status != http.client.OK:
            raise self._unavailable(f"it answered with status {answer.status}")
        return answer.body

    def _tls(self) -> ssl.SSLContext:
        try:
            return tls_context(str(self._ca))
        except OSError as error:
            raise Misconfigured(
                "the CA certificate cannot be used",
                code="bad-ca",
                where=str(self._ca),
                remedy="name the PEM file of the CA of the identity provider's server: tokens.revocations_ca",
            ) from error

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(
            "the list of revocations was not fetched: {why}",
            code="revocations-not-fetched",
            where=self._address.text,
            remedy="ask the identity provider; the last list stays in force",
            why=why,
        )
