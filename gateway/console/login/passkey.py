"""Sign in with a passkey that two persons enrolled: no name is asked for, so that no answer tells who has one."""

from __future__ import annotations

from typing import Any

from gateway.console.login.sessions import LoginParts
from gateway.errors import BadSignature
from gateway.signing import strict_json
from gateway.signing.passkeys.assertion import browser_assertion, verify_assertion
from gateway.signing.passkeys.base64url import encode_url64

_MOST_BYTES = 16 * 1024
_TIMEOUT_MS = 120_000


def options(parts: LoginParts, challenge: bytes) -> dict[str, Any]:
    """Return the options for `navigator.credentials.get` (their JSON form); the person chooses the passkey."""
    return {
        "challenge": encode_url64(challenge),
        "rpId": parts.rp_id,
        "allowCredentials": [],
        "userVerification": "required",
        "timeout": _TIMEOUT_MS,
    }


def proved_person(parts: LoginParts, challenge: bytes, text: str) -> str:
    """Return whose passkey signed this challenge, from the browser's JSON. Blocks.

    The passkey is enrolled, for the console's domain, and not withdrawn; its counter went on, which is kept at once.
    Raises `BadSignature`, `Malformed`, `TooLarge`.
    """
    assertion = browser_assertion(strict_json.loads(text.encode("utf-8", "replace"), _MOST_BYTES))
    enrolled = parts.passkeys.find(assertion.credential)
    if enrolled is None or enrolled.passkey.rp_id != parts.rp_id:
        raise BadSignature("no such passkey is enrolled", code="passkey-unknown", where="passkey")
    if enrolled.withdrawn_us:
        raise BadSignature("this passkey was withdrawn", code="passkey-withdrawn", where="passkey")
    used = verify_assertion(assertion, enrolled.passkey.key, parts.rp_id, challenge, (parts.origin(),))
    parts.passkeys.check_counter(enrolled, used.counter)
    parts.passkeys.note_counter(enrolled, used.counter)
    return enrolled.passkey.person
