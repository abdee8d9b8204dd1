"""Watch for how long an event loop is held, on a machine that is busy with other things.

A turn of the loop counts as held for the smaller of two times: its delay, and the processor time that this process used
meanwhile. Other processes then do not count, and a worker that keeps the interpreter's lock does.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

HELD_S = 0.02
"""The longest time for which one message may hold the loop."""

_STEP_S = 0.001


class LoopWatch:
    """The longest time in seconds for which the loop was held since the watch began."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._loop = asyncio.get_running_loop()
        self._used = time.process_time()
        self._timer = self._wait()

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _wait(self) -> asyncio.TimerHandle:
        due = self._loop.time() + _STEP_S
        return self._loop.call_at(due, self._turn, due)

    def _turn(self, due: float) -> None:
        used = time.process_time()
        self.longest = max(self.longest, min(self._loop.time() - due, used - self._used))
        self._used = used
        self._timer = self._wait()


@contextmanager
def loop_watch() -> Iterator[LoopWatch]:
    """Watch the running loop until the block ends, while no garbage of earlier tests is collected.

    Nor is it collected before: among what thousands of tests have loaded that takes a second each time. The loop must
    take a turn inside the block before `longest` is read.
    """
    gc.disable()
    watch = LoopWatch()
    try:
        yield watch
    finally:
        watch.stop()
        gc.enable()
