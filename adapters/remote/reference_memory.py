"""A source process's memory of valid references: used for a search, and the records that the search found.

Memory is the first guard; the claim in the log (`service.py`) is the one that also holds after a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from adapters.remote.reference import SKEW_US, Reference
from gateway.errors import Forbidden, Replayed
from gateway.model.hit import Match, SearchResult
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.recent import Recent

MAX_REFERENCES = 20_000
"""References in memory. Who asks for more than all others in a minute loses its own oldest ones."""

MAX_ISSUES = 2
"""The most times that a record is signed under one reference: the second when its marking had changed."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A search under a reference, and its result."""

    query: Query
    strictness: Strictness
    result: SearchResult

    def match(self, record_type: str, key: str) -> Match:
        """Return the match that was told of a record that was found."""
        found = self.result.candidates
        return next(each.match for each in found if (each.record_type, each.key) == (record_type, key))


@dataclass(slots=True)
class _Known:
    until_us: int
    left: dict[tuple[str, str], int]
    searched: Searched | None = None


class ReferenceMemory:
    """References in use, by their hash. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: Recent[bytes, _Known] = Recent(MAX_REFERENCES)

    def begin(self, reference: Reference, now_us: int) -> None:
        """Use a reference for its search. Raises `Replayed` the second time; the log's claim also refuses it."""
        with self._lock:
            known = self._known.held.get(reference.hash)
            if known is not None and known.until_us > now_us:
                raise Replayed("this reference was used for a search before", code="reference-replayed")
            visit = _Known(reference.expires_us + SKEW_US, {})
            self._known.put(reference.occasion.asker, reference.hash, visit)

    def found(self, reference: Reference, records: Iterable[tuple[str, str]], searched: Searched | None = None) -> None:
        """Note the records that the search found: pairs of record type and key, and the search itself."""
        with self._lock:
            if (visit := self._known.held.get(reference.hash)) is not None:
                visit.left, visit.searched = dict.fromkeys(records, MAX_ISSUES), searched

    def take(self, reference: Reference, record_type: str, key: str) -> Searched | None:
        """Use a reference for a record, and return its search as it was noted.

        Raises `Forbidden` when the search did not find the record, `Replayed` too often.
        """
        with self._lock:
            visit = self._known.held.get(reference.hash)
            left = visit.left.get((record_type, key)) if visit else None
            if visit is None or left is None:
                raise Forbidden("no search under this reference found the record", code="not-searched")
            if left == 0:
                raise Replayed("this record was signed for this reference before", code="reference-replayed")
            visit.left[record_type, key] = left - 1
            return visit.searched
