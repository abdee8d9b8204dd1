"""One source behind a wall of its own: own threads, own bounded queue, own deadline (design, sections 8 and 9).

A source that hangs, crashes or lies does not harm the others: its items end as `timeout` or `failed`, and the answer
says that a kind of source is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue

import msgspec

from gateway.clock import Clock
from gateway.errors import LiaisonError, TimedOut
from gateway.exchange.sources.batching import Steps, Work, run_together
from gateway.exchange.sources.throttle import Throttle
from gateway.exchange.stages import Turn, as_error
from gateway.ports.sources import SigningSource, Source, SourceDescription

_QUEUE = 512
_MAX_BATCH = 64
_BATCH_S = 0.02
_MIN_PACE_S = 0.00005
_FIRST_PACE_S = 0.002
_QUICK_S = 0.003
_HELD_S = 0.01
"""The longest time that a result waits for the others of its batch."""

_HANGS_S = 1.0
"""A source that is this long over a deadline hangs: new tasks end at once as missing."""


class Task(msgspec.Struct):
    """Work on one source: the steps of `run(source)` in the wall's thread, then `done(result, error)` exactly once."""

    run: Callable[[Source], Steps[object]]
    done: Callable[[object, LiaisonError | None], None]
    deadline: float
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class WallLimits:
    """Limits of one source; 0 means none of its own. `timeout_s` counts from `submit`."""

    rate_per_s: float = 0.0
    timeout_s: float = 0.0


_NO_LIMITS = WallLimits()


@dataclass(slots=True)
class Health:
    """The recent results of a source, as its wall has seen them."""

    failures: int = 0
    last_error: str = ""
    served: int = field(default=0)
    refused: int = 0


class Bulkhead:
    """Threads and queue of one source. `submit` never blocks and never raises."""

    def __init__(
        self,
        source: Source,
        clock: Clock,
        threads: int = 1,
        turn: Turn | None = None,
        limits: WallLimits = _NO_LIMITS,
    ) -> None:
        self._turn = turn or Turn()
        self._gate = threading.Lock()
        self.source = source
        self.description: SourceDescription = source.describe()
        self.signs = isinstance(source, SigningSource)
        """Tells whether the source is a process that signs its records itself: this process only waits for it."""
        self.health = Health()
        self._clock = clock
        self._timeout_s = limits.timeout_s
        self._throttle = Throttle(limits.rate_per_s) if limits.rate_per_s else None
        self._at_work: dict[int, float] = {}
        self._alone = 0
        self._stopped = threading.Event()
        self._pace = _FIRST_PACE_S
        self._queue: SimpleQueue[Task | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"source-{self.description.id}-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def look_again(self) -> None:
        """Read the source's description again."""
        self.description = self.source.describe()

    def stop(self) -> None:
        """Ask the threads to end; one that hangs in its source is left behind (daemon)."""
        self._stopped.set()
        for _ in self._threads:
            self._queue.put(None)

    def submit(self, task: Task) -> None:
        """Hand work over; a full queue, a hanging source and a spent rate end it at once as failed."""
        if (self._timeout_s or self._throttle) and not self._admit(task):
            return self._refuse(task, "the source is asked too often")
        if self._at_work and self.hangs:
            return self._refuse(task, "the source hangs")
        if self._queue.qsize() >= _QUEUE:
            return self._refuse(task, "the source has too much waiting")
        return self._queue.put(task)

    def _refuse(self, task: Task, why: str) -> None:
        self.health.refused += 1
        task.done(None, TimedOut(why, code="source-busy", where=self.description.id))

    def _admit(self, task: Task) -> bool:
        """Apply the source's own limits to a task; False when its turn would come too late."""
        task.deadline = self.until(task.deadline)
        if self._throttle is None:
            return True
        due = self._throttle.reserve(self._clock.monotonic(), task.deadline)
        task.not_before = due or 0.0
        return due is not None

    def until(self, deadline: float) -> float:
        """Return `deadline`, or the end of the source's own time from now on where that is sooner."""
        return min(deadline, self._clock.monotonic() + self._timeout_s) if self._timeout_s else deadline

    @property
    def hangs(self) -> bool:
        """Tell whether no thread can serve: all threads, or the one that serves alone, are long over deadlines."""
        late = self._clock.monotonic() - _HANGS_S
        over = [thread for thread, deadline in list(self._at_work.items()) if deadline < late]
        return bool(over) and (len(over) == len(self._threads) or self._alone in over)

    @property
    def state(self) -> str:
        """`ok`, or the fault of the source in one word."""
        return "hangs" if self.hangs else self.health.last_error or "ok"

    def _run(self) -> None:
        while self._next():
            pass

    def _next(self) -> bool:
        """Serve a batch of waiting tasks; False when the end was asked for.

        While the source is quick, one thread serves alone, and always the same one: its connections are warm.
        """
        with self._gate:
            while True:
                task = self._queue.get()
                if task is None:
                    return False
                batch = [task]
                if task.not_before:
                    # Later tasks are due later, so this wait holds none of them up.
                    self._stopped.wait(task.not_before - self._clock.monotonic())
                    break
                if self._pace >= _QUICK_S or self.signs:
                    break
                if not self._serve_alone(batch):
                    return False
        self._serve(batch)
        return True

    def _serve_alone(self, batch: list[Task]) -> bool:
        """Serve a first task and those that wait with it, in turn with the stages; False when the end was asked for."""
        with self._turn.taken():
            self._alone = threading.get_ident()
            open_ = self._take_more(batch)
            self._serve(batch)
            self._alone = 0
        return open_

    def _take_more(self, batch: list[Task]) -> bool:
        """Add as many tasks as a quick source answers in a few milliseconds; False when the end was asked for."""
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
        """Run a batch, then hand all results on together: one hand-over to the next stage instead of one for each task.

        Tasks go step by step together, so that their calls reach the source together. For a slower source, a portion
        has only as many tasks as the source answers in the time that a result may be held.
        """
        begun = self._clock.monotonic()
        portion = max(1, int(_HELD_S / self._pace))
        results: list[tuple[Task, object, LiaisonError | None]] = []
        for first in range(0, len(batch), portion):
            results += self._together(batch[first : first + portion])
            if self._clock.monotonic() - begun > _HELD_S:
                results = _hand_on(results)
        spent = (self._clock.monotonic() - begun) / len(batch)
        self._pace += (max(spent, _MIN_PACE_S) - self._pace) / 8
        _hand_on(results)

    def _together(self, tasks: Sequence[Task]) -> list[tuple[Task, object, LiaisonError | None]]:
        now = self._clock.monotonic()
        works = [Work(partial(task.run, self.source), task.deadline) for task in tasks]
        timely = [work for work in works if now < work.deadline]
        if timely:
            thread = threading.get_ident()
            self._at_work[thread] = max(work.deadline for work in timely)
            try:
                run_together(timely, self._clock)
            finally:
                del self._at_work[thread]
        return [(task, *self._outcome(work)) for task, work in zip(tasks, works, strict=True)]

    def _outcome(self, work: Work) -> tuple[object, LiaisonError | None]:
        if not work.has_begun:
            return None, TimedOut("no time was left for the source", where=self.description.id)
        if work.error is not None:
            self.health.failures += 1
            self.health.last_error = type(work.error).__name__
            return None, as_error(work.error)
        self.health.served += 1
        self.health.failures, self.health.last_error = 0, ""
        return work.result, None


def _hand_on(
    results: list[tuple[Task, object, LiaisonError | None]],
) -> list[tuple[Task, object, LiaisonError | None]]:
    """Give results to their tasks; return an empty list."""
    for task, result, error in results:
        task.done(result, error)
    return []
