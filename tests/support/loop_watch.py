"""Watch for how long an event loop is held, on a machine that is busy with other things.

A turn of the loop counts as held for the smaller of two times: its delay without the time in which its thread waited
for a processor, and the processor time that this process used meanwhile. Other processes then do not count, and a
worker that keeps the interpreter's lock does.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

HELD_S = 0.02
"""The longest time for which one message may hold the loop."""

_STEP_S = 0.001
_LONGEST_LINE = 80


class LoopWatch:
    """The longest time in seconds for which the loop was held since the watch began."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._loop = asyncio.get_running_loop()
        self._used = time.process_time()
        self._file = _schedule_file()
        self._waited = self._waited_s()
        self._timer = self._wait()

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()
        if self._file is not None:
            os.close(self._file)

    def _wait(self) -> asyncio.TimerHandle:
        due = self._loop.time() + _STEP_S
        return self._loop.call_at(due, self._turn, due)

    def _turn(self, due: float) -> None:
        late, used, waited = self._loop.time() - due, time.process_time(), self._waited_s()
        self.longest = max(self.longest, min(late - (waited - self._waited), used - self._used))
        self._used, self._waited = used, waited
        self._timer = self._wait()

    def _waited_s(self) -> float:
        """Return the seconds in which this thread could run and had no processor; 0 where they are not counted."""
        if self._file is None:
            return 0.0
        return int(os.pread(self._file, _LONGEST_LINE, 0).split()[1]) / 1e9


def _schedule_file() -> int | None:
    try:
        return os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


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
