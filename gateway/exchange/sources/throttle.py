"""How often one source is asked: at most so many tasks a second, evenly, and none that could not be served in time."""

from __future__ import annotations

import threading

BURST_SECONDS = 0.5
"""Tasks of so long a time may come at once after a pause."""


class Throttle:
    """Gives each task the moment from which it may run (the generic cell rate algorithm). Thread-safe."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1.0 / per_second
        self._burst = max(self._gap, BURST_SECONDS)
        self._free_at = 0.0
        self._lock = threading.Lock()

    def reserve(self, now: float, deadline: float) -> float | None:
        """Return the moment (as `now`) from which a task may run; None, and nothing is reserved, when it is too late
        then.
        """
        with self._lock:
            due = max(self._free_at, now - self._burst + self._gap)
            if due >= deadline:
                return None
            self._free_at = due + self._gap
        return due
