"""Read what a record says of itself without verifying it: its id and its end, for the ledger of copies."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64

import msgspec

from gateway.conversion import converter


class Claims(msgspec.Struct, frozen=True):
    """The id of a record, when its time is over, in seconds since 1970, and the member that it was issued to."""

    jti: str
    exp: int
    aud: str = ""


_CLAIMS = converter(Claims)
_DISCLOSED = converter(tuple[str, str, object])
_JTI = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LAST_S = 2**40


def claims_of(compact: str) -> Claims | None:
    """Return what the record `compact` says of itself; None where it is no record. Nothing of it is verified."""
    start = compact.find(".") + 1
    try:
        body = compact[start : compact.find(".", start)].encode()
        claims = _CLAIMS(msgspec.json.decode(_decoded(body)))
    except (Base64Error, msgspec.DecodeError, ValueError):
        return None
    return claims if _JTI.fullmatch(claims.jti) and 0 < claims.exp < _LAST_S else None


def disclosed(compact: str) -> dict[str, object]:
    """Return the fields that a record of our own discloses. Nothing of it is verified."""
    found = (_DISCLOSED(msgspec.json.decode(_decoded(part.encode()))) for part in compact.split("~")[1:-1])
    return {name: value for _, name, value in found}


def _decoded(text: bytes) -> bytes:
    return a2b_base64(text.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(text) % 4))
