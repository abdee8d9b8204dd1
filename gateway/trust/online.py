"""The online CAs of members as of now: roots on channels to them, and issuers of renewed TLS certificates.

Each is listed in its member's descriptor, and can be removed by the status (decision 0062).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from cryptography.x509 import Certificate

from certs.profile import Leaf, check_issued
from gateway.errors import Malformed, Unauthenticated
from gateway.trust.documents.descriptor import ListedKey


class _Online(NamedTuple):
    certificate: Certificate
    pem: bytes
    start_us: int
    stop_us: int


class OnlineCas:
    """Holds the online CAs that are in their only form, each with the time in which its listing counts."""

    def __init__(self, listed: Iterable[tuple[str, ListedKey, int, int]]) -> None:
        self._of: dict[str, list[_Online]] = {}
        for member, key, start_us, stop_us in listed:
            with suppress(Malformed):
                pem = ssl.DER_cert_to_PEM_cert(key.certificate).encode("ascii")
                self._of.setdefault(member, []).append(_Online(key.online_ca(member), pem, start_us, stop_us))

    def pem(self, member: str, now_us: int) -> bytes:
        """Return the certificates of a member's online CAs as roots; empty for most members."""
        return b"".join(each.pem for each in self._of.get(member, ()) if each.start_us <= now_us < each.stop_us)

    def check_renewed(self, leaf: Leaf, listed: Leaf) -> tuple[int, int]:
        """Return the time in which a TLS certificate counts that an online CA issued for a listed key.

        `listed` is the certificate in the listing of the key. Raises `Unauthenticated` where no online CA of the member
        issued `leaf`, or where it has another name than `listed`.
        """
        if listed.name == leaf.name:
            for online in self._of.get(leaf.name.member, ()):
                with suppress(Unauthenticated):
                    start_us, stop_us = check_issued(leaf, [online.certificate])
                    return max(start_us, online.start_us), min(stop_us, online.stop_us)
        raise Unauthenticated(
            "the certificate of `{uri}` was not issued by that member's authority, and renews no listed one",
            code="wrong-authority",
            uri=leaf.name.uri,
        )
