"""Small things that a node remembers."""

from __future__ import annotations

from typing import Protocol


class DocumentStore(Protocol):
    """A small durable map (searches, idempotency keys, receipts, settings that the node remembers)."""

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the value, or None."""

    def put(self, kind: str, key: str, value: bytes, expires_us: int = 0) -> None:
        """Write durably; replaces. `expires_us` 0 = keep."""

    def put_new(self, kind: str, key: str, value: bytes, expires_us: int = 0) -> bytes | None:
        """Write unless the key exists; the existing value, or None when it was written."""

    def keys(self, kind: str) -> list[str]:
        """Return all keys of a kind."""

    def expired(self, kind: str, now_us: int) -> list[str]:
        """Return keys of a kind that have expired and are not deleted yet."""

    def delete(self, kind: str, key: str) -> None:
        """Delete one, if it is there."""

    def expire(self, now_us: int, *, but: str = "") -> int:
        """Delete what has expired, all kinds but one; the number deleted."""
