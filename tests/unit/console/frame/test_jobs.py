"""Jobs: one of a kind for each person, bounded, their own person's alone, and ended with the node."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from gateway.clock import SystemClock
from gateway.console.frame.jobs import MOST_JOBS, Job, Jobs
from gateway.errors import LiaisonError, Overloaded, Unknown
from tests.support.waiting import MOST_S


def jobs(failed: list[BaseException] | None = None) -> Jobs:
    return Jobs(SystemClock(), (failed if failed is not None else []).append)


async def over(job: Job) -> None:
    async with asyncio.timeout(MOST_S):
        while not job.is_over:
            await asyncio.sleep(0.01)


async def test_a_person_has_one_job_of_a_kind_and_nobody_else_sees_it() -> None:
    go, made = threading.Event(), jobs()

    def work(job: Job) -> int:
        job.progress(1, 2)
        go.wait(20)
        return 7

    job = made.begin("a", "verify", work)
    assert made.begin("a", "verify", work) is job
    assert made.begin("b", "verify", work) is not job
    with pytest.raises(Unknown):
        made.require("b", job.id)
    go.set()
    await over(job)
    assert (job.result, job.done, job.all, made.require("a", job.id)) == (7, 1, 2, job)
    assert made.begin("a", "verify", work) is not job
    await made.stop()


async def test_only_so_many_run_and_stopping_ends_them() -> None:
    made = jobs()

    def work(job: Job) -> None:
        while job.wanted():
            time.sleep(0.01)

    running = [made.begin(str(number), "verify", work) for number in range(MOST_JOBS)]
    with pytest.raises(Overloaded):
        made.begin("one more", "verify", work)
    async with asyncio.timeout(MOST_S):
        await made.stop()
        for job in running:
            await over(job)


async def test_an_error_is_kept_and_an_unforeseen_one_is_told_without_a_word_of_it() -> None:
    failed: list[BaseException] = []
    made = jobs(failed)

    def refuse(_job: Job) -> None:
        raise LiaisonError("the log is broken", code="broken")

    def fail(_job: Job) -> None:
        raise RuntimeError("secret")

    refused, unforeseen = made.begin("a", "verify", refuse), made.begin("a", "export", fail)
    await over(refused)
    await over(unforeseen)
    assert refused.error is not None
    assert unforeseen.error is not None
    assert (refused.error.code, unforeseen.error.code) == ("broken", "internal")
    assert "secret" not in unforeseen.error.message
    assert [str(error) for error in failed] == ["secret"]
