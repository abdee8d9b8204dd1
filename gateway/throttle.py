"""Limit how often something may happen: so many times a second, evenly, and some at once after a pause."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

BURST_SECONDS = 0.5
"""After a pause, the tasks of this many seconds may come at once."""

_NOW_S = 0.001
"""A turn that begins sooner than this from now has begun."""


class Throttle:
    """Gives each task the moment from which it may run (the generic cell rate algorithm). Thread-safe."""

    def __init__(self, per_second: float, burst_s: float = BURST_SECONDS) -> None:
        self._gap = 1.0 / per_second
        self._burst = max(self._gap, burst_s)
        self._free_at = float("-inf")
        self._lock = threading.Lock()

    def reserve(self, now: float, deadline: float, turns: int = 1) -> float | None:
        """Reserve turns; return the moment (as `now`) from which the task may run, or None when that is too late.

        A task that takes several `turns` stands for those that other processes let in meanwhile.
        """
        gap = self._gap * turns
        with self._lock:
            due = max(self._free_at, now - max(self._burst, gap) + gap)
            if due >= deadline:
                return None
            self._free_at = due + gap
        return due

    def due(self, now: float, ahead: int) -> float:
        """Return the moment (as `now`) at which a turn begins that has `ahead` others before it; reserve nothing."""
        with self._lock:
            return max(self._free_at, now - self._burst + self._gap) + ahead * self._gap

    def admits(self, now: float, turns: int = 1) -> bool:
        """Reserve turns that begin now; False, and nothing is reserved, when there are none."""
        return self.reserve(now, now + _NOW_S, turns) is not None


class Rates:
    """One rate for each caller, of which this process takes its share. For one thread.

    Callers are members, which are few: none is forgotten. `of` holds the throttle of each that has called.
    """

    def __init__(
        self,
        per_second: float,
        monotonic: Callable[[], float],
        burst_s: float = BURST_SECONDS,
        processes: Callable[[], int] = lambda: 1,
    ) -> None:
        self.of: dict[str, Throttle] = {}
        self._per_second = per_second
        self._burst_s = burst_s
        self._monotonic = monotonic
        self._processes = processes

    def admits(self, caller: str) -> bool:
        """Use up one turn of the caller; False, and nothing is used up, when there is none."""
        rate = self.of.get(caller)
        if rate is None:
            rate = self.of[caller] = Throttle(self._per_second, self._burst_s)
        return rate.admits(self._monotonic(), self._processes())


class Shares:
    """Shares places of one kind among owners, of whom none has more than are free for the others.

    An owner who takes all that there is to get has half of what was left. So several together can take them all. Not
    thread-safe. `most` returns how many there are.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._taken = Counter[str]()

    def own(self, owner: str) -> int:
        """Return how many places an owner has."""
        return self._taken[owner]

    @property
    def free(self) -> int:
        """Return how many places are not taken."""
        return self._most() - self._taken.total()

    def take(self, owner: str) -> bool:
        """Take a place; return False where the owner has as many as are free."""
        if self._taken[owner] >= self.free:
            return False
        self._taken[owner] += 1
        return True

    def give_back(self, owner: str) -> None:
        """Give a place back."""
        self._taken[owner] -= 1
        if not self._taken[owner]:
            del self._taken[owner]
