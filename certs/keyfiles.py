"""Private keys in files: PKCS #8 (RFC 5958) in PEM, mode 0600, created once and never overwritten."""

from __future__ import annotations

import hashlib
import os
import stat
from enum import StrEnum
from pathlib import Path
from shlex import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
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
WitnessPrivateKey = ed25519.Ed25519PrivateKey | MLDSA44PrivateKey
WitnessPublicKey = ed25519.Ed25519PublicKey | MLDSA44PublicKey

_MAX_KEY_FILE = 16_384


class Algorithm(StrEnum):
    """The kinds of key that the gateway makes and admits; ML-DSA-44 (FIPS 204) for witnesses alone."""

    P256 = "p256"
    ED25519 = "ed25519"
    MLDSA44 = "ml-dsa-44"


def create_key(path: Path, algorithm: Algorithm = Algorithm.P256) -> PrivateKey:
    """Make a P-256 or Ed25519 key and store it at `path`, durable and readable by the owner only.

    Raises `Misconfigured` when the file exists: a key is never overwritten.
    """
    key: PrivateKey
    key = (
        ec.generate_private_key(ec.SECP256R1()) if algorithm is Algorithm.P256 else ed25519.Ed25519PrivateKey.generate()
    )
    _write(path, key)
    return key


def create_witness_key(path: Path, algorithm: Algorithm) -> None:
    """Make a witness's key, Ed25519 or ML-DSA-44, like `create_key`."""
    if algorithm is Algorithm.MLDSA44:
        _write(path, MLDSA44PrivateKey.generate())
    else:
        create_key(path, Algorithm.ED25519)


def _write(path: Path, key: PrivateKey | MLDSA44PrivateKey) -> None:
    write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), PRIVATE)


def load_key(path: Path) -> PrivateKey:
    """Return the private key in `path`. Raises `Misconfigured` when others can read it, or it is of another kind."""
    key = _load(path)
    if isinstance(key, MLDSA44PrivateKey):
        raise _not_allowed(path, "an ML-DSA key cosigns the heads of logs, and nothing else")
    return key


def load_witness_key(path: Path) -> WitnessPrivateKey:
    """Return the private key of a witness in `path`. Raises `Misconfigured` like `load_key`."""
    key = _load(path)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        raise _not_allowed(path, "a witness has keys of the kinds Ed25519 and ML-DSA-44")
    return key


def public_key(path: Path) -> PublicKey | WitnessPublicKey:
    """Return the public half of the key in `path`, of any allowed kind. Raises `Misconfigured` like `load_key`."""
    return _load(path).public_key()


def check_key(path: Path) -> None:
    """Raise `Misconfigured` unless `path` holds a private key of an allowed kind, as `load_key` does."""
    _load(path)


def _load(path: Path) -> PrivateKey | WitnessPrivateKey:
    data = read_private(path)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured(
            "this is not a private key in PKCS #8 PEM form without a password", code="bad-key-file", where=str(path)
        ) from error
    if isinstance(key, ed25519.Ed25519PrivateKey | MLDSA44PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise _not_allowed(path, "this kind of key is not allowed")


def _not_allowed(path: Path, why: str) -> Misconfigured:
    return Misconfigured(
        why, code="key-not-admitted", where=str(path), remedy="use ECDSA on the curve P-256, or Ed25519"
    )


def spki(key: PublicKey | WitnessPublicKey) -> bytes:
    """Return the SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) of a public key, DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(public_key_info: bytes) -> str:
    """Return the id of a key: SHA-256 of its SubjectPublicKeyInfo, 64 hexadecimal digits."""
    return hashlib.sha256(public_key_info).hexdigest()


def read_private(path: Path, what: str = "key", remedy: str = "`liaison init` makes it") -> bytes:
    """Return the bytes (16 KiB at most) of a file with secrets.

    `what` names it in errors; `remedy` is the advice where it is missing. Raises `Misconfigured` when others can read
    it. Rights are checked on the open file, so that it cannot be swapped in between.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Misconfigured("this is not a regular file", code=f"bad-{what}-file", where=str(path))
            if stat.S_IMODE(found.st_mode) & 0o077:
                if path.suffix == ".pub":
                    raise Misconfigured(
                        "this is a public key",
                        code=f"bad-{what}-file",
                        where=str(path),
                        remedy="give the private one, NAME.key",
                    )
                raise Misconfigured(
                    "others can read this {what} (mode {s_imode:04o})",
                    code=f"{what}-readable",
                    where=str(path),
                    remedy="chmod 600 {path}",
                    what=what,
                    s_imode=stat.S_IMODE(found.st_mode),
                    path=quote(str(path)),
                )
            return file.read(_MAX_KEY_FILE)
    except PermissionError as error:
        raise Misconfigured(
            "this account may not read it",
            code=f"{what}-unreadable",
            where=str(path),
            remedy="use the account that it belongs to",
        ) from error
    except OSError as error:
        raise Misconfigured(
            "cannot be read: {strerror}",
            code=f"no-{what}-file",
            where=str(path),
            remedy="{advice}",
            strerror=error.strerror,
            advice=remedy,
        ) from error
