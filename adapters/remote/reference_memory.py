"""A source process's memory of valid references: used for a search, and the records that the search found.

Memory is the first guard; the claim in the log (`service.py`) is the one that also holds after a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from adapters.remote.reference import SKEW_US, Reference
from gateway.errors import Forbidden, Overloaded, Replayed

MAX_REFERENCES = 20_000
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
        self._known: dict[bytes, _Known] = {}

    def begin(self, reference: Reference, now_us: int) -> None:
        """Use a reference for its search. Raises `Replayed` the second time, `Overloaded` over the limit."""
        with self._lock:
            if reference.hash in self._known:
                raise Replayed("this reference was used for a search before", code="reference-replayed")
            if len(self._known) >= MAX_REFERENCES:
                self._forget(now_us)
            self._known[reference.hash] = _Known(reference.expires_us + SKEW_US, {})

    def found(self, reference: Reference, records: Iterable[tuple[str, str]]) -> None:
        """Note the records that the search found: pairs of record type and key."""
        with self._lock:
            self._known[reference.hash].left = dict.fromkeys(records, MAX_ISSUES)

    def take(self, reference: Reference, record_type: str, key: str) -> None:
        """Use a reference for a record. Raises `Forbidden` when its search did not find it, `Replayed` too often."""
        with self._lock:
            visit = self._known.get(reference.hash)
            left = visit.left.get((record_type, key)) if visit else None
            if visit is None or left is None:
                raise Forbidden("no search under this reference found the record", code="not-searched")
            if left == 0:
                raise Replayed("this record was signed for this reference before", code="reference-replayed")
            visit.left[record_type, key] = left - 1

    def _forget(self, now_us: int) -> None:
        self._known = {key: visit for key, visit in self._known.items() if visit.until_us > now_us}
        if len(self._known) >= MAX_REFERENCES:
            raise Overloaded("too many searches in the last minute", code="searches-limit", remedy="ask again later")
