"""Read a JWS strictly (RFC 7515), over PyJWT, which accepts duplicate members and tokens of megabytes.

Officer tokens, lists of revocations and ID tokens are read here; what their claims mean is for their readers.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.errors import Misconfigured, Unauthenticated
from gateway.signing import strict_json

MAX_TOKEN = 8 * 1024
"""The most bytes in a token."""

ALGORITHM = "ES256"

_HEAD = {"alg", "typ", "kid"}
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)

PublicKey = ec.EllipticCurvePublicKey


def admitted(key: object, where: str) -> PublicKey:
    """Return `key` if it is on P-256, the only curve for officer tokens; else raise `Misconfigured`."""
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Misconfigured("a token key must be on the curve P-256", where=where, remedy="tokens are signed by ES256")
    return key


def signed_claims(
    text: str, kind: str, keys: Mapping[str, PublicKey], most: int = MAX_TOKEN, *, untyped: bool = False
) -> dict[str, Any]:
    """Return the claims of a JWS of this `typ` that one of the keys signed. Raises `Unauthenticated`, `Malformed`.

    With `untyped`, a head without `typ` is taken, too: that of an ID token, which OpenID Connect types in no way.
    """
    head_data, payload, signature = _split(text)
    head = _object(head_data, "head", most)
    if head.get("alg") != ALGORITHM:
        raise refused_token("token-algorithm", f"tokens are signed by {ALGORITHM}")
    if head.get("typ", kind if untyped else None) != kind:
        raise refused_token("token-type", f"its `typ` must be `{kind}`")
    if set(head) | ({"typ"} if untyped else set()) != _HEAD:
        raise refused_token("token-head", "its head must hold `alg`, `typ`, `kid` and nothing else")
    kid = head["kid"]
    if not isinstance(kid, str) or kid not in keys:
        raise refused_token("token-key", "its key is not listed", "list the identity provider's key as [[token_key]]")
    _check_signature(text, signature, keys[kid])
    return _object(payload, "claims", most)


def refused_token(code: str, why: str, remedy: str = "ask the identity provider for a new token") -> Unauthenticated:
    """Return the refusal of a token, by its code and why."""
    return Unauthenticated(
        "the officer token is not accepted: {why}", code=code, where="token", remedy="{advice}", why=why, advice=remedy
    )


def _split(token: str) -> tuple[bytes, bytes, bytes]:
    if not _SHAPE.fullmatch(token):
        raise refused_token("bad-token", "it does not have three base64url parts")
    head, payload, signature = (_unbase64(part) for part in token.split("."))
    return head, payload, signature


def _unbase64(text: str) -> bytes:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise refused_token("bad-token", "a part is not base64url in its one spelling")
    return data


def _object(data: bytes, name: str, most: int) -> dict[str, Any]:
    value = strict_json.loads(data, most)
    if not isinstance(value, dict):
        raise refused_token("bad-token", f"its {name} is not an object")
    return value


def _check_signature(token: str, signature: bytes, key: PublicKey) -> None:
    if len(signature) != 64:
        raise refused_token("token-signature", "its signature does not have 64 bytes")
    try:
        jwt.PyJWS(algorithms=[ALGORITHM]).decode_complete(token, key, algorithms=[ALGORITHM])
    except jwt.PyJWTError as error:
        raise refused_token("token-signature", "its signature does not verify") from error


def expiry_us(token: str) -> int:
    """Return when a token that was verified expires, in microseconds since 1970."""
    return int(_object(_split(token)[1], "claims", MAX_TOKEN)["exp"]) * 1_000_000
