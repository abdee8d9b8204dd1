"""Acts about passkeys: two persons enrol the authenticator of a third, and one withdraws it.

The public key is in an entry of the operations log, so that an auditor proves offline whose authenticator signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import Malformed
from gateway.model.names import identifier
from gateway.signing.passkeys.authenticator_data import MAX_CREDENTIAL
from gateway.signing.passkeys.base64url import decode_url64, encode_url64
from gateway.signing.passkeys.client_data import check_rp_id
from gateway.signing.passkeys.public_key import MAX_SPKI, PasskeyKey

_MAX_COUNTER = 2**32 - 1
_AAGUID_BYTES = 16
_MEMBERS = {"person", "credential", "key", "rp_id", "counter", "aaguid", "backed_up"}


@dataclass(frozen=True, slots=True)
class Passkey:
    """A person's passkey. `spki` is its public key, `rp_id` the domain that it is for, `counter` that of its enrolment.

    `aaguid` is the model of the authenticator, as it says itself. `backed_up`: the key lies on other devices, too.
    """

    person: str
    credential: bytes
    spki: bytes
    rp_id: str
    counter: int = 0
    aaguid: bytes = bytes(_AAGUID_BYTES)
    backed_up: bool = False

    @property
    def key(self) -> PasskeyKey:
        """Return its public key."""
        return PasskeyKey.admit(self.spki)

    def as_json(self) -> dict[str, Any]:
        """Return the members that its enrolment has, as an act and as an entry."""
        return {
            "person": self.person,
            "credential": encode_url64(self.credential),
            "key": encode_url64(self.spki),
            "rp_id": self.rp_id,
            "counter": self.counter,
            "aaguid": encode_url64(self.aaguid),
            "backed_up": self.backed_up,
        }


def enrolled_passkey(detail: Mapping[str, Any]) -> Passkey:
    """Return the passkey that an enrolment is of. Raises `Malformed`, `TooLarge`, `BadSignature`."""
    if set(detail) != _MEMBERS:
        raise _bad("the enrolment of a passkey has {names}", names=", ".join(sorted(_MEMBERS)))
    person, rp_id, counter, backed_up = (detail[name] for name in ("person", "rp_id", "counter", "backed_up"))
    if not isinstance(person, str) or not isinstance(rp_id, str) or type(backed_up) is not bool:
        raise _bad("a passkey is a person's, for a domain, and says whether its key is copied")
    if type(counter) is not int or not 0 <= counter <= _MAX_COUNTER:
        raise _bad("a counter of signatures is a number of 32 bits")
    aaguid = decode_url64(detail["aaguid"], "aaguid", _AAGUID_BYTES)
    if len(aaguid) != _AAGUID_BYTES:
        raise _bad("the model of an authenticator has 16 bytes")
    spki = decode_url64(detail["key"], "key", MAX_SPKI)
    return Passkey(
        identifier(person, "person"),
        decode_url64(detail["credential"], "credential", MAX_CREDENTIAL),
        PasskeyKey.admit(spki).spki,
        check_rp_id(rp_id),
        counter,
        aaguid,
        backed_up,
    )


def withdrawn_passkey(detail: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return person and credential of a withdrawal. Raises `Malformed`, `TooLarge`."""
    if set(detail) != {"person", "credential"} or not isinstance(detail["person"], str):
        raise _bad("the withdrawal of a passkey names its person and its credential")
    return identifier(detail["person"], "person"), decode_url64(detail["credential"], "credential", MAX_CREDENTIAL)


def _bad(message: str, **facts: str) -> Malformed:
    return Malformed(message, code="bad-act", where="act.detail", remedy="", **facts)
