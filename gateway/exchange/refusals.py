"""Refused calls of our own systems: each is an entry, up to a number; beyond it they are counted."""

from __future__ import annotations

from collections import Counter

from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft

ENTRIES = 60
"""Refused calls of one system and officer that are each an entry, until `drafts` is called; the others are counted."""

_OFFICERS = 4
"""Officers whose refused calls may be so many entries at one system: one that floods leaves the others theirs."""


class Refusals:
    """Counts for one process, and not thread-safe: it belongs to the loop."""

    def __init__(self) -> None:
        self._of_officers: Counter[tuple[str, str]] = Counter()
        self._of_systems: Counter[str] = Counter()
        self._counted: Counter[tuple[str, str]] = Counter()

    def is_entry(self, system: str, code: str, officer: str = "") -> bool:
        """Count a refused call; tell whether it is an entry of its own."""
        if self._of_officers[system, officer] < ENTRIES and self._of_systems[system] < _OFFICERS * ENTRIES:
            self._of_officers[system, officer] += 1
            self._of_systems[system] += 1
            return True
        self._counted[system, code] += 1
        return False

    def drafts(self) -> list[EntryDraft]:
        """Return an entry for each system and code whose refused calls were only counted since the last call."""
        counted = self._counted
        self._of_officers, self._of_systems, self._counted = Counter(), Counter(), Counter()
        return [
            events.ALARM.draft(
                code=code, count=count, detail=f"refused calls of the system `{system}`, beyond {ENTRIES}"
            )
            for (system, code), count in counted.items()
        ]
