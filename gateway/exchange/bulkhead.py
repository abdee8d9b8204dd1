"""One source behind a wall of its own: own threads, own bounded queue, own deadline (design, sections 8 and 9).

A source that hangs, crashes or lies costs the others nothing: its items end as `timeout` or `failed`, and the
answer says that a kind of source is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Full, Queue
from typing import TypeVar

from gateway.clock import Clock
from gateway.errors import LiaisonError, TimedOut
from gateway.exchange.stages import as_error
from gateway.ports import Source, SourceDescription

T = TypeVar("T")

_QUEUE = 512


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

    def __init__(self, source: Source, clock: Clock, threads: int = 1) -> None:
        self.source = source
        self.description: SourceDescription = source.describe()
        self.health = Health()
        self._clock = clock
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
        while (task := self._queue.get()) is not None:
            self._one(task)

    def _one(self, task: Task) -> None:
        if self._clock.monotonic() >= task.deadline:
            task.done(None, TimedOut("no time was left for the source", where=self.description.id))
            return
        try:
            result = task.run(self.source)
        except Exception as error:  # noqa: BLE001 - whatever a source throws stays behind its wall
            self.health.failures += 1
            self.health.last_error = type(error).__name__
            task.done(None, as_error(error))
            return
        self.health.served += 1
        self.health.failures = 0
        task.done(result, None)
