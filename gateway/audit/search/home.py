"""The logs of a home, as a search reads them."""

from __future__ import annotations

from typing import Protocol

from gateway.audit.reading.opened import HomeLogs
from gateway.audit.search.terms import Resolve
from gateway.ports.content_keys import ContentKeys
from gateway.ports.log_store import LogStore


class SearchKeys(ContentKeys, Protocol):
    """The keystore of a home."""

    def key_ids(self) -> list[str]:
        """Return ids of the keys that were not destroyed."""

    def is_destroyed(self, key_id: str) -> bool:
        """Tell whether a key was destroyed."""

    def search_key(self, key_id: str) -> bytes:
        """Return the key of a search index for content under `key_id`. Raises `Unknown` when that key was destroyed."""


class SearchedHome(HomeLogs):
    """The logs of a home, whose node may be running; `resolve` gives the record behind a hit's reference."""

    def __init__(self, store: LogStore, keys: SearchKeys, resolve: Resolve | None) -> None:
        super().__init__(store, keys)
        self.resolve = resolve
        self.search_key = keys.search_key
        self.is_destroyed = keys.is_destroyed
        self._key_ids = keys.key_ids

    @property
    def belongs(self) -> str:
        """Empty: an index of a home is compared with the home's own keys and entries."""
        return ""

    def key_ids(self) -> frozenset[str]:
        """Return ids of the keys that content can still be under."""
        return frozenset(self._key_ids())
