"""The largest head that we have seen of each counterpart's log, in its answers and receipts (design, section 7).

Between two rounds of cosigning a counterpart has answered with larger heads than the one that we cosigned. It asks for
the largest one before it signs after a start, so they are remembered; durable with the next round to our witnesses.
"""

from __future__ import annotations

from gateway.audit.tree.checkpoint import Checkpoint
from gateway.witness.ports import WitnessStore

_LONGEST = 1_024
"""Bytes of the longest head that is kept; a head with its one signature has about 250."""


class SeenHeads:
    """Heads, noted on the path of an exchange (a look into a dictionary) and written beside it. Thread-safe."""

    def __init__(self, store: WitnessStore) -> None:
        self._store = store
        self._largest: dict[str, Checkpoint] = {}
        self._written: dict[str, int] = {}

    def note(self, head: Checkpoint) -> None:
        """Note a head whose signature was verified, unless a larger one is noted, or it is padded with other lines."""
        known = self._largest.get(head.origin)
        if (known is None or known.size < head.size) and len(head.data) <= _LONGEST:
            self._largest[head.origin] = head

    def write(self) -> None:
        """Make the noted heads durable."""
        for origin, head in list(self._largest.items()):
            if self._written.get(origin, -1) < head.size:
                self._store.put_seen(origin, head.size, head.data)
                self._written[origin] = head.size
