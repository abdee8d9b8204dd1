"""The two forms in which an auditor signs an inspection: with a key file or module (DSSE), and with a passkey.

A passkey signs in a browser, over SHA-256 of type and payload, so its document keeps the assertion in the place of the
signature. In both forms the key is the one that the appointment names: nothing else makes a signature count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import BadSignature, Malformed
from gateway.signing import strict_json
from gateway.signing.dsse import Document, decode64, encode64, parse_document, sign_document, verify_threshold
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.signing.passkeys.assertion import Assertion, Used, challenge_of, kept_assertion, verify_assertion
from gateway.signing.passkeys.client_data import check_rp_id
from gateway.signing.passkeys.public_key import PasskeyKey

INSPECTION_TYPE: Final = "application/vnd.liaison.inspection.v1+json"
MAX_INSPECTION: Final = 64 * 1024
"""Bytes of a signed inspection: one that opens a thousand entries has some ten thousand."""

_BY_PASSKEY = frozenset({"assertion", "keyid", "payload", "payloadType", "rp_id"})
_KEY_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignedInspection:
    """A signed inspection as it was read; nothing has verified it yet. `key_id` names the key that is said to sign.

    `document` is that of a key file or module; `assertion` that of a passkey for the domain `rp_id`.
    """

    payload: bytes
    key_id: str
    document: Document | None = None
    assertion: Assertion | None = None
    rp_id: str = ""

    def verify(self, spki: bytes) -> Used | None:
        """Raise `BadSignature` unless the key of an appointment signed; return what a passkey said as it signed."""
        if self.document is not None:
            verify_threshold(self.document, [VerifyKey.admit(spki)], 1)
            return None
        assert self.assertion is not None
        challenge = inspection_challenge(self.payload)
        return verify_assertion(self.assertion, PasskeyKey.admit(spki), self.rp_id, challenge)


def inspection_challenge(payload: bytes) -> bytes:
    """Return what a passkey signs for an inspection with these bytes."""
    return challenge_of(INSPECTION_TYPE, payload)


def sign_with_key(payload: bytes, key: SigningKey) -> bytes:
    """Return the document of an inspection that the auditor's key signs."""
    return sign_document(INSPECTION_TYPE, payload, [key])


def sign_with_passkey(payload: bytes, key_id: str, rp_id: str, assertion: Assertion) -> bytes:
    """Return the document of an inspection that an auditor's passkey signed."""
    return strict_json.dumps(
        {
            "assertion": assertion.as_json(),
            "keyid": key_id,
            "payload": encode64(payload),
            "payloadType": INSPECTION_TYPE,
            "rp_id": rp_id,
        }
    )


def read_signed(data: bytes) -> SignedInspection:
    """Return a signed inspection in its only form. Raises `Malformed`, `TooLarge`, `BadSignature`."""
    value = strict_json.loads(data, MAX_INSPECTION)
    if isinstance(value, dict) and set(value) == _BY_PASSKEY:
        return _by_passkey(value, data)
    document = parse_document(data, INSPECTION_TYPE)
    if len(document.signatures) != 1:
        raise BadSignature("one auditor signs an inspection", code="bad-signature", where="inspection")
    return SignedInspection(document.payload, document.signatures[0][0], document)


def _by_passkey(value: dict[str, Any], data: bytes) -> SignedInspection:
    key_id, rp_id = value["keyid"], value["rp_id"]
    if value["payloadType"] != INSPECTION_TYPE or not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise _bad()
    if not isinstance(rp_id, str):
        raise _bad()
    payload, assertion = decode64(value["payload"]), kept_assertion(value["assertion"])
    strict_json.check_items(payload)
    if sign_with_passkey(payload, key_id, check_rp_id(rp_id), assertion) != data:
        raise _bad()
    return SignedInspection(payload, key_id, None, assertion, rp_id)


def _bad() -> Malformed:
    return Malformed("this is no inspection that a passkey signed", code="bad-inspection", where="inspection")
