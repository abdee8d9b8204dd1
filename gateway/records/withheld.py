"""The commitment to the fields withheld from an answer (design, section 4).

The signed answer holds `SHA-256(salt || list)`; the opening, salt and list, goes to auditors only. The salt has
32 random bytes, so an empty list and a full one cannot be told apart from outside.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import Contradicted, Malformed
from gateway.model.hit import Withheld
from gateway.records.types import compact_json

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
