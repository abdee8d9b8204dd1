"""Keys that sign and keys that verify. A key is admitted, not merely parsed (design, section 3).

Admitted are ECDSA on the named curve P-256 with SHA-256 (FIPS 186-5; signatures are raw r and s of 32 bytes each, as in
RFC 7518, 3.4) and Ed25519 (RFC 8032). A signature is always 64 bytes. The algorithm belongs to the key; no message can
choose it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from certs.hsm.keys import ModuleEd25519Key, ModuleP256Key
from certs.keyfiles import Algorithm, KeyPlace, PrivateKey, PublicKey, key_id, load_key, spki
from gateway.errors import BadSignature
from gateway.signing.edwards import is_proper

SIGNATURE_BYTES: Final = 64

_MAX_SPKI = 256
_ECDSA = ec.ECDSA(SHA256())
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Point:
    """A P-256 public key's affine coordinates, 32 bytes each, the last byte first."""

    x: bytes
    y: bytes


class SigningKey:
    """A private key. `key_id` is the SHA-256 of `spki` in hexadecimal digits. Thread-safe.

    `is_in_module` tells whether it lies in a security module, which then makes each signature.
    """

    __slots__ = ("_ecdsa", "_ed25519", "_module", "_scalar", "algorithm", "key_id", "spki")

    def __init__(self, key: PrivateKey) -> None:
        self.spki = spki(key.public_key())
        self.key_id = key_id(self.spki)
        self._ecdsa = key if isinstance(key, ec.EllipticCurvePrivateKey) else None
        self._ed25519 = key if isinstance(key, ed25519.Ed25519PrivateKey) else None
        self.algorithm = Algorithm.P256 if self._ecdsa else Algorithm.ED25519
        self._module = key if isinstance(key, ModuleP256Key | ModuleEd25519Key) else None
        self._scalar: bytes | None = None

    @property
    def is_in_module(self) -> bool:
        """Tell whether the key lies in a security module."""
        return self._module is not None

    @property
    def is_exportable(self) -> bool:
        """Tell whether its security module would give it out."""
        return self._module is not None and self._module.token_key.is_exportable

    @property
    def scalar(self) -> bytes | None:
        """The number of a P-256 key for `multi_buffer`, its last byte first; None for Ed25519 and in a module.

        It is in our memory from the first call on. Before that, only the library that holds the key has it.
        """
        if self._scalar is None and self._ecdsa and not self.is_in_module:
            self._scalar = self._ecdsa.private_numbers().private_value.to_bytes(32, "little")
        return self._scalar

    def sign_each(self, items: Sequence[bytes]) -> list[bytes]:
        """Return the signature of each item; a security module makes them in one turn."""
        return self._module.sign_each(items) if self._module else [self.sign(data) for data in items]

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`, 64 bytes."""
        if self._module:
            return self._module.sign_each([data])[0]
        if self._ecdsa:
            r, s = decode_dss_signature(self._ecdsa.sign(data, _ECDSA))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        assert self._ed25519
        return self._ed25519.sign(data)

    def sign_der(self, data: bytes) -> bytes:
        """Return the signature in the form of foreign formats (TUF): ECDSA as DER (RFC 3279, 2.2.3)."""
        return self._ecdsa.sign(data, _ECDSA) if self._ecdsa else self.sign(data)

    def verify_key(self) -> VerifyKey:
        """Return the public half."""
        return VerifyKey.admit(self.spki)


class VerifyKey:
    """An admitted public key; only `admit` makes one. Immutable and thread-safe.

    `point` are the coordinates of a P-256 key for `multi_buffer`.
    """

    __slots__ = ("_ecdsa", "_ed25519", "algorithm", "key_id", "point", "spki")

    def __init__(self, info: bytes, key: PublicKey) -> None:
        self.spki = info
        self.key_id = key_id(info)
        self._ecdsa = key if isinstance(key, ec.EllipticCurvePublicKey) else None
        self._ed25519 = key if isinstance(key, ed25519.Ed25519PublicKey) else None
        self.algorithm = Algorithm.P256 if self._ecdsa else Algorithm.ED25519
        self.point = _point(self._ecdsa) if self._ecdsa else None

    @staticmethod
    def admit(spki: bytes) -> VerifyKey:
        """Return the key in a SubjectPublicKeyInfo (DER), or raise `BadSignature`:

        1. DER of bounded size that parses;
        2. P-256 or Ed25519 and nothing else;
        3. in its only encoding: named curve, uncompressed point, nothing before or after;
        4. Ed25519: a canonical point of the group of prime order.
        """
        return _admit(bytes(spki))

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise `BadSignature` unless `signature` fits `data`."""
        try:
            if len(signature) != SIGNATURE_BYTES:
                raise BadSignature(
                    "a signature has {signature_bytes} bytes, not {count}",
                    signature_bytes=SIGNATURE_BYTES,
                    count=len(signature),
                )
            if self._ecdsa:
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                if not (0 < r < _ORDER and 0 < s < _ORDER):
                    raise BadSignature("the numbers of the signature are out of range")
                self._ecdsa.verify(encode_dss_signature(r, s), data, _ECDSA)
            else:
                assert self._ed25519
                self._ed25519.verify(signature, data)
        except BadSignature:
            raise
        except Exception as error:  # whatever goes wrong in a verification, the answer is no (CASE-C14)
            raise BadSignature("the signature does not fit") from error

    @property
    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 key, or the 65 of an uncompressed P-256 point."""
        if self._ed25519:
            return self._ed25519.public_bytes_raw()
        assert self._ecdsa
        return self._ecdsa.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and other.spki == self.spki

    def __hash__(self) -> int:
        return hash(self.spki)


def load_signing_key(place: KeyPlace) -> SigningKey:
    """Return the key at a place: a file, or a security module. `certs.keyfiles.load_key` says what is refused."""
    return SigningKey(load_key(place))


@lru_cache(maxsize=65_536)
def _admit(info: bytes) -> VerifyKey:
    if len(info) > _MAX_SPKI:
        raise _not_admitted("it is too long for a key of an allowed kind")
    try:
        key = load_der_public_key(info)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _not_admitted("it does not parse as a public key of an allowed kind") from error
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1):
            raise _not_admitted(f"its curve is `{key.curve.name}`")
    elif not isinstance(key, ed25519.Ed25519PublicKey):
        raise _not_admitted("it is of another kind")
    elif not is_proper(key.public_bytes_raw()):
        raise _not_admitted("its point is not canonical, not on the curve, or of low order")
    if spki(key) != info:
        raise _not_admitted("it is not in its only encoding")
    return VerifyKey(info, key)


def _point(key: ec.EllipticCurvePublicKey) -> Point:
    numbers = key.public_numbers()
    return Point(numbers.x.to_bytes(32, "little"), numbers.y.to_bytes(32, "little"))


def _not_admitted(why: str) -> BadSignature:
    return BadSignature(
        "the key is not admitted: {why}", code="key-not-admitted", remedy="use ECDSA P-256 or Ed25519", why=why
    )
