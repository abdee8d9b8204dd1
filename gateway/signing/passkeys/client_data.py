"""Check client data (WebAuthn level 3, section 5.8.1): what the browser says of the page that asked for a passkey."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Final

from gateway.errors import BadSignature, Malformed
from gateway.signing import strict_json
from gateway.signing.passkeys.base64url import encode_url64

MAX_CLIENT_DATA: Final = 4096

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]{1,253})(?::[1-9][0-9]{0,4})?", re.ASCII)
_LOCAL = "localhost"


class Ceremony(StrEnum):
    """The request of a page to an authenticator."""

    CREATE = "webauthn.create"
    GET = "webauthn.get"


def check_rp_id(rp_id: str) -> str:
    """Return the id of a relying party, a domain in small letters. Raises `Malformed`."""
    if len(rp_id) > 253 or not _DOMAIN.fullmatch(rp_id):
        raise Malformed(
            "`{rp_id!a}` is no domain", code="bad-relying-party", where="rp_id", remedy="give it in small letters",
            rp_id=rp_id[:80],
        )  # fmt: skip
    return rp_id


def is_origin_of(origin: str, rp_id: str) -> bool:
    """Tell whether a browser lets a page of `origin` use passkeys of `rp_id`: its domain, or one below it, by https."""
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return False
    scheme, host = found.groups()
    is_inside = host == rp_id or host.endswith(f".{rp_id}")
    return is_inside and (scheme == "https" or host == _LOCAL)


def check_client_data(
    data: bytes, ceremony: Ceremony, challenge: bytes, rp_id: str, origins: Collection[str] = ()
) -> None:
    """Check what the browser says:

    1. bounded JSON without doubles; members that are not known here have no effect;
    2. the ceremony;
    3. the challenge, exactly, in base64url without padding;
    4. an origin of the relying party and, where `origins` are given, one of them;
    5. not asked from inside another site's page.

    Raises `Malformed`, `TooLarge`, `BadSignature`.
    """
    value = strict_json.loads(data, MAX_CLIENT_DATA)  # 1
    if not isinstance(value, dict):
        raise Malformed("this is no client data of a passkey", code="bad-passkey", where="clientDataJSON")
    if value.get("type") != ceremony:  # 2
        raise BadSignature("the passkey was used for something else", code="other-ceremony", where="clientDataJSON")
    if value.get("challenge") != encode_url64(challenge):  # 3
        raise BadSignature("the passkey signed something else", code="other-challenge", where="clientDataJSON")
    origin = value.get("origin")
    if not isinstance(origin, str) or not is_origin_of(origin, rp_id) or (origins and origin not in origins):  # 4
        raise BadSignature("the passkey was asked for by another site", code="other-origin", where="clientDataJSON")
    if value.get("crossOrigin", False) is not False or "topOrigin" in value:  # 5
        raise BadSignature(
            "the passkey was asked for inside another site's page", code="cross-origin", where="clientDataJSON"
        )
