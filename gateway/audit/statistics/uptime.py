"""Measure how much of a month a node ran, by its own logs: its entries `start`, and the last entry before each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.clock import from_us, to_us
from gateway.ports.entries.events import START


@dataclass(frozen=True, slots=True)
class Availability:
    """The seconds of a month that the log covers, those in which the node ran, and the number of outages."""

    month: str
    covered_s: int
    running_s: int
    outages: int

    @property
    def share(self) -> float:
        """The part of the covered time in which the node ran, from 0 to 1."""
        return self.running_s / self.covered_s if self.covered_s else 1.0


@dataclass(slots=True)
class Uptime:
    """The times in which a node ran, from the entries of the operations log, and then of the exchange log.

    Entries from before and after a period tell of an outage that reaches over its bounds; 0 is none.

    A node that was killed has no entry that says so: it counts as down from its last entry on, which is the longest
    possible outage. Faults that the node does not see (a cut line, a full queue at the other side) are not counted.
    """

    since_us: int = 0
    until_us: int = 0
    _first_us: int = 0
    _last_us: int = 0
    _begins: list[int] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)

    def operation(self, kind: str, time_us: int) -> None:
        """Take an entry of the operations log, in order."""
        if not self._first_us:
            self._first_us = time_us
        elif kind == START.kind and time_us > self._last_us:
            self._begins.append(self._last_us)
            self._ends.append(time_us)
        self._last_us = max(self._last_us, time_us)

    def exchange(self, time_us: int) -> None:
        """Take an entry of the exchange log: the node ran then."""
        gap = bisect_right(self._ends, time_us)
        if gap < len(self._ends) and time_us > self._begins[gap]:
            self._begins[gap] = time_us
        self._last_us = max(self._last_us, time_us)

    def months(self) -> Iterator[Availability]:
        """Yield each month that the log covers, with the covered part of it."""
        start, last = self._covered
        while start < last:
            end = min(_next_month(start), last)
            yield self._between(f"{from_us(start):%Y-%m}", start, end)
            start = end

    def whole(self, name: str) -> Availability:
        """Return the covered part of the period, as one month of this name."""
        start, last = self._covered
        return self._between(name, start, max(start, last))

    @property
    def _covered(self) -> tuple[int, int]:
        first = max(self._first_us, self.since_us)
        return first, min(self._last_us, self.until_us) if self.until_us else self._last_us

    def _between(self, name: str, start: int, end: int) -> Availability:
        spans = zip(self._begins, self._ends, strict=True)
        down = [(max(start, a), min(end, b)) for a, b in spans if a < end and b > start]
        missing = sum(b - a for a, b in down)
        covered = (end - start) // 1_000_000
        return Availability(name, covered, covered - missing // 1_000_000, len(down))


def _next_month(time_us: int) -> int:
    moment = from_us(time_us)
    return to_us(datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC))
