"""Salted commitments: bound to a value, without revealing it (THREAT-T16 and CASE-G18)."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from gateway.errors import Contradicted

SALT_BYTES = 16
"""128 bits: a birth date cannot be found by trying all of them."""


def new_salt() -> bytes:
    """Return fresh random bytes for one commitment; never use them twice."""
    return secrets.token_bytes(SALT_BYTES)


def commit(salt: bytes, value: bytes) -> bytes:
    """Return the commitment: HMAC-SHA-256 (RFC 2104) of `value` under `salt`."""
    return hmac.digest(salt, value, hashlib.sha256)


def check_commitment(commitment: bytes, salt: bytes, value: bytes) -> None:
    """Raise `Contradicted` unless `commitment` is one to `value`."""
    if not hmac.compare_digest(commitment, commit(salt, value)):
        raise Contradicted("the value is not the one that was committed to", code="commitment-differs")
