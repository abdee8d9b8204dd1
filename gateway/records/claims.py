"""Read what records say of themselves without verifying it, and commit to the fields that are withheld.

The id and the end of a record are for the ledger of copies, its fields for a desk of its owner.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gateway.conversion import converter
from gateway.errors import Contradicted, Malformed
from gateway.model.hit import Withheld
from gateway.records.types import compact_json


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


# ------------------------------------------------------------ what is withheld (design, section 4)
# The signed answer holds `SHA-256(salt || list)`; the opening, salt and list, goes to auditors only. The salt has 32
# random bytes, so an empty list and a full one cannot be told apart from outside.


_SALT_SIZE = 32


def commit_withheld(withheld: Sequence[Withheld]) -> tuple[bytes, dict[str, Any]]:
    """Return the commitment (32 bytes) to `withheld`, and its opening `{salt, withheld}` as JSON values."""
    salt = os.urandom(_SALT_SIZE)
    pairs = [[item.digest, item.rule] for item in withheld]
    return _commitment(salt, pairs), {"salt": salt.hex(), "withheld": pairs}


def check_withheld(commitment: bytes, opening: Mapping[str, Any]) -> tuple[Withheld, ...]:
    """Return the list behind `commitment`. Raises `Malformed` for a bad opening, `Contradicted` for another list."""
    try:
        salt = bytes.fromhex(opening["salt"])
        withheld = tuple(Withheld(digest, rule) for digest, rule in opening["withheld"])
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("the opening has another form", code="bad-opening", where="withheld") from error
    if len(salt) != _SALT_SIZE or not all(type(i.digest) is str and type(i.rule) is str for i in withheld):
        raise Malformed("the opening has another form", code="bad-opening", where="withheld")
    if not hmac.compare_digest(_commitment(salt, [[item.digest, item.rule] for item in withheld]), commitment):
        raise Contradicted("the list of withheld fields is not the one that was signed", code="withheld-differs")
    return withheld


def _commitment(salt: bytes, pairs: list[list[str]]) -> bytes:
    return hashlib.sha256(salt + compact_json(pairs).encode()).digest()
