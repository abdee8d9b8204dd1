"""CASE-N282: time in which a loop of ours stood still counts against no one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from gateway.clock import SystemClock
from gateway.pauses import AFTER_S, OwnPauses
from tests.support.databases import wait_until
from tests.support.shared import PROJECT


class Loop:
    """A loop that beats once a second of its own time, and its pauses."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses = OwnPauses(1.5, lambda: self.now)
        self.pauses.beat()

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1
            assert self.pauses.beat() == 0.0


def test_n282_a_pause_does_not_count_and_the_seconds_after_it_do_not_either() -> None:
    loop = Loop()
    loop.run(10)
    assert loop.pauses.ran_s(10) == 10
    loop.now += 60
    assert loop.pauses.ran_s(65) == 5, "also before the loop has turned again"
    assert loop.pauses.beat() == 60
    assert loop.pauses.stood_s == 60
    assert loop.pauses.ran_s(65) == 5
    loop.run(2)
    assert loop.pauses.ran_s(67) == 5
    loop.run(8)
    assert loop.pauses.ran_s(75) == 5 + 10 - AFTER_S
    assert loop.pauses.ran_s(4) == 4
    assert loop.pauses.over(75, 11.9)
    assert not loop.pauses.over(75, 12)


def test_n282_of_a_loop_that_is_slow_for_ever_most_of_the_time_counts() -> None:
    loop = Loop()
    loop.run(10)
    for _ in range(100):
        loop.now += 2
        assert loop.pauses.beat() == 2
    assert loop.pauses.ran_s(100) == 75


def test_n282_nothing_is_a_pause_before_the_first_beat_and_after_the_last() -> None:
    loop = Loop()
    fresh = OwnPauses(1.5, lambda: loop.now)
    loop.pauses.rest()
    loop.now += 60
    assert (fresh.ran_s(60), loop.pauses.ran_s(60)) == (60, 60)


@pytest.mark.asyncio
async def test_n282_a_deadline_is_over_when_its_own_time_is_over_and_not_at_the_end_of_a_pause() -> None:
    loop = Loop()
    loop.now += 60  # a pause is under way
    begun = asyncio.get_running_loop().time()

    def go_on() -> None:
        loop.pauses.rest()

    asyncio.get_running_loop().call_later(0.05, go_on)
    with pytest.raises(TimeoutError):
        async with loop.pauses.timeout(0.01):
            await asyncio.Event().wait()
    assert asyncio.get_running_loop().time() - begun >= 0.05
    done = asyncio.create_task(asyncio.sleep(0))
    assert await loop.pauses.is_done(done, 5)
    never = asyncio.create_task(asyncio.Event().wait())
    assert not await loop.pauses.is_done(never, 0.01)
    assert not never.cancelled()
    never.cancel()


_CHILD = """
import asyncio, time
from gateway.app.run.node import Turning
from gateway.pauses import OWN
from gateway.telemetry import Counters, configure_logging

async def main():
    configure_logging("info")
    Turning(Counters(), "th").start()
    await asyncio.sleep(0.3)
    print('{"event": "begun"}', flush=True)
    begun = time.monotonic()
    never = asyncio.create_task(asyncio.Event().wait())
    await OWN.is_done(never, 0.5)
    print('{"event": "over", "seconds": %f}' % (time.monotonic() - begun), flush=True)

asyncio.run(main())
"""


@pytest.mark.process
def test_n282_a_process_that_was_stopped_says_so_and_its_deadlines_wait() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "proto" / "gen")))}
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    assert child.stdout
    lines = iter(child.stdout)
    assert json.loads(next(lines))["event"] == "begun"
    child.send_signal(signal.SIGSTOP)
    now = SystemClock.monotonic
    until = now() + 1.6
    wait_until(lambda: now() > until, "time stands")
    child.send_signal(signal.SIGCONT)
    told = [json.loads(line) for line in lines]
    assert child.wait(20) == 0
    (stood,) = [line for line in told if line["event"] == "process.stood-still"]
    assert 1500 <= stood["duration_ms"] < 10_000
    (over,) = [line for line in told if line["event"] == "over"]
    assert over["seconds"] > 1.6 + 0.3, "its own half second is not over with the pause"
