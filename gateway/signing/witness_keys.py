"""Keys that cosign the heads of logs: Ed25519 (RFC 8032) and ML-DSA-44 (FIPS 204, pure, empty context).

They are apart from the keys of statements and records: ML-DSA is admitted for witnesses alone. Its signatures have
2,420 bytes and cost 440 µs, so they are never made on the path of an exchange.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certs.keyfiles import Algorithm, KeyPlace, WitnessPrivateKey, WitnessPublicKey, key_id, load_witness_key, spki
from gateway.errors import BadSignature
from gateway.signing.keys import VerifyKey

_MLDSA44_SPKI_BYTES = 1_334


class WitnessKey:
    """An admitted public key of a witness; only `admit` makes one. Immutable and thread-safe."""

    __slots__ = ("_key", "algorithm", "key_id", "raw", "spki")

    def __init__(self, info: bytes, key: VerifyKey | MLDSA44PublicKey) -> None:
        self.spki = info
        self.key_id = key_id(info)
        self.algorithm = key.algorithm if isinstance(key, VerifyKey) else Algorithm.MLDSA44
        self.raw = key.raw if isinstance(key, VerifyKey) else key.public_bytes_raw()
        self._key = key

    @staticmethod
    def admit(info: bytes) -> WitnessKey:
        """Return the key in a SubjectPublicKeyInfo (DER): Ed25519, or ML-DSA-44 in its only encoding (RFC 9881).

        Raises `BadSignature` for any other key.
        """
        return _admit(bytes(info))

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise `BadSignature` unless `signature` fits `data`."""
        if isinstance(self._key, VerifyKey):
            self._key.verify(signature, data)
            return
        try:
            self._key.verify(signature, data)
        except Exception as error:  # whatever goes wrong in a verification, the answer is no (CASE-C14)
            raise BadSignature("the signature does not fit") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WitnessKey) and other.spki == self.spki

    def __hash__(self) -> int:
        return hash(self.spki)


class WitnessSigningKey:
    """A witness's private key. Thread-safe."""

    __slots__ = ("_key", "public")

    def __init__(self, key: WitnessPrivateKey) -> None:
        self._key = key
        public: WitnessPublicKey = key.public_key()
        self.public = WitnessKey.admit(spki(public))

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`: 64 bytes of Ed25519, or 2,420 of ML-DSA-44."""
        return self._key.sign(data)


def load_witness_signing_key(place: KeyPlace) -> WitnessSigningKey:
    """Return the key at a place; `certs.keyfiles.load_witness_key` says what is refused."""
    return WitnessSigningKey(load_witness_key(place))


@lru_cache(maxsize=1_024)
def _admit(info: bytes) -> WitnessKey:
    if len(info) != _MLDSA44_SPKI_BYTES:
        key = VerifyKey.admit(info)
        if key.algorithm is not Algorithm.ED25519:
            raise _not_admitted("it is of another kind")
        return WitnessKey(info, key)
    try:
        found = load_der_public_key(info)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _not_admitted("it does not parse as a public key of an allowed kind") from error
    if not isinstance(found, MLDSA44PublicKey) or spki(found) != info:
        raise _not_admitted("it is of another kind, or not in its only encoding")
    return WitnessKey(info, found)


def _not_admitted(why: str) -> BadSignature:
    return BadSignature(
        "the key is not admitted: {why}",
        code="key-not-admitted",
        remedy="a witness has Ed25519 and ML-DSA-44 keys",
        why=why,
    )
