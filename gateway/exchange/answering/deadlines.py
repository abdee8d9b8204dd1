"""The timekeeper: it passes on jobs whose sources do not answer in time."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence

from gateway.clock import Clock
from gateway.exchange.answering.job import Job

Ticket = Sequence[Job]
"""The list of `Job.ticket`: empty once the job is finished."""


class Deadlines:
    """One thread that wakes at the next deadline. A batch is watched as one, by its earliest deadline."""

    def __init__(self, clock: Clock, expired: Callable[[Job], None]) -> None:
        self._clock = clock
        self._expired = expired
        self._heap: list[tuple[float, int, Sequence[Ticket]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._open = False
            self._changed.notify()

    def watch(self, jobs: Sequence[Job]) -> None:
        """Pass on each job that is not complete at its deadline. Call it before another thread has the jobs."""
        self._watch(min(job.deadline for job in jobs), [job.ticket() for job in jobs])

    def _watch(self, deadline: float, tickets: Sequence[Ticket]) -> None:
        with self._changed:
            first = not self._heap or deadline < self._heap[0][0]
            heapq.heappush(self._heap, (deadline, next(self._numbers), tickets))
            if first:
                self._changed.notify()

    def _run(self) -> None:
        while (due := self._next()) is not None:
            now = self._clock.monotonic()
            waiting: list[tuple[float, Ticket]] = []
            for job, ticket in [(job, each) for each in due for job in tuple(each)]:
                if job.deadline > now:
                    waiting.append((job.deadline, ticket))
                elif job.finish():
                    self._expired(job)
            if waiting:
                self._watch(min(deadline for deadline, _ in waiting), [ticket for _, ticket in waiting])

    def _next(self) -> Sequence[Ticket] | None:
        with self._changed:
            while self._open:
                if not self._heap:
                    self._changed.wait()
                    continue
                remaining = self._heap[0][0] - self._clock.monotonic()
                if remaining <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(remaining)
            return None
