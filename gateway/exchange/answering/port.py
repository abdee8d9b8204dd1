"""The port to those who work on questions that were decided on: a thread of this process, or workers beside it.

Steps 7 to 10 of `answer` are done behind it. The front keeps the steps before and after, with claims, quotas and log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from gateway.clock import Clock
from gateway.exchange.answering.deadlines import Deadlines
from gateway.exchange.answering.draw import draw_all
from gateway.exchange.answering.gather import Gatherer
from gateway.exchange.answering.job import Job
from gateway.exchange.parts import DecidingParts
from gateway.model.query import QueryKind

Finished = Callable[[Job], None]
"""Takes a job whose sources have answered, or that is refused; called once for each, from any thread."""


class Workers(Protocol):
    """Ask sources, decide on records, sign these, and draw answers."""

    def start(self, finished: Finished) -> None:
        """Begin; `finished` gets each job back. Blocks until work can be done."""

    def stop(self) -> None:
        """End; no job is given any more."""

    def give(self, jobs: Sequence[Job]) -> None:
        """Take jobs whose questions policy allows. Never blocks."""

    def draw(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Return those of the jobs that came back whose answers are drawn, or that are refused; others come again."""

    def source_states(self) -> Mapping[str, str]:
        """Return the state of each source that is not the one which this process sees."""


class Beside:
    """Works on questions of some kinds here, where alone is what they need, and gives workers the others."""

    def __init__(self, workers: Workers, here: Workers, kinds: frozenset[QueryKind]) -> None:
        self._workers = workers
        self._here = here
        self._kinds = kinds

    def start(self, finished: Finished) -> None:
        """Start both. Blocks until the workers can work."""
        self._here.start(finished)
        self._workers.start(finished)

    def stop(self) -> None:
        """End both."""
        self._workers.stop()
        self._here.stop()

    def give(self, jobs: Sequence[Job]) -> None:
        """Give each job to those who can work on it."""
        for workers, its in self._parted(jobs):
            workers.give(its)

    def draw(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Return the jobs that either has drawn, or that are refused."""
        return [job for workers, its in self._parted(jobs) for job in workers.draw(its)]

    def source_states(self) -> Mapping[str, str]:
        """Return what the workers see."""
        return self._workers.source_states()

    def _parted(self, jobs: Sequence[Job]) -> Iterator[tuple[Workers, Sequence[Job]]]:
        here = [job for job in jobs if job.request is not None and job.request.value.query.kind in self._kinds]
        if here:
            yield self._here, here
        ours = set(map(id, here))
        if others := [job for job in jobs if id(job) not in ours] if here else jobs:
            yield self._workers, others


class InProcess:
    """Works on the thread of the stage and those of the sources, in this process."""

    def __init__(self, parts: DecidingParts, gatherer: Gatherer, clock: Clock) -> None:
        self._parts = parts
        self._gatherer = gatherer
        self._deadlines = Deadlines(clock, lambda job: self._finished(job))
        self._finished: Finished = _dropped

    def start(self, finished: Finished) -> None:
        """Start the timekeeper."""
        self._finished = finished
        self._deadlines.start()

    def stop(self) -> None:
        """End the timekeeper."""
        self._deadlines.stop()

    def give(self, jobs: Sequence[Job]) -> None:
        """Put jobs before the sources."""
        self._deadlines.watch(jobs)
        self._gatherer.ask_all(jobs, self._finished)

    def draw(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Sign the records of a batch together, and draw its answers."""
        draw_all(self._parts, [job for job in jobs if job.stored is None and job.request is not None])
        return jobs

    def source_states(self) -> Mapping[str, str]:
        """Return nothing: this process sees the sources itself."""
        return {}


def _dropped(_job: Job) -> None:
    """Take a job before the start: there is none."""
