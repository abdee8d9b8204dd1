"""What an erasure needs of a database and a keystore."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from gateway.model.evidence.retention import ContentPlace
from gateway.ports.content_keys import ContentKeys


class ErasableContent(Protocol):
    """Encrypted content as what erases it sees it. Every failure of the database or disk is `StorageBroken`."""

    def under(self, key_id: str, since_us: int, until_us: int) -> Iterator[ContentPlace]:
        """Return all content under a month's key that is still there, a page in memory at a time. Entries are looked
        for in the time of the key's month.
        """

    def find_exchange(self, log: str, exchange_id: str) -> list[int]:
        """Return indexes of an exchange's entries in a log."""

    def rewrap(self, key_id: str, to: str, places: Sequence[tuple[ContentPlace, bytes]]) -> None:
        """One transaction: these content keys lie under `to` now, each as it was wrapped there."""

    def empty(self, key_id: str, since_us: int, until_us: int) -> Mapping[str, Sequence[int]]:
        """Overwrite all content that is left under a key; the indexes by log. The name of the key stays."""

    def reseal_documents(self, key_id: str, change: Callable[[str, bytes, bytes], bytes | None]) -> int:
        """Change small documents that lie under a key: `change` is given key, sealed value and place of each, and
        gives the value sealed anew, or None to delete it. The number of those that are kept."""

    def wipe(self) -> bool:
        """Take what was overwritten out of the write-ahead log; false when a reader is in the way for now."""


class ErasableKeys(ContentKeys, Protocol):
    """Content keys that can be retired and destroyed."""

    def key_ids(self) -> list[str]:
        """Return ids of all keys that exist and were not destroyed."""

    def is_destroyed(self, key_id: str) -> bool:
        """Tell whether `key_id` was destroyed."""

    def retire(self, key_id: str) -> str:
        """Write nothing new under `key_id`; the id of the key that follows it."""

    def rewrap(self, key_id: str, wrapped_key: bytes, log: str, index: int, to: str) -> bytes:
        """Return the content key of an entry under another month's key."""

    def remember(self, to: str, wrapped: Sequence[tuple[str, int, bytes]]) -> None:
        """Keep, durably, what `rewrap` made under `to`, by log and index: an older database needs it."""

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return a small value."""

    def reseal(self, sealed: bytes, to: str, place: bytes) -> bytes:
        """Return a small value under another key."""

    def destroy(self, key_id: str) -> None:
        """Erase what `key_id` protects, for ever; a key that is not there can never be made."""
