"""The national certificate authority, and the certificates that it issues (RFC 5280).

Every certificate has AuthorityKeyIdentifier, SubjectKeyIdentifier and KeyUsage, since newer TLS stacks refuse
chains without them. Keys are ECDSA P-256: Ed25519 certificates do not work in gRPC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.keyfiles import Algorithm, create_key, load_key
from certs.names import CertificateName, CertificateUse, members_domain
from gateway.clock import Clock
from gateway.errors import Misconfigured
from gateway.host.durable import PUBLIC, make_folder, write_new
from gateway.model.names import member_id

CA_DAYS = 3_653
"""Days for which a national CA is valid: ten years."""

LEAF_DAYS = 397
"""Days for which the certificates of a node are valid by default."""

ONLINE_DAYS = LEAF_DAYS + 180
"""Days for which the online CA of a member is valid: it outlasts by half a year what it renews (decision 0062)."""

_BACKDATED = timedelta(minutes=5)
"""Certificates begin a little before they are made, since the clocks of counterparts differ."""

DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""id-kp-documentSigning (RFC 9336): keeps certificates of signing keys out of TLS."""

USAGES: dict[CertificateUse, tuple[x509.ObjectIdentifier, ...]] = {
    CertificateUse.NODE: (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
    CertificateUse.CLIENT: (ExtendedKeyUsageOID.CLIENT_AUTH,),
    CertificateUse.CONSOLE: (ExtendedKeyUsageOID.SERVER_AUTH,),
    CertificateUse.PERSON: (ExtendedKeyUsageOID.CLIENT_AUTH,),
    CertificateUse.SOURCE: (ExtendedKeyUsageOID.SERVER_AUTH,),
    CertificateUse.STATEMENT: (DOCUMENT_SIGNING,),
    CertificateUse.AGENCY: (DOCUMENT_SIGNING,),
    CertificateUse.STATUS: (DOCUMENT_SIGNING,),
}
"""The extended key usage of each use; a certificate has these and no others."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A national CA with its private key; it is kept offline, apart from any node."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The CA's certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)


def create_authority(folder: Path, member: str, clock: Clock) -> Authority:
    """Make `ca.key` and `ca.pem` in `folder`. Raises `Misconfigured` when they exist."""
    make_folder(folder)
    key = create_key(folder / "ca.key", Algorithm.P256)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misconfigured("a national CA has a P-256 key", code="key-not-admitted", where=str(folder / "ca.key"))
    return certify_authority(folder, member, key, clock)


def certify_authority(folder: Path, member: str, key: ec.EllipticCurvePrivateKey, clock: Clock) -> Authority:
    """Make `ca.pem` for an existing CA key (the second half of `create_authority`)."""
    certificate = self_signed(key, member_id(member), clock.now() - _BACKDATED)
    write_new(folder / "ca.pem", certificate.public_bytes(Encoding.PEM), PUBLIC)
    return Authority(key, certificate)


def load_authority(folder: Path) -> Authority:
    """Return the CA in `folder` (`ca.key`, `ca.pem`). Raises `Misconfigured`."""
    key = load_key(folder / "ca.key")
    path = folder / "ca.pem"
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured(
            "this is not a readable certificate", code="no-ca", where=str(path), remedy="`liaison init` makes it"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise Misconfigured("key and certificate of the CA do not belong together", code="bad-ca", where=str(folder))
    return Authority(key, certificate)


def issue(
    ca: Authority,
    public_key: ec.EllipticCurvePublicKey,
    name: CertificateName,
    clock: Clock,
    *,
    days: int = LEAF_DAYS,
    not_before: datetime | None = None,
) -> bytes:
    """Return a certificate (PEM) for one use: exactly one URI SAN, and for a server exactly one DNS SAN."""
    start = not_before or clock.now() - _BACKDATED
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(name.uri)]
    if name.dns:
        names.append(x509.DNSName(name.dns))
    builder = (
        _builder(public_key, name.name, start, days)
        .issuer_name(ca.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(USAGES[name.use]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_authority_key(ca.key.public_key()), critical=False)
    )
    return builder.sign(ca.key, SHA256()).public_bytes(Encoding.PEM)


def pinned_server(key: ec.EllipticCurvePrivateKey, dns: str, clock: Clock) -> bytes:
    """Return the certificate (PEM) of a server without a CA: its clients hold this very certificate as their root.

    It names only `dns` and has no URI SAN, so it is no certificate for any other use (`certs.profile`).
    """
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, dns)])
    builder = (
        _builder(key.public_key(), "", clock.now() - _BACKDATED, CA_DAYS)
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
        .add_extension(_authority_key(key.public_key()), critical=False)
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def self_signed(key: ec.EllipticCurvePrivateKey, member: str, start: datetime) -> x509.Certificate:
    """Return the certificate of a national CA: ten years, path length 0."""
    subject = _subject(member, "national")
    builder = (
        _builder(key.public_key(), "", start, CA_DAYS)
        .subject_name(subject)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(_authority_key(key.public_key()), critical=False)
    )
    return builder.sign(key, SHA256())


def online_ca(key: ec.EllipticCurvePrivateKey, member: str, clock: Clock) -> x509.Certificate:
    """Return the certificate of a member's online CA: signed by itself, for TLS of this member's nodes only.

    It counts where the member's descriptor lists it, and for TLS keys that are listed there (decision 0062).
    """
    subject = online_subject(member)
    builder = (
        _builder(key.public_key(), "", clock.now() - _BACKDATED, ONLINE_DAYS)
        .subject_name(subject)
        .issuer_name(subject)
        .add_extension(ONLINE_CONSTRAINTS, critical=True)
        .add_extension(ONLINE_USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage(USAGES[CertificateUse.NODE]), critical=False)
        .add_extension(online_names(member), critical=True)
        .add_extension(_authority_key(key.public_key()), critical=False)
    )
    return builder.sign(key, SHA256())


def online_subject(member: str) -> x509.Name:
    """Return the subject of a member's online CA."""
    return _subject(member, "online")


def online_names(member: str) -> x509.NameConstraints:
    """Return the names that an online CA can certify, as far as X.509 can say it.

    A constraint of a URI tells its host, which is that of the federation. `certs.profile` checks the member in its
    path.
    """
    return x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(members_domain(member)), x509.UniformResourceIdentifier("liaison")],
        excluded_subtrees=[x509.IPAddress(ip_network("0.0.0.0/0")), x509.IPAddress(ip_network("::/0"))],
    )


def _subject(member: str, kind: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, member.upper()),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Liaison"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Liaison {kind} CA {member}"),
        ]
    )


def _builder(
    public_key: ec.EllipticCurvePublicKey, common_name: str, start: datetime, days: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder()
    if common_name:
        builder = builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
    return (
        builder.public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _authority_key(public_key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(public_key)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


ONLINE_CONSTRAINTS = x509.BasicConstraints(ca=True, path_length=0)
"""The online CA certifies keys, and no further CA."""

ONLINE_USAGE = _key_usage(ca=True)
"""The online CA signs certificates, as the national CA does."""
