"""Keys in a security module in the form of `cryptography`: all code that signs with a key file signs with these.

Certificates, requests and statements are so signed in the module without code of their own (decision 0065).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Never

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from certs.hsm.token import TokenKey, open_key, opened_keys
from certs.hsm.uri import KeyUri
from gateway.errors import Misconfigured

_HALF = 32
_ECDSA = ec.ECDSA(SHA256())


class ModuleP256Key(ec.EllipticCurvePrivateKey):
    """An ECDSA key on P-256 that stays in a security module; it signs with SHA-256 and nothing else. Thread-safe."""

    def __init__(self, key: TokenKey) -> None:
        self.token_key = key
        self._public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.point)

    def sign_each(self, items: Sequence[bytes]) -> list[bytes]:
        """Return the signature of each item, raw r and s, in one turn of the module."""
        return self.token_key.sign([(sha256(data).digest(), data) for data in items], self._verify)

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Return the signature of `data` in DER."""
        if not isinstance(signature_algorithm, ec.ECDSA) or not isinstance(signature_algorithm.algorithm, SHA256):
            raise _refused("it signs by ECDSA with SHA-256 only")
        return _der(self.sign_each([bytes(data)])[0])

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """The bits of the curve."""
        return self._public.key_size

    def exchange(self, algorithm: Any, peer_public_key: Any) -> bytes:
        """Refuse: a key of the gateway signs, or agrees on secrets, and never both."""
        del algorithm, peer_public_key
        raise _refused("it signs and opens nothing: a backup is sealed for a key in a file")

    def private_numbers(self) -> Never:
        """Refuse: the key does not leave the module."""
        raise _refused("it does not leave the module")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:  # noqa: A002 - as given
        """Refuse: the key does not leave the module."""
        del encoding, format, encryption_algorithm
        raise _refused("it does not leave the module")

    def __copy__(self) -> ModuleP256Key:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> ModuleP256Key:
        return self

    def _verify(self, signature: bytes, data: bytes) -> None:
        self._public.verify(_der(signature), data, _ECDSA)


class ModuleEd25519Key(ed25519.Ed25519PrivateKey):
    """An Ed25519 key that stays in a security module. Thread-safe."""

    def __init__(self, key: TokenKey) -> None:
        self.token_key = key
        self._public = ed25519.Ed25519PublicKey.from_public_bytes(key.point)

    def sign_each(self, items: Sequence[bytes]) -> list[bytes]:
        """Return the signature of each item in one turn of the module."""
        return self.token_key.sign([(data, data) for data in items], self._public.verify)

    def sign(self, data: Any) -> bytes:
        """Return the signature of `data`."""
        return self.sign_each([bytes(data)])[0]

    def public_key(self) -> ed25519.Ed25519PublicKey:
        """Return the public half."""
        return self._public

    def private_bytes_raw(self) -> bytes:
        """Refuse: the key does not leave the module."""
        raise _refused("it does not leave the module")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:  # noqa: A002 - as given
        """Refuse: the key does not leave the module."""
        del encoding, format, encryption_algorithm
        raise _refused("it does not leave the module")

    def __copy__(self) -> ModuleEd25519Key:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> ModuleEd25519Key:
        return self


ModuleKey = ModuleP256Key | ModuleEd25519Key


def load_module_key(uri: KeyUri) -> ModuleKey:
    """Return the key that `uri` names, after it has signed once. Raises `Misconfigured`, `Unavailable`."""
    key = _key(open_key(uri))
    key.sign_each([os.urandom(_HALF)])
    return key


def self_test() -> None:
    """Let each key in the module that this process uses sign once. Raises `Unavailable` where the module is lost."""
    for opened in opened_keys():
        _key(opened).sign_each([os.urandom(_HALF)])


def _key(opened: TokenKey) -> ModuleKey:
    return ModuleP256Key(opened) if opened.kind == "EC" else ModuleEd25519Key(opened)


def _der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big"))


def _refused(why: str) -> Misconfigured:
    return Misconfigured("this key lies in a security module: {why}", code="key-in-module", why=why)
