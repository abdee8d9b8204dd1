"""The caller's certificate: that of an agency system, verified by TLS against our own national CA."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from certs.names import CertificateUse
from certs.profile import read_leaf
from gateway.errors import Malformed, Unauthenticated


@dataclass(frozen=True, slots=True)
class ClientSystem:
    """A calling system: its name from `spiffe://liaison/<member>/client/<system>` and `x5t#S256`."""

    name: str
    thumbprint: str


def thumbprint_of(certificate: bytes) -> str:
    """Return `x5t#S256` of a DER certificate (RFC 8705, 3.1): base64url of its SHA-256, without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()


def client_system(certificate: bytes | None, member: str) -> ClientSystem:
    """Return the system that a DER certificate names; raise `Unauthenticated` unless it is a client of `member`.

    TLS accepts other certificates of the national CA, too. Only the one URI SAN tells the use, and a common name never
    counts (CASE-A8 and CASE-A9).
    """
    if not certificate:
        raise _refused("no certificate was presented")
    try:
        name = read_leaf(certificate).name
    except Malformed as error:
        raise _refused("the certificate does not fit the profile") from error
    if name.member != member or name.use is not CertificateUse.CLIENT:
        raise _refused(f"the certificate is for `{name.uri}`, not for an agency system of `{member}`")
    return ClientSystem(name.name, thumbprint_of(certificate))


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        why, code="unknown-client", where="client certificate", remedy="use a client certificate of this member"
    )
