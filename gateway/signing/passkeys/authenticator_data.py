"""Read authenticator data (WebAuthn level 3, section 6.1): what an authenticator says of itself, in what it signs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from gateway.errors import BadSignature, Malformed, TooLarge
from gateway.signing.passkeys.cbor import read_item
from gateway.signing.passkeys.public_key import PasskeyKey

MAX_DATA: Final = 4096
"""Bytes of authenticator data, which has an RSA key and extensions at most."""
MAX_CREDENTIAL: Final = 1023
"""Bytes of a credential's id."""

_HEAD = 37
_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP, _ATTESTED, _EXTENDED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class Attested:
    """A new credential: the kind of its authenticator, its id and its public key."""

    aaguid: bytes
    credential: bytes
    key: PasskeyKey


@dataclass(frozen=True, slots=True)
class AuthenticatorData:
    """Authenticator data, which nothing has verified yet. `backed_up`: the key is copied to other devices."""

    rp_id_hash: bytes
    flags: int
    counter: int
    attested: Attested | None

    @property
    def backed_up(self) -> bool:
        """Tell whether the private key is said to lie on more than one device."""
        return bool(self.flags & _BACKED_UP)

    def check(self, rp_id: str) -> None:
        """Raise `BadSignature` unless it is for `rp_id`, and the human was present and verified."""
        if self.rp_id_hash != hashlib.sha256(rp_id.encode()).digest():
            raise BadSignature(
                "the passkey signed for another relying party than `{rp_id}`", code="other-relying-party", rp_id=rp_id
            )
        if not self.flags & _PRESENT:
            raise BadSignature("the authenticator did not see that the human was present", code="human-not-present")
        if not self.flags & _VERIFIED:
            raise BadSignature("the authenticator did not verify the human", code="human-not-verified")
        if self.flags & _BACKED_UP and not self.flags & _ELIGIBLE:
            raise BadSignature("the authenticator contradicts itself about copies of its key", code="bad-passkey-flags")


def read_authenticator_data(data: bytes) -> AuthenticatorData:
    """Return authenticator data. Extensions are read, so that nothing hides behind them, and have no effect.

    Raises `Malformed`, `TooLarge`, `BadSignature`.
    """
    if len(data) > MAX_DATA:
        raise TooLarge(
            "more than {largest} bytes", code="passkey-too-large", where="authenticatorData", largest=MAX_DATA
        )
    if len(data) < _HEAD:
        raise _bad("it is cut")
    flags, at = data[32], _HEAD
    attested = None
    if flags & _ATTESTED:
        attested, at = _attested(data, at)
    if flags & _EXTENDED:
        value, at = read_item(data, at)
        if not isinstance(value, dict):
            raise _bad("its extensions are no map")
    if at != len(data):
        raise _bad("bytes follow it")
    return AuthenticatorData(data[:32], flags, int.from_bytes(data[33:37], "big"), attested)


def _attested(data: bytes, at: int) -> tuple[Attested, int]:
    aaguid, begin = data[at : at + 16], at + 18
    length = int.from_bytes(data[at + 16 : begin], "big")
    credential = data[begin : begin + length]
    if len(data) < begin or not 1 <= length <= MAX_CREDENTIAL or len(credential) != length:
        raise _bad("its credential is cut, or its id is too long")
    value, end = read_item(data, begin + length)
    return Attested(aaguid, credential, PasskeyKey.from_cose(value)), end


def _bad(why: str) -> Malformed:
    return Malformed("this is no authenticator data: {why}", code="bad-passkey", where="authenticatorData", why=why)
