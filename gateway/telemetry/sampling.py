"""Decide which traces are recorded: parent-based for our own systems, by our own ratio for counterparts.

A counterpart's sampled flag is a wish. It is granted as often in a second as the settings allow for each member, and it
never keeps us from recording our share. Our share is drawn by lot, not from the trace's id, which the sender chooses.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

_LOTS = 1_000_000


class Sampler:
    """Decides at the first span of a trace in our node. All spans below it follow."""

    def __init__(self, ratio: float, ours: Callable[[], bool], of_peer: Callable[[str], bool]) -> None:
        """Take the share of traces that are recorded, and the rates: each call uses up one turn, or returns False."""
        self._lots = round(ratio * _LOTS)
        self._ours = ours
        self._of_peer = of_peer

    def takes_ours(self, parent_sampled: bool | None) -> bool:
        """Decide on a trace of our own systems: as their parent says, or by lot where there is none."""
        return (self._drawn() if parent_sampled is None else parent_sampled) and self._ours()

    def takes_peer(self, peer: str, *, wished: bool) -> bool:
        """Decide on a trace of a counterpart."""
        return (wished or self._drawn()) and self._of_peer(peer)

    def _drawn(self) -> bool:
        return secrets.randbelow(_LOTS) < self._lots
