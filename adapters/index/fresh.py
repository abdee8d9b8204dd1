"""Tell which rows of an index are new or have changed, whichever process has written them.

Each record that is new or has changed gets the next number of its index. So a reader needs no word of the writer,
which may be a command.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from adapters.index.rows import keys_of
from gateway.ports.sources import FreshRow
from gateway.storage.index.index_store import IndexStore

MOST = 5_000
"""New and changed rows that are told one by one; of more, any may be new."""


class FreshRows:
    """Remembers up to which record of an index its rows were told. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: Path | None = None
        self._last = 0

    def take(self, store: IndexStore) -> Sequence[FreshRow] | None:
        """Return the rows since the last call; None where any may be new: at first, and of an index built anew."""
        with self._lock:
            known, before, last = self._file, self._last, store.last()
            self._file, self._last = store.file, last
        if known != store.file or not before <= last <= before + MOST:
            return None
        if last == before:
            return ()
        return [
            FreshRow(
                body.record_type,
                body.source_key,
                keys_of(body.features.decode(), body.identifiers),
                body.features.decode(),
            )
            for body in store.after(before)
        ]
