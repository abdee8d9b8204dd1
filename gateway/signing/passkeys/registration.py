"""Ask a browser for a new passkey, and verify what it answers.

Attestation is neither asked for nor believed: which authenticators a country hands out is known to the two persons who
sign the enrolment, and a maker's certificate says nothing about whose hand holds the device.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import BadSignature, Malformed
from gateway.signing.passkeys.assertion import response_of
from gateway.signing.passkeys.authenticator_data import MAX_CREDENTIAL, read_authenticator_data
from gateway.signing.passkeys.base64url import decode_url64, encode_url64
from gateway.signing.passkeys.cbor import read_whole
from gateway.signing.passkeys.client_data import MAX_CLIENT_DATA, Ceremony, check_client_data, check_rp_id
from gateway.signing.passkeys.public_key import CoseAlgorithm, PasskeyKey

MAX_ATTESTATION: Final = 32 * 1024
CHALLENGE_BYTES: Final = 32

_ALGORITHMS = (CoseAlgorithm.EDDSA, CoseAlgorithm.ES256, CoseAlgorithm.RS256)
_TIMEOUT_MS = 300_000


@dataclass(frozen=True, slots=True)
class Registered:
    """A new credential, as its authenticator made it. `aaguid` is the model, all zeros where it is not told."""

    credential: bytes
    key: PasskeyKey
    counter: int
    aaguid: bytes
    backed_up: bool


def registration_options(rp_id: str, person: str, known: Iterable[bytes] = ()) -> dict[str, Any]:
    """Return the options for `navigator.credentials.create` (their JSON form). `known` are the person's credentials.

    Raises `Malformed` for an `rp_id` that is not a domain.
    """
    return {
        "rp": {"id": check_rp_id(rp_id), "name": rp_id},
        "user": {
            "id": encode_url64(hashlib.sha256(person.encode()).digest()),
            "name": person,
            "displayName": person,
        },
        "challenge": encode_url64(secrets.token_bytes(CHALLENGE_BYTES)),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm.value} for algorithm in _ALGORITHMS],
        "timeout": _TIMEOUT_MS,
        "excludeCredentials": [{"type": "public-key", "id": encode_url64(name)} for name in known],
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "required"},
        "attestation": "none",
    }


def asked_for(options: Any) -> tuple[str, str, bytes]:
    """Return relying party, person and challenge of options that `registration_options` made. Raises `Malformed`."""
    try:
        rp_id, person, challenge = options["rp"]["id"], options["user"]["name"], options["challenge"]
    except (KeyError, TypeError) as error:
        raise Malformed("these are no options for a new passkey", code="bad-passkey", where="options") from error
    if not isinstance(rp_id, str) or not isinstance(person, str):
        raise Malformed("these are no options for a new passkey", code="bad-passkey", where="options")
    data = decode_url64(challenge, "challenge", CHALLENGE_BYTES)
    if len(data) != CHALLENGE_BYTES:
        raise Malformed("a challenge has {count} bytes", code="bad-passkey", where="options", count=CHALLENGE_BYTES)
    return check_rp_id(rp_id), person, data


def verify_registration(value: Any, rp_id: str, challenge: bytes, origins: Collection[str] = ()) -> Registered:
    """Verify a browser's JSON of `navigator.credentials.create`:

    1. the client data is about this challenge, and of an origin of `rp_id` (of `origins`, where they are given);
    2. the authenticator data is for `rp_id`, by a human who was present and verified, and has a new credential;
    3. the credential's key is admitted, and its id is the one that the browser names.

    Raises `Malformed`, `TooLarge`, `BadSignature`.
    """
    response = response_of(value)
    client = decode_url64(response.get("clientDataJSON"), "clientDataJSON", MAX_CLIENT_DATA)
    check_client_data(client, Ceremony.CREATE, challenge, rp_id, origins)  # 1
    attestation = read_whole(decode_url64(response.get("attestationObject"), "attestationObject", MAX_ATTESTATION))
    inner = attestation.get("authData") if isinstance(attestation, Mapping) else None
    if not isinstance(inner, bytes):
        raise Malformed("it holds no authenticator data", code="bad-passkey", where="attestationObject")
    data = read_authenticator_data(inner)  # 2
    data.check(rp_id)
    if data.attested is None:
        raise Malformed("it holds no new credential", code="bad-passkey", where="attestationObject")
    if data.attested.credential != decode_url64(value["id"], "id", MAX_CREDENTIAL):  # 3
        raise BadSignature("the browser names another credential", code="other-credential", where="id")
    return Registered(data.attested.credential, data.attested.key, data.counter, data.attested.aaguid, data.backed_up)
