"""Remember which records of ours are held back since their owner withdrew them, durably and for all processes.

A record is named as the ledger of copies names it: `source/key`.
"""

from __future__ import annotations

import hashlib
import threading

import msgspec

from gateway.conversion import converter
from gateway.model.names import MemberId
from gateway.ports.documents import DocumentStore

_KIND = "held-back"


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is held back from `holder`, or from all where that is empty.

    `row` is the hash of the row as it was when it was withdrawn, empty while it could not be read. `work` is the id of
    the work of the agency's data officer, who is told while the source still has the row.
    """

    record: str
    type: str
    agency: str
    holder: str = ""
    since_us: int
    row: str = ""
    work: str = ""

    @property
    def key(self) -> str:
        """The name of the hold: one for each record and holder."""
        return hashlib.sha256(f"{self.record}\n{self.holder}".encode()).hexdigest()[:32]


_held = converter(Held)


class HeldBack:
    """What is held back. Each process has its memory, and reads it again after another one has written. Thread-safe."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._lock = threading.Lock()
        self._all: dict[str, Held] = {}
        self._for: dict[MemberId, frozenset[str]] = {}
        self.refresh()

    def __call__(self, peer: MemberId) -> frozenset[str]:
        """Return the names of the records that a member gets nothing of."""
        if not self._all:
            return frozenset()
        found = self._for.get(peer)
        if found is None:
            found = frozenset(each.record for each in self._all.values() if each.holder in ("", peer))
            self._for[peer] = found
        return found

    def all(self) -> list[Held]:
        """Return all that is held back, the oldest first."""
        return sorted(self._all.values(), key=lambda each: (each.since_us, each.record))

    def put(self, held: Held) -> None:
        """Hold a record back from now on, durably; or keep more of one that is. Blocks."""
        self._documents.put(_KIND, held.key, msgspec.json.encode(held))
        with self._lock:
            self._set(self._all | {held.key: held})

    def lift(self, held: Held) -> None:
        """Hold a record back no longer. Blocks."""
        self._documents.delete(_KIND, held.key)
        with self._lock:
            self._set({key: each for key, each in self._all.items() if key != held.key})

    def refresh(self) -> None:
        """Read what other processes have written. Blocks."""
        with self._lock:
            read = ((key, self._documents.get(_KIND, key)) for key in self._documents.keys(_KIND))
            found = {key: _held(msgspec.json.decode(data)) for key, data in read if data is not None}
            if found != self._all:
                self._set(found)

    def _set(self, found: dict[str, Held]) -> None:
        self._all, self._for = found, {}
