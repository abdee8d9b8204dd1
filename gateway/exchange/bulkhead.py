"""One source behind a wall of its own: own threads, own bounded queue, own deadline (design, sections 8 and 9).

A source that hangs, crashes or lies costs the others nothing: its items end as `timeout` or `failed`, and the
answer says that a kind of source is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import TypeVar

from gateway.clock import Clock
from gateway.errors import LiaisonError, TimedOut
from gateway.exchange.stages import Turn, as_error
from gateway.ports import Source, SourceDescription

T = TypeVar("T")

_QUEUE = 512
_MAX_BATCH = 64
_BATCH_S = 0.006
_MIN_PACE_S = 0.00005
_FIRST_PACE_S = 0.002
_QUICK_S = 0.003
_HELD_S = 0.01
"""A result waits no longer than this for the others of its batch."""


@dataclass(slots=True)
class Task:
    """Work on one source: `run(source)` in the wall's thread, then `done(result, error)` exactly once."""

    run: Callable[[Source], object]
    done: Callable[[object, LiaisonError | None], None]
    deadline: float


@dataclass(slots=True)
class Health:
    """What the wall has seen of its source lately."""

    failures: int = 0
    last_error: str = ""
    served: int = field(default=0)


class Bulkhead:
    """Threads and queue of one source. `submit` never blocks and never raises."""

    def __init__(self, source: Source, clock: Clock, threads: int = 1, turn: Turn | None = None) -> None:
        self._turn = turn or Turn()
        self._gate = threading.Lock()
        self.source = source
        self.description: SourceDescription = source.describe()
        self.health = Health()
        self._clock = clock
        self._pace = _FIRST_PACE_S
        self._queue: Queue[Task | None] = Queue(_QUEUE)
        self._threads = [
            threading.Thread(target=self._run, name=f"source-{self.description.id}-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask the threads to end; one that hangs in its source is left behind (daemon)."""
        for _ in self._threads:
            try:
                self._queue.put_nowait(None)
            except Full:
                return

    def submit(self, task: Task) -> None:
        """Hand work over; a full queue ends it at once as failed."""
        try:
            self._queue.put_nowait(task)
        except Full:
            task.done(None, TimedOut("the source has too much waiting", code="source-busy", where=self.description.id))

    def _run(self) -> None:
        while self._next():
            pass

    def _next(self) -> bool:
        """Serve what waits; False when the end was asked for. While the source is quick, one thread serves alone."""
        with self._gate:
            task = self._queue.get()
            if task is None:
                return False
            batch = [task]
            if self._pace < _QUICK_S:
                with self._turn.taken():
                    open_ = self._take_more(batch)
                    self._serve(batch)
                return open_
        self._serve(batch)
        return True

    def _take_more(self, batch: list[Task]) -> bool:
        """As many more tasks as a quick source answers in a few milliseconds; none for a slow one."""
        wanted = min(_MAX_BATCH, int(_BATCH_S / self._pace))
        while len(batch) < wanted:
            try:
                task = self._queue.get_nowait()
            except Empty:
                return True
            if task is None:
                return False
            batch.append(task)
        return True

    def _serve(self, batch: list[Task]) -> None:
        """Run a batch, then hand all of it on: one hand-over to the next stage instead of one for each task."""
        begun = self._clock.monotonic()
        results: list[tuple[Task, object, LiaisonError | None]] = []
        for task in batch:
            results.append((task, *self._one(task)))
            if self._clock.monotonic() - begun > _HELD_S:
                results = _hand_on(results)
        spent = (self._clock.monotonic() - begun) / len(batch)
        self._pace += (max(spent, _MIN_PACE_S) - self._pace) / 8
        _hand_on(results)

    def _one(self, task: Task) -> tuple[object, LiaisonError | None]:
        if self._clock.monotonic() >= task.deadline:
            return None, TimedOut("no time was left for the source", where=self.description.id)
        try:
            result = task.run(self.source)
        except Exception as error:  # noqa: BLE001 - whatever a source throws stays behind its wall
            self.health.failures += 1
            self.health.last_error = type(error).__name__
            return None, as_error(error)
        self.health.served += 1
        self.health.failures, self.health.last_error = 0, ""
        return result, None


def _hand_on(
    results: list[tuple[Task, object, LiaisonError | None]],
) -> list[tuple[Task, object, LiaisonError | None]]:
    """Give results to those who wait for them; nothing is left."""
    for task, result, error in results:
        task.done(result, error)
    return []
