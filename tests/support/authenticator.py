"""A software authenticator: real keys and real CBOR, as a browser hands them on, right or changed."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.signing.passkeys.base64url import encode_url64
from gateway.signing.passkeys.client_data import Ceremony
from gateway.signing.passkeys.public_key import CoseAlgorithm

RP_ID = "desk.th.example"
ORIGIN = "https://desk.th.example"

PRESENT, VERIFIED, ELIGIBLE, BACKED_UP, ATTESTED, EXTENDED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


def cbor(value: Any) -> bytes:
    """A value in CBOR."""
    match value:
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case list():
            return _head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            pairs = (cbor(name) + cbor(member) for name, member in value.items())
            return _head(5, len(value)) + b"".join(pairs)
    raise TypeError(value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    for short, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            return bytes([major << 5 | short]) + number.to_bytes(size, "big")
    raise ValueError(number)


def client_data(ceremony: str, challenge: bytes, /, origin: str = ORIGIN, **more: Any) -> bytes:
    """What a browser says of the page that asked."""
    value = {"type": ceremony, "challenge": encode_url64(challenge), "origin": origin, "crossOrigin": False}
    return json.dumps({name: item for name, item in (value | more).items() if item is not None}).encode()


@dataclass
class Authenticator:
    """One device with one credential. `counts` is False for those whose counter stays 0."""

    algorithm: CoseAlgorithm = CoseAlgorithm.ES256
    rp_id: str = RP_ID
    origin: str = ORIGIN
    counts: bool = True
    flags: int = PRESENT | VERIFIED
    counter: int = 0
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    aaguid: bytes = bytes(16)
    extensions: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        match self.algorithm:
            case CoseAlgorithm.ES256:
                self.key: Any = ec.generate_private_key(ec.SECP256R1())
            case CoseAlgorithm.EDDSA:
                self.key = ed25519.Ed25519PrivateKey.generate()
            case CoseAlgorithm.RS256:
                self.key = rsa.generate_private_key(65_537, 2048)

    @property
    def spki(self) -> bytes:
        """The public key."""
        found: bytes = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return found

    def cose(self) -> dict[int, Any]:
        """The public key as a COSE_Key."""
        public = self.key.public_key()
        if self.algorithm is CoseAlgorithm.EDDSA:
            return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        if self.algorithm is CoseAlgorithm.RS256:
            return {1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}

    def data(self, attested: bytes = b"") -> bytes:
        """Authenticator data."""
        flags = self.flags | (ATTESTED if attested else 0) | (EXTENDED if self.extensions else 0)
        more = cbor(self.extensions) if self.extensions else b""
        head = hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")
        return head + attested + more

    def create(self, challenge: bytes, /, **client: Any) -> dict[str, Any]:
        """What `navigator.credentials.create` gives, as JSON."""
        size = len(self.credential).to_bytes(2, "big")
        attested = self.aaguid + size + self.credential + cbor(self.cose())
        value = {"fmt": "none", "attStmt": {}, "authData": self.data(attested)}
        said = client_data(Ceremony.CREATE, challenge, **{"origin": self.origin} | client)
        return self.answer({"clientDataJSON": encode_url64(said), "attestationObject": encode_url64(cbor(value))})

    def get(self, challenge: bytes, /, **client: Any) -> dict[str, Any]:
        """What `navigator.credentials.get` gives, as JSON."""
        self.counter += self.counts
        said, data = client_data(Ceremony.GET, challenge, **{"origin": self.origin} | client), self.data()
        signed = self.sign(data + hashlib.sha256(said).digest())
        parts = {"clientDataJSON": said, "authenticatorData": data, "signature": signed}
        return self.answer({name: encode_url64(part) for name, part in parts.items()})

    def sign(self, data: bytes) -> bytes:
        """A signature in the form of WebAuthn."""
        match self.algorithm:
            case CoseAlgorithm.ES256:
                signed = self.key.sign(data, ec.ECDSA(SHA256()))
            case CoseAlgorithm.EDDSA:
                signed = self.key.sign(data)
            case CoseAlgorithm.RS256:
                signed = self.key.sign(data, padding.PKCS1v15(), SHA256())
        assert isinstance(signed, bytes)
        return signed

    def answer(self, response: dict[str, Any]) -> dict[str, Any]:
        """What a browser hands on."""
        name = encode_url64(self.credential)
        common = {"authenticatorAttachment": "platform", "clientExtensionResults": {}}
        return {"id": name, "rawId": name, "type": "public-key", "response": response, **common}
