"""Watch for how long an event loop is held, on a machine that is busy with other things.

A turn of the loop counts as held for the smaller of two times: its delay without the time in which threads of this
process waited for a processor, and the processor time that this process used meanwhile. Other processes then do not
count, not even where they keep the processor from a worker that has the interpreter's lock; the worker's own work does.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
        self._files = _schedule_files()
        self._waited = self._waited_s()
        self._timer = self._wait()

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()
        for file in self._files:
            os.close(file)

    def _wait(self) -> asyncio.TimerHandle:
        due = self._loop.time() + _STEP_S
        return self._loop.call_at(due, self._turn, due)

    def _turn(self, due: float) -> None:
        late, used, waited = self._loop.time() - due, time.process_time(), self._waited_s()
        without = sum(max(now - before, 0.0) for now, before in zip(waited, self._waited, strict=True))
        self.longest = max(self.longest, min(late - without, used - self._used))
        self._used, self._waited = used, waited
        self._timer = self._wait()

    def _waited_s(self) -> list[float]:
        """Return for each thread the seconds in which it could run and had no processor; 0 for one that has ended."""
        return [_waited(file) for file in self._files]


def _waited(file: int) -> float:
    try:
        return int(os.pread(file, _LONGEST_LINE, 0).split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _schedule_files() -> list[int]:
    """Open what the kernel counts of each thread that runs now; nothing where it does not."""
    opened = list[int]()
    with suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            with suppress(OSError):  # it has ended meanwhile
                opened.append(os.open(thread / "schedstat", os.O_RDONLY | os.O_CLOEXEC))
    return opened


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
