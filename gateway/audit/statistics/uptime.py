"""Measure how much of a month a node ran, by its own logs: its entries `start`, and the last entry before each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.clock import from_us, to_us
from gateway.ports.events import START


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

    A node that was killed has no entry that says so: it counts as down from its last entry on, which is the longest
    possible outage. Faults that the node does not see (a cut line, a full queue at the other side) are not counted.
    """

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
        start = self._first_us
        while start < self._last_us:
            end = min(_next_month(start), self._last_us)
            down = [
                (max(start, a), min(end, b))
                for a, b in zip(self._begins, self._ends, strict=True)
                if a < end and b > start
            ]
            missing = sum(b - a for a, b in down)
            covered = (end - start) // 1_000_000
            yield Availability(f"{from_us(start):%Y-%m}", covered, covered - missing // 1_000_000, len(down))
            start = end


def _next_month(time_us: int) -> int:
    moment = from_us(time_us)
    return to_us(datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC))
