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
    """Knows what is held back. Each process reads it again after another one has written. Thread-safe."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._lock = threading.Lock()
        self._all: dict[str, Held] = {}
        self._for: dict[tuple[MemberId, str], frozenset[str]] = {}
        self.ended = 0
        """How often a record was given free again, as far as this process has seen."""
        self.refresh()

    def __call__(self, peer: MemberId, source: str) -> frozenset[str]:
        """Return the keys of the records of a source that a member gets nothing of."""
        if not self._all:
            return frozenset()
        known = self._for  # taken before `_all`, which is set first: nothing that is old is kept with what is new
        found = known.get((peer, source))
        if found is None:
            names = (each.record.partition("/") for each in self._all.values() if each.holder in ("", peer))
            found = known[peer, source] = frozenset(key for name, _, key in names if name == source)
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
        self.ended += len(self._all.keys() - found.keys())
        self._all = found
        self._for = {}
