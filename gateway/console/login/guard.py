"""Slow down those who try to sign in again and again. Counted by device, or by address where devices show none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.errors import Overloaded
from gateway.recent import Recent
from gateway.throttle import Throttle

FAILURES = 10
"""Failures within `WITHIN_S` after which a place is locked out for as long."""

WITHIN_S = 300.0

_STARTS_PER_S = 1.0
_BURST_S = 20.0
_MOST_PLACES = 4096


@dataclass(slots=True)
class _Place:
    starts: Throttle = field(default_factory=lambda: Throttle(_STARTS_PER_S, _BURST_S))
    failures: deque[float] = field(default_factory=lambda: deque(maxlen=FAILURES))


class Guard:
    """Counts for one process; belongs to the loop of the console. A place is a device or an address."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._places: Recent[str, _Place] = Recent(_MOST_PLACES)

    def enter(self, place: str) -> None:
        """Count an attempt. Raises `Overloaded` where a place tries too often, or has failed too often."""
        now, known = self._monotonic(), self._place(place)
        # What is turned away here is no failure, so a place is free again five minutes after the first of its ten.
        is_locked = len(known.failures) == FAILURES and now - known.failures[0] < WITHIN_S
        if is_locked or not known.starts.admits(now):
            raise Overloaded(
                "too many attempts to sign in from this device",
                code="sign-in-limit",
                where="sign-in",
                remedy="wait five minutes",
            )

    def failed(self, place: str) -> None:
        """Count a failure."""
        self._place(place).failures.append(self._monotonic())

    def succeeded(self, place: str) -> None:
        """Forget the failures of a place at which a person signed in."""
        self._place(place).failures.clear()

    def _place(self, place: str) -> _Place:
        found = self._places.use(place, place)
        if found is None:
            found = _Place()
            self._places.put(place, place, found)
        return found
