"""Private keys in files (PKCS #8, RFC 5958, in PEM, mode 0600, created once), and the loading of all private keys.

A key's place is a file, or a URI of a security module that is in the settings for it (`certs.hsm`).
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path

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

from certs.hsm.keys import load_module_key
from certs.hsm.places import completed, uri_at
from certs.hsm.uri import KeyUri
from gateway.errors import Misconfigured
from gateway.host.durable import PRIVATE, write_new
from gateway.host.private_file import read_private

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
WitnessPrivateKey = ed25519.Ed25519PrivateKey | MLDSA44PrivateKey
WitnessPublicKey = ed25519.Ed25519PublicKey | MLDSA44PublicKey
KeyPlace = Path | KeyUri


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


def load_key(place: KeyPlace) -> PrivateKey:
    """Return the private key at a place. Raises `Misconfigured` when others can read it, or it is of another kind."""
    key = _load(place)
    if isinstance(key, MLDSA44PrivateKey):
        raise _not_allowed(place, "an ML-DSA key cosigns the heads of logs, and nothing else")
    return key


def load_witness_key(place: KeyPlace) -> WitnessPrivateKey:
    """Return the private key of a witness at a place. Raises `Misconfigured` like `load_key`."""
    key = _load(place)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        raise _not_allowed(place, "a witness has keys of the kinds Ed25519 and ML-DSA-44")
    return key


def public_key(place: KeyPlace) -> PublicKey | WitnessPublicKey:
    """Return the public half of the key at a place, of any allowed kind. Raises `Misconfigured` like `load_key`."""
    return _load(place).public_key()


def check_key(place: KeyPlace) -> None:
    """Raise `Misconfigured` unless there is a private key of an allowed kind at the place, as `load_key` does."""
    _load(place)


def _load(place: KeyPlace) -> PrivateKey | WitnessPrivateKey:
    uri = completed(place) if isinstance(place, KeyUri) else uri_at(place)
    if uri is not None:
        return load_module_key(uri)
    assert isinstance(place, Path)
    return _load_file(place)


def _load_file(path: Path) -> PrivateKey | WitnessPrivateKey:
    data = read_private(path)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured(
            "this is not a private key in PKCS #8 PEM form without a password",
            code="bad-key-file",
            where=str(path),
            remedy="name a key file that `liaison` made, such as that of `liaison trust person`",
        ) from error
    if isinstance(key, ed25519.Ed25519PrivateKey | MLDSA44PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise _not_allowed(path, "this kind of key is not allowed")


def _not_allowed(place: KeyPlace, why: str) -> Misconfigured:
    return Misconfigured(
        why, code="key-not-admitted", where=str(place), remedy="use ECDSA on the curve P-256, or Ed25519"
    )


def spki(key: PublicKey | WitnessPublicKey) -> bytes:
    """Return the SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) of a public key, DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(public_key_info: bytes) -> str:
    """Return the id of a key: SHA-256 of its SubjectPublicKeyInfo, 64 hexadecimal digits."""
    return hashlib.sha256(public_key_info).hexdigest()
