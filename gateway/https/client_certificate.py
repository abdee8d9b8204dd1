"""The caller's certificate: that of an agency system, verified by TLS against our own national CA."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from certs.names import CertificateUse
from certs.profile import Leaf, read_leaf
from gateway.errors import Malformed, Unauthenticated


@dataclass(frozen=True, slots=True)
class ClientSystem:
    """A calling system: its name from `spiffe://liaison/<member>/client/<system>` and `x5t#S256`."""

    name: str
    thumbprint: str


@lru_cache(maxsize=1024)
def read_client(certificate: bytes) -> tuple[Leaf, ClientSystem]:
    """Return a certificate (DER) of a connection, and the system that it names; raise `Malformed`.

    A connection has one certificate for all of its requests, so that each is read once.
    """
    leaf = read_leaf(certificate)
    return leaf, ClientSystem(leaf.name.name, leaf.thumbprint)


def client_system(certificate: bytes | None, member: str) -> ClientSystem:
    """Return the system that a DER certificate names; raise `Unauthenticated` unless it is a client of `member`.

    TLS accepts other certificates of the national CA, too. Only the one URI SAN tells the use, and a common name never
    counts (CASE-A8 and CASE-A9).
    """
    if not certificate:
        raise _refused("no certificate was presented")
    try:
        leaf, system = read_client(certificate)
    except Malformed as error:
        raise _refused("the certificate does not fit the profile") from error
    if leaf.name.member != member or leaf.name.use is not CertificateUse.CLIENT:
        raise _refused(f"the certificate is for `{leaf.name.uri}`, not for an agency system of `{member}`")
    return system


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        why, code="unknown-client", where="client certificate", remedy="use a client certificate of this member"
    )
