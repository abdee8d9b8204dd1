"""TLS under gRPC, of nodes and of source processes: one server identity, one set of roots for each peer, TLS 1.3.

A client trusts one member's CA only, on channels of its own, since a Python client cannot see the server's certificate
(FACT-3). A server trusts the CAs of all possible callers, and the handler checks the certificate itself (FACT-1 and
FACT-2). A file that cannot be read on reload leaves the old credentials.

TLS 1.2 must have no cipher in common before grpc is loaded (MEASURED-6): a process that serves or calls over gRPC loads
this module, or `gateway.node` which does, before anything else loads grpc.
"""

from __future__ import annotations

import os
import socket
import ssl
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# Only ECDSA certificates exist here, so a suite that needs RSA leaves TLS 1.2 without a shared cipher, while
# the suites of TLS 1.3 are not governed by this setting. `tests/security/test_transport.py` holds it to that.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from grpc.experimental import (
    CustomPrivateKeySign,
    PrivateKeySignatureAlgorithm,
    ssl_channel_credentials_with_custom_signer,
)

from certs.hsm.keys import ModuleP256Key
from certs.keyfiles import load_key, spki
from certs.profile import spki_of
from gateway.errors import Misconfigured

# It is pinned by the lock, and `tests/federation/test_security_module.py` holds the pinned version to it.
warnings.filterwarnings("ignore", "'ssl_channel_credentials_with_custom_signer' is an experimental API")

_CHECK_S = 5.0


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """Private key and certificate chain of a node or source process, PEM.

    A key in a security module is no PEM: then `key` is empty, and `module_key` signs.
    """

    key: bytes
    certificate: bytes
    module_key: ModuleP256Key | None = field(default=None, compare=False)  # the certificate says which key it is

    @classmethod
    def load(cls, key: Path, certificate: Path) -> TlsIdentity:
        """Return the identity in both files; raise `Misconfigured` naming the one that cannot be used."""
        loaded = load_key(key)  # refuses a key that others can read, and a file that is not a key of ours
        chain = read_pem(certificate)
        if spki_of(chain) != spki(loaded.public_key()):  # for a moment while both files are replaced, or for good
            raise Misconfigured(
                "the certificate is for another key",
                code="bad-pair",
                where=str(certificate),
                remedy="restore the pair of key and certificate",
            )
        if isinstance(loaded, ModuleP256Key):
            return cls(b"", chain, loaded)
        return cls(read_pem(key), chain)


def read_pem(path: Path) -> bytes:
    """Return the content of a PEM file; raise `Misconfigured` where it cannot be read or is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Misconfigured(
            "cannot read {path}", where=str(path), remedy="run `liaison doctor`", path=path.name
        ) from error
    if b"-----BEGIN" not in data or b"-----END" not in data:
        raise Misconfigured("{path} is not a PEM file", where=str(path), remedy="run `liaison doctor`", path=path.name)
    return data


def listen(server: grpc.Server | grpc.aio.Server, address: str, credentials: grpc.ServerCredentials, where: str) -> int:
    """Listen on `host:port`; return the port that is bound (for port 0). `where` is the setting of the address.

    Raises `Misconfigured` for an address that is taken, or is not one of this machine.
    """
    try:
        return int(server.add_secure_port(address, credentials))
    except RuntimeError as error:
        raise address_in_use(address, where) from error


def address_in_use(address: str, where: str) -> Misconfigured:
    """Return the error of an address on which nothing can listen; `where` is its setting."""
    return Misconfigured(
        "`{address}` cannot be used: another process listens there, or it is no address of this machine",
        code="address-in-use",
        where=where,
        remedy="choose an address of this machine and a free port",
        address=address,
    )


def server_credentials(
    load: Callable[[], TlsIdentity], roots: Callable[[], bytes], alarm: Callable[[str], None]
) -> grpc.ServerCredentials:
    """Return server credentials that are read again at each handshake; after a failed reading the old ones stay."""

    def configuration() -> grpc.ServerCertificateConfiguration:
        identity = load()
        pair = [(identity.key, identity.certificate)]
        return grpc.ssl_server_certificate_configuration(pair, root_certificates=roots())

    held = [_Fingerprint(load(), roots())]

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        try:
            now = _Fingerprint(load(), roots())
            if now == held[0]:
                return None
            fresh = configuration()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the files, the old credentials stay
            alarm(f"the TLS files cannot be used, the old ones stay: {error}")
            return None
        held[0] = now
        return fresh

    # The type stubs do not know that None means `keep what you have`.
    return grpc.dynamic_ssl_server_credentials(configuration(), fetch, require_client_authentication=True)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    identity: TlsIdentity
    roots: bytes


def check_floor(host: str, port: int) -> None:
    """Check that the server at this address refuses TLS 1.2; raise `Misconfigured` when it accepts it (CASE-A2).

    gRPC has no switch for it: the setting above counts only when nothing loaded grpc before.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is our own server, and the handshake is to fail before that
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection((host, port), _CHECK_S) as raw, context.wrap_socket(raw):
            pass
    except (ssl.SSLError, ConnectionError):
        return
    raise Misconfigured(
        "this port takes TLS 1.2",
        code="tls-floor",
        where=f"{host}:{port}",
        remedy="load `certs.tls` before anything else loads grpc",
    )


def channel_credentials(identity: TlsIdentity, member_ca: bytes) -> grpc.ChannelCredentials:
    """Return credentials towards servers of one member: its CA is the only root."""
    if identity.module_key is not None:
        credentials: grpc.ChannelCredentials = ssl_channel_credentials_with_custom_signer(
            private_key_sign_fn=_signer(identity.module_key),
            root_certificates=member_ca,
            certificate_chain=identity.certificate,
        )
        return credentials
    return grpc.ssl_channel_credentials(member_ca, identity.key, identity.certificate)


def _signer(key: ModuleP256Key) -> CustomPrivateKeySign:
    """Return the function by which gRPC has a handshake signed; an error in it makes the connection fail."""

    def sign(data: bytes, algorithm: PrivateKeySignatureAlgorithm, _done: object) -> bytes:
        if algorithm != PrivateKeySignatureAlgorithm.ECDSA_SECP256R1_SHA256:  # gRPC gives the bare number
            raise Misconfigured(
                "a handshake asked for another algorithm than that of our keys", code="key-not-admitted"
            )
        return key.sign(data, ec.ECDSA(SHA256()))

    return sign
