"""A source process's memory of valid references: used for a search, and the records that the search found.

Memory is the first guard; the claim in the log (`service.py`) is the one that also holds after a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from adapters.remote.reference import SKEW_US, Reference
from gateway.errors import Forbidden, Replayed
from gateway.recent import Recent

MAX_REFERENCES = 20_000
"""References in memory. Who asks for more than all others in a minute loses its own oldest ones."""

MAX_ISSUES = 2
"""The most times that a record is signed under one reference: the second when its marking had changed."""


@dataclass(slots=True)
class _Known:
    until_us: int
    left: dict[tuple[str, str], int]


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

    def found(self, reference: Reference, records: Iterable[tuple[str, str]]) -> None:
        """Note the records that the search found: pairs of record type and key."""
        with self._lock:
            if (visit := self._known.held.get(reference.hash)) is not None:
                visit.left = dict.fromkeys(records, MAX_ISSUES)

    def take(self, reference: Reference, record_type: str, key: str) -> None:
        """Use a reference for a record. Raises `Forbidden` when its search did not find it, `Replayed` too often."""
        with self._lock:
            visit = self._known.held.get(reference.hash)
            left = visit.left.get((record_type, key)) if visit else None
            if visit is None or left is None:
                raise Forbidden("no search under this reference found the record", code="not-searched")
            if left == 0:
                raise Replayed("this record was signed for this reference before", code="reference-replayed")
            visit.left[record_type, key] = left - 1
