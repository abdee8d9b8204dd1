"""The contract of an adapter: what it answers, within which limits, and what may come out of it.

An adapter is a `gateway.ports.sources.Source` that can also tell whether its source has changed. All calls block, are
safe from several threads, end at their deadline with `TimedOut`, and raise nothing but `LiaisonError`; the text
of a database's own error stays in `__cause__` and goes nowhere else (CASE-K10).
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.clock import Clock
from gateway.courtesy import COURTESY
from gateway.errors import TimedOut
from gateway.model.hit import Candidate, SearchResult
from gateway.ports.sources import Source

MAX_CANDIDATES = 20
"""The most candidates of one search; if there are more, the result says `capped` (CASE-K2)."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Says whether a source differs from its state at the cursor `since`, and the cursor for the next question."""

    cursor: str
    changed: bool


class Adapter(Source, Protocol):
    """One agency system behind the contract; `conformance` checks that an implementation keeps it."""

    @property
    def left_out(self) -> Mapping[str, Mapping[str, int]]:
        """Rows that could not be read as mapped, counted by record type and reason."""

    def changes(self, since: str) -> Changes:
        """Tell whether the source has changed since the cursor `since` (empty = never asked). Raises `LiaisonError`."""

    def refresh(self) -> bool:
        """Bring the search up to date with the source; return whether it had changed. Searches go on meanwhile."""

    def close(self) -> None:
        """End all connections."""


def check_deadline(clock: Clock, deadline: float) -> None:
    """Raise `TimedOut` when `deadline`, a value of `Clock.monotonic`, has passed."""
    if clock.monotonic() >= deadline:
        raise TimedOut("the source had no time left", code="source-deadline")


def best(candidates: Iterable[Candidate], cap: int = MAX_CANDIDATES, capped: bool = False) -> SearchResult:
    """Return the `cap` best candidates, surest first, each record once; `capped` if some were cut off before."""
    by_record: dict[tuple[str, str], Candidate] = {}
    for candidate in candidates:
        place = (candidate.record_type, candidate.key)
        known = by_record.get(place)
        if known is None or candidate.match.score > known.match.score:
            by_record[place] = candidate
    if not by_record:
        return SearchResult(capped=capped)
    ordered = sorted(by_record.values(), key=lambda found: (-found.match.score, found.record_type, found.key))
    return SearchResult(tuple(ordered[:cap]), capped or len(ordered) > cap)


# ------------------------------------------------------------ the time of a question


_CPU_S = 0.25
"""The processor seconds of one question to one source; a name in a source of a million rows takes some 0.03."""


class _Collected(threading.local):
    """The processor seconds that the garbage collector has taken in this thread, and when its last pass began."""

    seconds: float = 0.0
    began: float = 0.0


_COLLECTED = _Collected()


def _count_collector(phase: str, _info: Mapping[str, Any]) -> None:
    """Count a pass of the collector, which takes its time from the thread that happens to run."""
    if phase == "start":
        _COLLECTED.began = time.thread_time()
    else:
        _COLLECTED.seconds += time.thread_time() - _COLLECTED.began


gc.callbacks.append(_count_collector)


def _worked() -> float:
    """Return the processor seconds of this thread without those of the collector."""
    return time.thread_time() - _COLLECTED.seconds


class Budget:
    """The time and the processor seconds of one question, which is asked and answered in one thread.

    A pass of the collector is not the question's: after the build of an index one took as long as the costliest name.
    """

    def __init__(self, clock: Clock, deadline: float, cpu_s: float = _CPU_S) -> None:
        self._clock = clock
        self._deadline = deadline
        self._until = _worked() + cpu_s

    def check(self) -> None:
        """Give way to others. Raise `TimedOut` when the deadline has passed or the processor seconds are used up."""
        COURTESY.give_way()
        check_deadline(self._clock, self._deadline)
        if _worked() >= self._until:
            raise TimedOut("the question took too much of the processor", code="query-budget")
