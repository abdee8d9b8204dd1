"""Every write and sync fails once by `strace` injection, where it is installed (CASE-H2; decision 0024).

A second opinion on `faulty_disk`: the same commands, the same node, the same checks afterwards, with a fault that comes
from outside the process and knows nothing of our library. The tests take `LIAISON_FAULTS` calls (0: every call).
"""

from __future__ import annotations

import asyncio
import random
from errno import EIO
from pathlib import Path

import pytest

from tests.federation.test_torture_commands import JOBS, make_homes
from tests.federation.test_torture_upkeep import upkeep_jobs
from tests.support.cli import Liaison
from tests.support.faulty_disk import Fault
from tests.support.strace import Tracer, strace
from tests.support.torture_commands import POINTS, SEED, Workshop, tried
from tests.support.torture_strace import straced
from tests.support.torture_upkeep import make_past

pytestmark = pytest.mark.small_form

_SAMPLE = 2
"""Calls of the node where not all are tried."""


@pytest.mark.timeout(7200)
async def test_h2_a_command_whose_write_or_sync_fails_does_all_of_its_work_when_it_is_given_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strace()
    machine, liaison = Tracer(tmp_path), Liaison(capsys)
    make_homes(liaison, machine.work)
    machine.keep()
    shop, wanted = Workshop(liaison, machine.work), ("init", "publish", "accept")
    print(*[await tried(machine, shop, job) for job in JOBS if job.name in wanted], sep="\n")


@pytest.mark.timeout(7200)
async def test_h2_an_erasure_and_a_backup_whose_write_or_sync_fails_are_taken_up_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strace()
    machine, liaison = Tracer(tmp_path), Liaison(capsys)
    past = await make_past(liaison, machine.work)
    machine.keep()
    shop, wanted = Workshop(liaison, machine.work), ("erase", "backup")
    print(*[await tried(machine, shop, job) for job in upkeep_jobs(past) if job.name in wanted], sep="\n")


@pytest.mark.timeout(7200)
async def test_h2_a_node_whose_write_or_sync_fails_costs_no_answer_and_no_promise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strace()
    dice, points = random.Random(SEED), 0
    async with straced(tmp_path, "vn") as torture:
        count = len(await torture.calls("start"))
        numbers = range(1, count + 1)
        for number in numbers if not POINTS else dice.sample(numbers, min(_SAMPLE * POINTS, count)):
            points += await torture.at("start", Fault.FAILS, number, EIO)
        await torture.end()
    assert points > 0
    verified = await asyncio.to_thread(Liaison(capsys), "audit", "verify", "--home", torture.victim.home)
    assert verified.code == 0, verified.out + verified.err
    print(f"vn: {points} faults by strace at {count} calls, {dict(torture.outcomes)}")
