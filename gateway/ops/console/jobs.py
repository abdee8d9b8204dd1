"""Run long work for pages in a process of its own: it holds neither the loop nor the interpreter of the node.

Some of it also may not run inside a node: the own tables of names of a home count for the whole process that reads
them, and a security module is opened for good (decision 0092). One job of each kind runs at a time, at most three in
all, and the last result of each kind is kept in memory until the node ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

import msgspec

from gateway.clock import Clock
from gateway.errors import Overloaded

TIMEOUT_S = 600.0
MOST_BYTES = 4 * 1024 * 1024
"""The most bytes of a result."""

_MOST_RUNNING = 3
_CHUNK = 64 * 1024


class JobKind(StrEnum):
    """The kinds of long work."""

    DOCTOR = "doctor"
    SAMPLE = "sample"
    CHECK = "check"
    MATRIX = "matrix"
    REVIEW = "review"
    REHEARSE = "rehearse"


class Job(msgspec.Struct, frozen=True):
    """A piece of work: who began it when, on what, and what came of it. `id` is that of the form that began it.

    `ended_us` is 0 while it runs. `failure` says why there is no result: message, place, remedy and code; empty where
    there is one.
    """

    id: str
    kind: JobKind
    subject: str
    by: str
    started_us: int
    ended_us: int = 0
    result: Mapping[str, Any] = {}
    failure: Mapping[str, str] = {}

    @property
    def runs(self) -> bool:
        """Tell whether it has not ended."""
        return not self.ended_us


class Jobs:
    """The long work of one process of a node. `command` is the program and its arguments; the job goes to its stdin."""

    def __init__(self, command: Sequence[str], clock: Clock, timeout_s: float = TIMEOUT_S) -> None:
        self._command = command
        self._clock = clock
        self._timeout_s = timeout_s
        self._jobs: dict[JobKind, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def last(self, kind: JobKind) -> Job | None:
        """Return the job of this kind that was begun last, None where none was."""
        return self._jobs.get(kind)

    def start(self, name: str, kind: JobKind, subject: str, by: str, given: Mapping[str, Any]) -> Job:
        """Begin a job; one of this name, or one of its kind that runs already, is returned instead.

        Raises `Overloaded`.
        """
        before = self._jobs.get(kind)
        if before is not None and (before.runs or before.id == name):
            return before
        if sum(job.runs for job in self._jobs.values()) >= _MOST_RUNNING:
            raise Overloaded(
                "other long work runs already", code="jobs-limit", where="job", remedy="wait until it has ended"
            )
        job = self._jobs[kind] = Job(name, kind, subject, by, self._clock.now_us())
        task = asyncio.create_task(self._run(job, given))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def changed(self) -> None:
        """Return when a job has ended."""
        await self._changed.wait()

    async def stop(self) -> None:
        """End all jobs, and their processes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, job: Job, given: Mapping[str, Any]) -> None:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = _read(await _talk(process, json.dumps({"kind": job.kind, "given": given}).encode()))
        except TimeoutError:
            answer = _failed(f"it took longer than {self._timeout_s:.0f} seconds", "job-timeout")
        except (OSError, ValueError):
            answer = _failed("the work broke off", "job-broken")
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        ended = msgspec.structs.replace(
            job, ended_us=self._clock.now_us(), result=answer.get("result", {}), failure=answer.get("failure", {})
        )
        self._jobs[job.kind] = ended
        self._changed.set()
        self._changed = asyncio.Event()


async def _talk(process: asyncio.subprocess.Process, asked: bytes) -> bytes:
    """Hand a job in, and return what the process says. Raises `ValueError` for more than is kept."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(asked)
    await process.stdin.drain()
    process.stdin.close()
    said = bytearray()
    while part := await process.stdout.read(_CHUNK):
        said += part
        if len(said) > MOST_BYTES:
            raise ValueError("too much")
    return bytes(said)


def _read(said: bytes) -> dict[str, Any]:
    value = json.loads(said)
    if not isinstance(value, dict):
        raise ValueError("no answer")
    return value


def _failed(message: str, code: str) -> dict[str, Any]:
    remedy = "run it on the command line, which says more: liaison doctor --home HOME"
    return {"failure": {"message": message, "where": "", "remedy": remedy, "code": code}}


def worker(module: str) -> list[str]:
    """Return the command that runs `main` of a module in this very installation."""
    return [sys.executable, "-P", "-c", f"from {module} import main; main()"]
