"""Verify an assertion: a human's own authenticator signed the hash of exactly the bytes that the node signs."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import BadSignature, Malformed
from gateway.signing.dsse import pae
from gateway.signing.passkeys.authenticator_data import MAX_CREDENTIAL, MAX_DATA, read_authenticator_data
from gateway.signing.passkeys.base64url import decode_url64, encode_url64
from gateway.signing.passkeys.client_data import MAX_CLIENT_DATA, Ceremony, check_client_data
from gateway.signing.passkeys.public_key import PasskeyKey

_MAX_SIGNATURE = 512
_SIZES = {
    "credential": MAX_CREDENTIAL,
    "authenticator": MAX_DATA,
    "client": MAX_CLIENT_DATA,
    "signature": _MAX_SIGNATURE,
}


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion, which nothing has verified yet: the credential's id, authenticator data, client data, signature."""

    credential: bytes
    authenticator: bytes
    client: bytes
    signature: bytes

    def as_json(self) -> dict[str, str]:
        """Return the form in which an entry keeps it."""
        return {name: encode_url64(getattr(self, name)) for name in _SIZES}


@dataclass(frozen=True, slots=True)
class Used:
    """What an authenticator states as it signs: its counter of signatures (0: it has none), and copies of its key."""

    counter: int
    backed_up: bool


def challenge_of(payload_type: str, payload: bytes) -> bytes:
    """Return the challenge of a statement: SHA-256 of exactly the bytes that the node signs, type and payload."""
    return hashlib.sha256(pae(payload_type, payload)).digest()


def kept_assertion(value: Any) -> Assertion:
    """Return an assertion from the form in which an entry keeps it. Raises `Malformed`, `TooLarge`."""
    if not isinstance(value, Mapping) or set(value) != set(_SIZES):
        raise Malformed("an assertion has {names}", code="bad-passkey", where="assertion", names=", ".join(_SIZES))
    return Assertion(**{name: decode_url64(value[name], name, largest) for name, largest in _SIZES.items()})


def browser_assertion(value: Any) -> Assertion:
    """Return an assertion from a browser's JSON of `navigator.credentials.get`. Raises `Malformed`, `TooLarge`.

    Members that are not needed here, such as the results of extensions, have no effect.
    """
    response = response_of(value)
    return kept_assertion(
        {
            "credential": value["id"],
            "authenticator": response.get("authenticatorData"),
            "client": response.get("clientDataJSON"),
            "signature": response.get("signature"),
        }
    )


def response_of(value: Any) -> Mapping[str, Any]:
    """Return the response in a browser's JSON of a credential. Raises `Malformed`."""
    response = value.get("response") if isinstance(value, Mapping) else None
    if not isinstance(response, Mapping) or value.get("type") != "public-key" or value.get("rawId") != value.get("id"):
        raise Malformed("this is no answer of a browser about a passkey", code="bad-passkey", where="passkey")
    return response


def verify_assertion(
    assertion: Assertion, key: PasskeyKey, rp_id: str, challenge: bytes, origins: Collection[str] = ()
) -> Used:
    """Verify an assertion of the credential whose key is `key`:

    1. the client data is about this challenge, and of an origin of `rp_id` (of `origins`, where they are given);
    2. the authenticator data is for `rp_id`, by a human who was present and verified, and makes no new credential;
    3. the key signed both.

    Whose credential it is, and whether its counter went back, is for the caller. Raises `Malformed`, `TooLarge`,
    `BadSignature`.
    """
    check_client_data(assertion.client, Ceremony.GET, challenge, rp_id, origins)  # 1
    data = read_authenticator_data(assertion.authenticator)  # 2
    data.check(rp_id)
    if data.attested is not None:
        raise BadSignature("the authenticator made a new credential, and was asked to sign", code="other-ceremony")
    key.verify(assertion.signature, assertion.authenticator + hashlib.sha256(assertion.client).digest())  # 3
    return Used(data.counter, data.backed_up)


def goes_on(before: int, now: int) -> bool:
    """Tell whether a counter of signatures went on. An authenticator that counts nothing always says 0."""
    return now > before or now == before == 0
