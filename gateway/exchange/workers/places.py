"""The places of a front's workers: who sits where, who leaves, and how often a worker ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from gateway.exchange.workers.seat import Seat, Standing

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_STEADY_S = 2.0
"""A worker that has served for so long, and for twice the pause before it, is no sign of a fault that lasts: workers
that are killed now and then have successors at once, and those of a fault that lasts ever less of the machine."""

_MOST_STARTS = 3


class WorkerReport(msgspec.Struct, frozen=True):
    """A worker for those who look at the node. `restarts` and `batches` count since the start of the node."""

    pid: int
    state: str
    requests: int
    batches: int
    restarts: int


@dataclass(slots=True)
class Place:
    """One place: the worker that sits there, and how often another one ended. The next one is due at `due`."""

    seat: Seat | None = None
    due: float = 0.0
    pause_s: float = _FIRST_PAUSE_S
    restarts: int = 0
    batches: int = 0

    def report(self) -> WorkerReport:
        """Return a report of the worker."""
        seat = self.seat
        if seat is None:
            return WorkerReport(0, Standing.ENDED.value, 0, self.batches, self.restarts)
        return WorkerReport(seat.process.pid, seat.standing.value, seat.inside, self.batches, self.restarts)


class Places:
    """All places of a front, and the workers that leave theirs. Under the lock of the pool."""

    def __init__(self, count: int) -> None:
        self.all = [Place() for _ in range(count)]
        self.leaving: list[Seat] = []

    @property
    def seats(self) -> list[Seat]:
        """All workers that have not ended."""
        return [place.seat for place in self.all if place.seat is not None] + self.leaving

    @property
    def has_successor(self) -> bool:
        """Tell whether a worker serves that does not leave."""
        return any(place.seat is not None and place.seat.standing is Standing.SERVING for place in self.all)

    @property
    def cannot_start(self) -> bool:
        """Tell whether the workers of all places end again and again."""
        return all(place.restarts >= _MOST_STARTS for place in self.all)

    def serving(self) -> list[Seat]:
        """Return the workers that can be given requests; those that leave only while there is no other one."""
        seats = [place.seat for place in self.all if place.seat is not None]
        serving = [seat for seat in seats if seat.standing is Standing.SERVING]
        return serving or [seat for seat in self.leaving if seat.standing is Standing.SERVING]

    def count_batch(self, seat: Seat) -> None:
        """Count a batch that a worker is given."""
        for place in self.all:
            place.batches += place.seat is seat

    def vacate(self, seat: Seat, now: float) -> None:
        """Let a successor of a worker that has ended be due, the later the more often workers end soon."""
        for place in self.all:
            if place.seat is seat:
                if seat.served_s(now) > max(_STEADY_S, 2 * place.pause_s):
                    place.pause_s = _FIRST_PAUSE_S
                place.seat, place.restarts, place.due = None, place.restarts + 1, now + place.pause_s
                place.pause_s = min(2 * place.pause_s, _LONGEST_PAUSE_S)
        if seat in self.leaving:
            self.leaving.remove(seat)

    def leave(self) -> None:
        """Let all workers that serve leave their places, for successors that are due at once."""
        for place in self.all:
            if place.seat is not None and place.seat.standing is Standing.SERVING:
                self.leaving.append(place.seat)
                place.seat, place.due = None, 0.0

    def source_states(self) -> Mapping[str, str]:
        """Return the worst state of each source that a worker sees."""
        found: dict[str, str] = {}
        for place in self.all:
            for source, state in (place.seat.sources if place.seat else {}).items():
                if found.get(source, "ok") == "ok":
                    found[source] = state
        return found
