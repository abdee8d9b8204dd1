"""Limit how often one source is asked: so many tasks a second, evenly, and none that would be served too late."""

from __future__ import annotations

import threading

BURST_SECONDS = 0.5
"""After a pause, the tasks of this many seconds may come at once."""


class Throttle:
    """Gives each task the moment from which it may run (the generic cell rate algorithm). Thread-safe."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1.0 / per_second
        self._burst = max(self._gap, BURST_SECONDS)
        self._free_at = 0.0
        self._lock = threading.Lock()

    def reserve(self, now: float, deadline: float) -> float | None:
        """Reserve a turn; return the moment (as `now`) from which the task may run, or None when that is too late."""
        with self._lock:
            due = max(self._free_at, now - self._burst + self._gap)
            if due >= deadline:
                return None
            self._free_at = due + self._gap
        return due
