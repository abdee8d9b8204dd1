"""Public keys of authenticators: ES256, EdDSA and RS256 (RFC 9053, RFC 8812), admitted as all keys here are.

A key is kept as SubjectPublicKeyInfo (DER), as every tool reads it, and not in the form of its authenticator (COSE).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from gateway.errors import BadSignature, Malformed
from gateway.signing.keys import VerifyKey

MAX_SPKI: Final = 600
"""Bytes of the longest key: RSA of 4,096 bits."""

_RSA_BITS = (2048, 4096)
_RSA_EXPONENT = 65_537
_MAX_DER = 72
"""Bytes of the longest P-256 signature in DER."""


class CoseAlgorithm(IntEnum):
    """The algorithms that a passkey may have, by their numbers in COSE."""

    ES256 = -7
    EDDSA = -8
    RS256 = -257


class PasskeyKey:
    """An admitted public key of an authenticator; only `admit` and `from_cose` make one. Immutable."""

    __slots__ = ("_rsa", "_verify", "algorithm", "spki")

    def __init__(self, spki: bytes, key: VerifyKey | rsa.RSAPublicKey, algorithm: CoseAlgorithm) -> None:
        self.spki = spki
        self.algorithm = algorithm
        self._verify = key if isinstance(key, VerifyKey) else None
        self._rsa = key if isinstance(key, rsa.RSAPublicKey) else None

    @staticmethod
    def admit(spki: bytes) -> PasskeyKey:
        """Return the key in a SubjectPublicKeyInfo. Raises `BadSignature` for a kind that is not admitted."""
        return _admit(bytes(spki))

    @staticmethod
    def from_cose(value: Any) -> PasskeyKey:
        """Return the key in a COSE_Key. Raises `Malformed`, `BadSignature`."""
        if not isinstance(value, Mapping):
            raise _bad_cose()
        match value.get(1), value.get(3):
            case 2, CoseAlgorithm.ES256:
                return PasskeyKey.admit(_p256(value))
            case 1, CoseAlgorithm.EDDSA:
                return PasskeyKey.admit(_ed25519(value))
            case 3, CoseAlgorithm.RS256:
                return PasskeyKey.admit(_rsa(value))
        raise BadSignature(
            "the passkey's algorithm is not admitted",
            code="key-not-admitted",
            where="passkey",
            remedy="use an authenticator of ES256, EdDSA or RS256",
        )

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise `BadSignature` unless `signature`, in the form that WebAuthn gives it, fits `data`."""
        if self._verify is not None:
            raw = _raw(signature) if self.algorithm is CoseAlgorithm.ES256 else signature
            self._verify.verify(raw, data)
            return
        assert self._rsa
        try:
            self._rsa.verify(signature, data, padding.PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError) as error:
            raise BadSignature("the signature does not fit") from error


@lru_cache(maxsize=4_096)
def _admit(spki: bytes) -> PasskeyKey:
    if len(spki) > MAX_SPKI:
        raise _not_admitted()
    try:
        key = load_der_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _not_admitted() from error
    if not isinstance(key, rsa.RSAPublicKey):
        found = VerifyKey.admit(spki)
        is_p256 = isinstance(key, ec.EllipticCurvePublicKey)
        return PasskeyKey(spki, found, CoseAlgorithm.ES256 if is_p256 else CoseAlgorithm.EDDSA)
    low, high = _RSA_BITS
    if not low <= key.key_size <= high or key.public_numbers().e != _RSA_EXPONENT or _spki(key) != spki:
        raise _not_admitted()
    return PasskeyKey(spki, key, CoseAlgorithm.RS256)


def _p256(value: Mapping[Any, Any]) -> bytes:
    if set(value) != {1, 3, -1, -2, -3} or value[-1] != 1:
        raise _bad_cose()
    x, y = (int.from_bytes(_bytes(value[name], 32), "big") for name in (-2, -3))
    try:
        return _spki(ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key())
    except ValueError as error:
        raise _not_admitted() from error


def _ed25519(value: Mapping[Any, Any]) -> bytes:
    if set(value) != {1, 3, -1, -2} or value[-1] != 6:
        raise _bad_cose()
    return _spki(ed25519.Ed25519PublicKey.from_public_bytes(_bytes(value[-2], 32)))


def _rsa(value: Mapping[Any, Any]) -> bytes:
    if set(value) != {1, 3, -1, -2}:
        raise _bad_cose()
    n, e = _bytes(value[-1], *range(_RSA_BITS[0] // 8, _RSA_BITS[1] // 8 + 1)), _bytes(value[-2], 3)
    try:
        return _spki(rsa.RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big")).public_key())
    except ValueError as error:
        raise _not_admitted() from error


def _bytes(value: Any, *sizes: int) -> bytes:
    """Return the bytes of a member of a key. Raises `Malformed` for another size."""
    if not isinstance(value, bytes) or len(value) not in sizes:
        raise _bad_cose()
    return value


def _spki(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _raw(signature: bytes) -> bytes:
    """Return r and s of a signature in DER. Raises `BadSignature`."""
    try:
        r, s = decode_dss_signature(signature) if len(signature) <= _MAX_DER else (-1, -1)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    except (ValueError, OverflowError) as error:
        raise BadSignature("the signature does not fit") from error


def _bad_cose() -> Malformed:
    return Malformed("this is no public key of a passkey", code="bad-passkey", where="passkey")


def _not_admitted() -> BadSignature:
    return BadSignature(
        "the passkey's public key is not admitted",
        code="key-not-admitted",
        where="passkey",
        remedy="use an authenticator of ES256, EdDSA or RS256",
    )
