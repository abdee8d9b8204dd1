"""Content of entries, which is encrypted under keys that can be destroyed."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class Retention(StrEnum):
    """Retention classes: content of each is encrypted under keys of its own for each month."""

    HIT = "hit"
    NO_HIT = "nohit"
    OPERATIONS = "ops"
    JUSTIFICATION = "why"
    """An officer's reason for onward use: apart from the exchange, with an erasure clock of its own (DUTY-L11)."""
    DESK = "desk"
    """Rows of the desk: what is still needed is sealed anew when the time of a month's key is over."""
    PROOF = "proof"
    """Entries that prove erasures and holds: no personal data, kept as long as the log."""


class EncryptedContent(msgspec.Struct, frozen=True):
    """Private part and statements of an entry under one content key, itself wrapped by a month's key."""

    key_id: str
    wrapped_key: bytes
    private: bytes
    request: bytes
    answer: bytes


class ContentKeys(Protocol):
    """Keys of encrypted content, in a place apart from the database."""

    def seal_content(
        self, retention: Retention, at_us: int, log: str, index: int, private: bytes, request: bytes, answer: bytes
    ) -> EncryptedContent:
        """Return the parts of entry `index` of `log` under a fresh content key; an empty statement stays empty."""

    def open_content(self, log: str, index: int, content: EncryptedContent) -> tuple[bytes, bytes, bytes]:
        """Return private part, request and answer; raise `Unknown` when erased, `Contradicted` when changed."""

    def look_again(self) -> None:
        """Forget keys in memory that another process has retired or destroyed."""
