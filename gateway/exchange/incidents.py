"""Faults of callers that a human has to look at, counted by cause: one entry a round, even in a flood."""

from __future__ import annotations

import threading

from gateway.ports import events
from gateway.ports.journal import EntryDraft

_Cause = tuple[str, str, str]
"""The member (empty for callers who did not prove who they are), the code, and the detail."""


class Incidents:
    """Incidents since the last round. Thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[_Cause, tuple[int, str]] = {}
        self._lock = threading.Lock()

    def note(self, member: str, code: str, detail: str = "refused by the transport", exchange_id: str = "") -> None:
        """Count one incident. The entry names the exchange of the last one of its cause."""
        cause = (member, code, detail)
        with self._lock:
            self._counts[cause] = (self._counts.get(cause, (0, ""))[0] + 1, exchange_id)

    def drafts(self) -> list[EntryDraft]:
        """Return an entry for each cause since the last call."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return [
            (events.ALARM if member else events.AUTH_FAILED).draft(
                peer=member, exchange_id=exchange_id, code=code, count=count, detail=detail
            )
            for (member, code, detail), (count, exchange_id) in counts.items()
        ]
