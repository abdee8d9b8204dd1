"""Small documents that a node stores."""

from __future__ import annotations

from typing import Protocol


class DocumentStore(Protocol):
    """A small durable map (searches, idempotency keys, receipts, states that the node remembers)."""

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the value, or None."""

    def put(self, kind: str, key: str, value: bytes, expires_us: int = 0) -> None:
        """Write durably, in place of an earlier value. With `expires_us` 0 it never expires."""

    def put_new(self, kind: str, key: str, value: bytes, expires_us: int = 0) -> bytes | None:
        """Write unless the key exists; return the existing value, or None when it was written."""

    def keys(self, kind: str) -> list[str]:
        """Return all keys of a kind."""

    def expired(self, kind: str, now_us: int) -> list[str]:
        """Return the keys of a kind that have expired and are not deleted yet."""

    def delete(self, kind: str, key: str) -> None:
        """Delete one document, if it exists."""

    def expire(self, now_us: int, *, but: str = "") -> int:
        """Delete expired documents of all kinds except `but`; return their number."""
