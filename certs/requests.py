"""Requests for certificates (PKCS #10, RFC 2986), where the key is in one building and the authority in another.

A request carries the public key, the requested use as its URI SAN, and a signature that proves the key.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certs.names import CertificateName, parse_uri
from gateway.errors import Malformed

MAX_REQUEST = 8_192
"""Bytes of one request."""


def build_request(key: ec.EllipticCurvePrivateKey, name: CertificateName) -> bytes:
    """Return a request (PEM) for a certificate of `key` for the use in `name`."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name.name)]))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name.uri)]), critical=False)
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )


def read_request(pem: bytes) -> tuple[ec.EllipticCurvePublicKey, CertificateName]:
    """Return the key and the use of a request: bounded, P-256, proved by its signature, exactly one URI SAN.

    Raises `Malformed` for any other. The authority's own people decide whether to certify that use.
    """
    if len(pem) > MAX_REQUEST:
        raise _bad("it is too long")
    try:
        request = x509.load_pem_x509_csr(pem)
        names = list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        key = request.public_key()
        proved = request.is_signature_valid
    except Exception as error:  # whatever a parser of foreign bytes raises, the answer is no (CASE-C14)
        raise _bad("it does not parse") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1) or not proved:
        raise _bad("it does not prove a key on the curve P-256")
    if len(names) != 1 or not isinstance(names[0], x509.UniformResourceIdentifier):
        raise _bad("it does not name exactly one use")
    return key, parse_uri(names[0].value)


def _bad(why: str) -> Malformed:
    return Malformed("this request for a certificate cannot be used: {why}", code="bad-request", why=why)
