"""The ports of an erasure: a database and a keystore."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from gateway.model.evidence.retention import ContentPlace
from gateway.ports.content_keys import ContentKeys


class ErasableContent(Protocol):
    """Encrypted content that can be erased. Every failure of the database or disk is `StorageBroken`."""

    def under(self, key_id: str, since_us: int, until_us: int) -> Iterator[ContentPlace]:
        """Return all content that is left under a month's key, a page in memory at a time. Entries are looked for in
        the given time, that of the key's month."""

    def find_exchange(self, log: str, exchange_id: str) -> list[int]:
        """Return indexes of an exchange's entries in a log."""

    def rewrap(self, key_id: str, to: str, places: Sequence[tuple[ContentPlace, bytes]]) -> None:
        """Put these content keys under `to`, each as it was wrapped there, in one transaction."""

    def empty(self, key_id: str, since_us: int, until_us: int) -> Mapping[str, Sequence[int]]:
        """Overwrite all content that is left under a key. Return the indexes by log. The name of the key stays."""

    def reseal_small(self, key_id: str, change: Callable[[str, bytes, bytes], bytes | None]) -> int:
        """Change small documents and values of the desk under a key. Return the number of those that are kept. `change`
        is given name, sealed value and place of each, and returns the value sealed anew, or None to take it away."""

    def under_others(self, living: Collection[str]) -> Mapping[str, int]:
        """Return how many entries, documents and values of the desk lie under other keys than `living`, by key."""

    def wipe(self) -> bool:
        """Take overwritten content out of the write-ahead log. Returns False when a reader is in the way for now."""


class ErasableKeys(ContentKeys, Protocol):
    """Content keys that can be retired and destroyed."""

    def key_ids(self) -> list[str]:
        """Return ids of all keys that exist and were not destroyed."""

    def is_destroyed(self, key_id: str) -> bool:
        """Tell whether `key_id` was destroyed."""

    def retire(self, key_id: str) -> str:
        """Let nothing new be written under `key_id`. Return the id of the key that follows it."""

    def rewrap(self, key_id: str, wrapped_key: bytes, log: str, index: int, to: str) -> bytes:
        """Return the content key of an entry, wrapped under another month's key."""

    def remember(self, to: str, wrapped: Sequence[tuple[str, int, bytes]]) -> None:
        """Keep the results of `rewrap` under `to` durably, by log and index: an older database needs them."""

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return the plain value of a small sealed one."""

    def reseal(self, sealed: bytes, to: str, place: bytes) -> bytes:
        """Return a small value sealed under another key."""

    def destroy(self, key_id: str) -> None:
        """Destroy a key, and so what it protects, for ever. A name without a key can never get one after that."""
