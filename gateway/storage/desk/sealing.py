"""Seal what the desk's rows say of persons, under keys of a class of its own.

Sealed are statements (envelopes and receipts), drafts, persons (officers, who took work, who may not do it, who ended
it), results of work, and the owner's name of a record, which is a key of an agency's own system. Plain are random ids,
members, offices, agencies, codes, states and times: the log's public part shows as much. Officers stand in no plain
column, as in all other tables.

A sealed value lies under the key of the month in which it was written (`desk/2026-11`). Values that are still needed
when that key's time is over are sealed anew, then the key is destroyed: rows that were deleted or emptied meanwhile are
gone from every backup as well (`gateway.audit.retention.erase_key`).
"""

from __future__ import annotations

import hmac
from functools import cached_property

from gateway.errors import Unknown
from gateway.ports.content_keys import Retention
from gateway.storage.keys.content_form import spread, squeeze
from gateway.storage.keys.keystore import KeyStore

_TOKEN_BYTES = 16


class DeskSeals:
    """Seals and opens single values of the desk, each bound to its column and row."""

    def __init__(self, keystore: KeyStore) -> None:
        self.keystore = keystore

    def seal(self, at_us: int, value: bytes, column: str, *key: str) -> bytes:
        """Return `value` sealed under the key of that time; an empty one stays empty."""
        return self.keystore.seal(Retention.DESK, at_us, squeeze(value), place(column, *key)) if value else b""

    def open(self, sealed: bytes, column: str, *key: str) -> bytes:
        """Return the value that was sealed; empty where it was erased. Raises `Contradicted` for a changed one."""
        if not sealed:
            return b""
        try:
            return spread(self.keystore.open(sealed, place(column, *key)))
        except Unknown as error:
            if error.code != "erased":
                raise
            return b""

    def token(self, record: str) -> bytes | None:
        """Return a keyed hash by which a sealed record is found, None for an empty name."""
        return _token(self._token_key, record) if record else None

    def assignee(self, person: str) -> bytes:
        """Return a keyed hash by which the work of a person is found, empty bytes for an empty name."""
        return _token(self._assignee_key, person) if person else b""

    @cached_property
    def _token_key(self) -> bytes:
        return self.keystore.lasting_key("holdings")

    @cached_property
    def _assignee_key(self) -> bytes:
        return self.keystore.lasting_key("assignees")


def _token(key: bytes, name: str) -> bytes:
    return hmac.digest(key, name.encode(), "sha256")[:_TOKEN_BYTES]


def place(column: str, *key: str) -> bytes:
    """Return the bytes that bind a sealed value to its column and row."""
    return "\0".join((column, *key)).encode()
