"""Work that takes long, for one person: its progress while it runs, and its result while the process lives.

A person has one job of a kind: another one takes its place once it is over. Results are kept in memory only.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.clock import Clock
from gateway.errors import LiaisonError, Overloaded, Unknown

Progress = Callable[[int, int], None]

MOST_JOBS = 4
"""Jobs that run at one time, of all persons."""

_KEPT = 64
"""Jobs whose results are kept, of all persons."""

_LOOK_S = 0.5


@dataclass(slots=True)
class Job:
    """One job. `all` is 0 while it is not known how much there is."""

    person: str
    kind: str
    began_us: int
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    about: str = ""
    done: int = 0
    all: int = 0
    is_over: bool = False
    is_wanted: bool = True
    result: Any = None
    error: LiaisonError | None = None
    ended_us: int = 0

    def wanted(self) -> bool:
        """Tell whether somebody still waits for the result."""
        return self.is_wanted

    def progress(self, done: int, all_: int) -> None:
        """Take in how far it is; any thread may call it."""
        self.done, self.all = done, all_


Work = Callable[[Job], Any]
"""Does the work in a thread, and returns its result; it ends early once the job's `is_wanted` is False."""


class Jobs:
    """The jobs of one process."""

    def __init__(self, clock: Clock, failed: Callable[[BaseException], None]) -> None:
        self._clock = clock
        self._failed = failed
        self._jobs: dict[str, Job] = {}
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, person: str, kind: str, work: Work, about: str = "") -> Job:
        """Begin a job of a person; the one of this kind that runs already is returned instead.

        Raises `Overloaded` where too many run.
        """
        known = self.of(person, kind)
        if known is not None and not known.is_over:
            return known
        if len(self._running) >= MOST_JOBS:
            raise Overloaded(
                "{limit} long jobs run already: wait until one of them is over",
                code="too-many-jobs",
                where="jobs",
                limit=MOST_JOBS,
            )
        if known is not None:
            del self._jobs[known.id]
        job = Job(person, kind, self._clock.now_us(), about=about)
        self._jobs[job.id] = job
        # A loop holds its tasks weakly: without `_running` a job could be collected while its thread works.
        task = asyncio.get_running_loop().create_task(self._run(job, work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        self._sweep()
        return job

    def of(self, person: str, kind: str) -> Job | None:
        """Return the job of this kind that a person has, running or over."""
        return next((job for job in self._jobs.values() if (job.person, job.kind) == (person, kind)), None)

    def require(self, person: str, name: str) -> Job:
        """Return a person's job by its id. Raises `Unknown` for all others, those of other persons too."""
        job = self._jobs.get(name)
        if job is None or job.person != person:
            raise Unknown("there is no such job", code="no-such-job", where="jobs")
        return job

    async def follow(self, job: Job) -> AsyncIterator[object]:
        """Yield each time that a job has gone on, and end with it."""
        seen = (job.done, job.is_over)
        while not job.is_over:
            # Looked at and not woken: a thread says how far it is, perhaps thousands of times a second.
            await asyncio.sleep(_LOOK_S)
            if (now := (job.done, job.is_over)) != seen:
                seen = now
                yield now

    async def stop(self) -> None:
        """End all jobs."""
        for job in self._jobs.values():
            job.is_wanted = False
        if self._running:
            await asyncio.wait(self._running)

    async def _run(self, job: Job, work: Work) -> None:
        try:
            job.result = await asyncio.to_thread(work, job)
        except LiaisonError as error:
            job.error = error
        except Exception as error:  # noqa: BLE001  # the page says that it failed, and the log why
            self._failed(error)
            job.error = LiaisonError("the job failed", code="internal")
        job.ended_us = self._clock.now_us()
        job.is_over = True

    def _sweep(self) -> None:
        over = sorted((job for job in self._jobs.values() if job.is_over), key=lambda job: job.ended_us)
        for job in over[: max(0, len(self._jobs) - _KEPT)]:
            del self._jobs[job.id]
