"""Long work in a process of its own: one of each kind, bounded in time and size, and an error is told."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.app.run.page_work import main
from gateway.clock import SystemClock
from gateway.errors import Overloaded
from gateway.ops.console.jobs import MOST_BYTES, Job, JobKind, Jobs, worker

ECHO = "import json, sys; asked = json.load(sys.stdin); print(json.dumps({'result': asked}))"
HANGS = "import sys, time; sys.stdin.read(); time.sleep(600)"
FLOODS = f"import sys; sys.stdin.read(); sys.stdout.write('x' * {MOST_BYTES + 1})"
DIES = "import sys; sys.stdin.read(); sys.exit(3)"


def jobs(program: str, timeout_s: float = 60.0) -> Jobs:
    return Jobs([sys.executable, "-c", program], SystemClock(), timeout_s)


async def _ended(found: Jobs, kind: JobKind) -> Job:
    while (job := found.last(kind)) is not None and job.runs:
        await asyncio.wait_for(found.changed(), 60)
    assert job is not None
    return job


def run(work: Callable[[], Any]) -> Any:
    return asyncio.run(work())


@pytest.mark.process
def test_a_job_is_handed_in_and_its_result_is_kept() -> None:
    async def work() -> Job:
        found = jobs(ECHO)
        job = found.start("form", JobKind.CHECK, "th.police.records", "th.a.1", {"source": "th.police.records"})
        assert job.runs
        return await _ended(found, JobKind.CHECK)

    job = run(work)
    assert job.result == {"kind": "check", "given": {"source": "th.police.records"}}
    assert (job.by, job.subject, dict(job.failure)) == ("th.a.1", "th.police.records", {})


@pytest.mark.process
def test_a_second_press_of_the_button_begins_nothing() -> None:
    async def work() -> None:
        found = jobs(ECHO)
        first = found.start("form", JobKind.DOCTOR, "", "th.a.1", {})
        assert found.start("another", JobKind.DOCTOR, "", "th.a.2", {}) is first  # it runs
        ended = await _ended(found, JobKind.DOCTOR)
        assert found.start("form", JobKind.DOCTOR, "", "th.a.1", {}) is ended  # the same form again
        assert found.start("third", JobKind.DOCTOR, "", "th.a.1", {}).runs
        await found.stop()

    run(work)


def test_no_more_than_three_run_at_a_time_and_a_stop_ends_them() -> None:
    async def work() -> None:
        found = jobs(HANGS)
        for kind in (JobKind.DOCTOR, JobKind.CHECK, JobKind.MATRIX):
            found.start(kind.value, kind, "", "th.a.1", {})
        with pytest.raises(Overloaded):
            found.start("form", JobKind.SAMPLE, "", "th.a.1", {})
        await asyncio.wait_for(found.stop(), 60)

    run(work)


@pytest.mark.parametrize(
    ("program", "timeout_s", "code"),
    [(HANGS, 0.5, "job-timeout"), (FLOODS, 60.0, "job-broken"), (DIES, 60.0, "job-broken")],
)
@pytest.mark.process
def test_work_that_hangs_floods_or_dies_is_told_as_that(program: str, timeout_s: float, code: str) -> None:
    async def work() -> Job:
        found = jobs(program, timeout_s)
        found.start("form", JobKind.DOCTOR, "", "th.a.1", {})
        return await _ended(found, JobKind.DOCTOR)

    job = run(work)
    assert job.failure["code"] == code
    assert job.failure["remedy"]
    assert not job.result


@pytest.mark.process
def test_the_worker_tells_an_error_with_its_remedy_and_no_trace(tmp_path: Path) -> None:
    async def work() -> Job:
        found = Jobs(worker("gateway.app.run.page_work"), SystemClock())
        found.start("form", JobKind.MATRIX, "", "th.a.1", {"home": str(tmp_path / "none")})
        return await _ended(found, JobKind.MATRIX)

    failure = run(work).failure
    assert failure["code"]
    assert failure["remedy"]
    assert "Traceback" not in repr(failure)
    assert main is not None
