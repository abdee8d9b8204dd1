"""Private keys in files: PKCS #8 (RFC 5958) in PEM, mode 0600, created once and never overwritten."""

from __future__ import annotations

import hashlib
import os
import stat
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from certs.durable import PRIVATE, write_new
from gateway.errors import Misconfigured

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_MAX_KEY_FILE = 16_384


class Algorithm(StrEnum):
    """The kinds of key that the gateway makes and admits."""

    P256 = "p256"
    ED25519 = "ed25519"


def create_key(path: Path, algorithm: Algorithm = Algorithm.P256) -> PrivateKey:
    """Make a key and store it at `path`, durable and readable by the owner only.

    Raises `Misconfigured` when the file exists: a key is never overwritten.
    """
    key: PrivateKey
    key = (
        ec.generate_private_key(ec.SECP256R1()) if algorithm is Algorithm.P256 else ed25519.Ed25519PrivateKey.generate()
    )
    write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), PRIVATE)
    return key


def load_key(path: Path) -> PrivateKey:
    """The private key in `path`. Raises `Misconfigured` when others can read it, or it is of another kind."""
    data = read_private(path)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured(
            "this is not a private key in PKCS #8 PEM form without a password", code="bad-key-file", where=str(path)
        ) from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise Misconfigured(
        "this kind of key is not allowed",
        code="key-not-admitted",
        where=str(path),
        remedy="use ECDSA on the curve P-256, or Ed25519",
    )


def spki(key: PublicKey) -> bytes:
    """The SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) of a public key, DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(public_key_info: bytes) -> str:
    """The id of a key: SHA-256 of its SubjectPublicKeyInfo, 64 hexadecimal digits."""
    return hashlib.sha256(public_key_info).hexdigest()


def read_private(path: Path, what: str = "key", remedy: str = "`liaison init` makes it") -> bytes:
    """The bytes (16 KiB at most) of a file with secrets; `what` names it in errors, `remedy` helps where it is missing.

    Raises `Misconfigured` when others can read it. Rights are checked on the open file, so that it cannot be swapped
    in between.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Misconfigured("this is not a regular file", code=f"bad-{what}-file", where=str(path))
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise Misconfigured(
                    f"others can read this {what} (mode {stat.S_IMODE(found.st_mode):04o})",
                    code=f"{what}-readable",
                    where=str(path),
                    remedy=f"chmod 600 {path}",
                )
            return file.read(_MAX_KEY_FILE)
    except OSError as error:
        raise Misconfigured(
            f"cannot be read: {error.strerror}", code=f"no-{what}-file", where=str(path), remedy=remedy
        ) from error
