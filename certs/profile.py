"""Read certificates strictly: a certificate that does not fit the profile of `authority.py` is refused."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs.authority import (
    ONLINE_CONSTRAINTS,
    ONLINE_DAYS,
    ONLINE_USAGE,
    USAGES,
    online_names,
    online_subject,
)
from certs.keyfiles import key_id, spki
from certs.names import CertificateName, CertificateUse, parse_uri
from gateway.clock import to_us
from gateway.errors import Malformed, Unauthenticated

MAX_CERTIFICATE = 8_192
"""Bytes of one certificate; longer ones are refused."""

_KNOWN = frozenset(
    kind.oid
    for kind in (
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.SubjectAlternativeName,
        x509.AuthorityKeyIdentifier,
        x509.SubjectKeyIdentifier,
    )
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate that fits the profile of its use. Times are microseconds since 1970, `stop` is exclusive."""

    name: CertificateName
    spki: bytes
    start_us: int
    stop_us: int
    certificate: x509.Certificate

    @property
    def key_id(self) -> str:
        """The id of the certified key."""
        return key_id(self.spki)

    @property
    def der(self) -> bytes:
        """The certificate's bytes in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def thumbprint(self) -> str:
        """The certificate's `x5t#S256`."""
        return thumbprint_of(self.der)


def read_leaf(data: bytes) -> Leaf:
    """Return a leaf certificate (PEM or DER), or raise `Malformed`:

    1. one certificate of bounded size, P-256 key, signed with ECDSA and SHA-256;
    2. not a CA, for signatures only, no unknown critical extension;
    3. exactly one URI SAN that names one use, for a server exactly its one DNS SAN, no other name;
    4. exactly the extended key usages of that use (a certificate without any is refused: CASE-A8).
    """
    try:
        certificate = _load(data)
        key = _p256(certificate)
        _check_constraints(certificate)
        name = _only_name(certificate)
        _check_usage(certificate, name)
    except Malformed:
        raise
    except Exception as error:  # whatever a parser of foreign bytes raises, the answer is no (CASE-C14)
        raise _bad(f"the certificate does not fit: {_why(error)}") from error
    return Leaf(
        name, spki(key), to_us(certificate.not_valid_before_utc), to_us(certificate.not_valid_after_utc), certificate
    )


@lru_cache(maxsize=4_096)
def read_ca(pem: bytes) -> x509.Certificate:
    """Return a national CA's certificate (one PEM block): P-256, self-signed, path length 0; else raise `Malformed`."""
    try:
        certificate = _load(pem)
        _p256(certificate)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        certificate.verify_directly_issued_by(certificate)
    except Malformed:
        raise
    except Exception as error:  # the same
        raise _bad(f"the CA's certificate does not fit: {_why(error)}") from error
    if not constraints.ca or constraints.path_length != 0 or not usage.key_cert_sign:
        raise _bad("a national CA certifies keys, and no further CA")
    return certificate


@lru_cache(maxsize=4_096)
def read_online_ca(data: bytes, member: str) -> x509.Certificate:
    """Return the certificate (PEM or DER) of a member's online CA; raise `Malformed` unless it is in its only form:

    1. one certificate of bounded size, P-256 key, signed by itself with SHA-256, valid for `ONLINE_DAYS` at most;
    2. a CA of path length 0 that signs certificates, for the extended usages of a node's TLS certificate only;
    3. with exactly the names of `member` as a critical constraint, and no other extension.
    """
    try:
        certificate = _load(data)
        _p256(certificate)
        certificate.verify_directly_issued_by(certificate)
        has_form = {(each.oid, each.critical): each.value for each in certificate.extensions} == _online_form(
            certificate, member
        )
        life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        fits = has_form and certificate.subject == online_subject(member)
    except Malformed:
        raise
    except Exception as error:  # the same
        raise _bad(f"the certificate of the online CA does not fit: {_why(error)}") from error
    if not fits or not timedelta() < life <= timedelta(days=ONLINE_DAYS):
        raise _bad(f"this is no certificate of an online CA of `{member}`")
    return certificate


def _online_form(certificate: x509.Certificate, member: str) -> dict[tuple[x509.ObjectIdentifier, bool], object]:
    key = _p256(certificate)
    form: list[tuple[x509.ExtensionType, bool]] = [
        (ONLINE_CONSTRAINTS, True),
        (ONLINE_USAGE, True),
        (online_names(member), True),
        (x509.ExtendedKeyUsage(USAGES[CertificateUse.NODE]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(key), False),
    ]
    return {(value.oid, critical): value for value, critical in form}


@lru_cache(maxsize=4_096)
def ca_key_id(pem: bytes) -> str:
    """Return the id of a national CA's key. Raises `Malformed`."""
    return key_id(spki(_p256(read_ca(pem))))


def thumbprint_of(certificate: bytes) -> str:
    """Return `x5t#S256` of a DER certificate (RFC 8705, 3.1): base64url of its SHA-256, without padding."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()


def spki_of(pem: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of the first certificate in PEM bytes; empty if they are not a certificate."""
    try:
        return (
            x509.load_pem_x509_certificate(pem)
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
    except (ValueError, UnsupportedAlgorithm):
        return b""


def end_of(data: bytes) -> int:
    """Return the end (microseconds since 1970) of a leaf or CA certificate, PEM or DER. Raises `Malformed`."""
    try:
        return to_us(_load(data).not_valid_after_utc)
    except ValueError as error:
        raise _bad(f"the certificate does not fit: {_why(error)}") from error


def spki_of_certificate(certificate: x509.Certificate) -> bytes:
    """Return the SubjectPublicKeyInfo of a certificate, DER."""
    return spki(_p256(certificate))


def check_issued(leaf: Leaf, authorities: Sequence[x509.Certificate]) -> tuple[int, int]:
    """Return the time (microseconds, stop exclusive) in which both `leaf` and the CA that issued it are valid.

    Raises `Unauthenticated` when none of `authorities` issued it.
    """
    for authority in authorities:
        try:
            leaf.certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        start = max(leaf.start_us, to_us(authority.not_valid_before_utc))
        return start, min(leaf.stop_us, to_us(authority.not_valid_after_utc))
    raise Unauthenticated(
        "the certificate of `{uri}` was not issued by that member's authority",
        code="wrong-authority",
        uri=leaf.name.uri,
    )


def _load(data: bytes) -> x509.Certificate:
    if len(data) > MAX_CERTIFICATE:
        raise _bad("the certificate is too long")
    if not data.startswith(b"-----"):
        return x509.load_der_x509_certificate(data)
    if data.count(b"-----BEGIN") != 1:
        raise _bad("there must be exactly one certificate")
    return x509.load_pem_x509_certificate(data)


def _p256(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _bad("the key is not on the curve P-256")
    if not isinstance(certificate.signature_hash_algorithm, SHA256):
        raise _bad("the certificate is not signed with SHA-256")
    return key


def _check_constraints(certificate: x509.Certificate) -> None:
    extensions = certificate.extensions
    if any(extension.critical and extension.oid not in _KNOWN for extension in extensions):
        raise _bad("the certificate has an unknown critical extension")
    if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise _bad("a CA's certificate is no identity")
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    if not usage.digital_signature or usage.key_cert_sign or usage.crl_sign:
        raise _bad("the key is not for signatures only")


def _only_name(certificate: x509.Certificate) -> CertificateName:
    names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    uris = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    if len(uris) != 1:
        raise _bad(f"there must be exactly one URI name, not {len(uris)}")
    name = parse_uri(uris[0])
    others = [other for other in names if not isinstance(other, x509.UniformResourceIdentifier)]
    if others != ([x509.DNSName(name.dns)] if name.dns else []):
        raise _bad(f"the certificate of `{name.uri}` has other names beside it")
    return name


def _check_usage(certificate: x509.Certificate, name: CertificateName) -> None:
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if set(usages) != set(USAGES[name.use]):
        raise _bad(f"the extended key usages do not fit `{name.use}`")


def _why(error: Exception) -> str:
    """Return the reason of a parser's refusal; its words for bytes that do not parse are for programmers."""
    return "it is torn, or no certificate" if isinstance(error, ValueError) else str(error)


def _bad(message: str) -> Malformed:
    return Malformed(message, code="bad-certificate")
