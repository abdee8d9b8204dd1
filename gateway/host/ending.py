"""End a process at once where going on would be worse: nothing is lost that a kill or a power cut would not take.

No answer leaves before its entry is on the disk, so what had no commit was not answered.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from gateway.errors import TimedOut

BROKEN = 70
"""Exit code after a failure of storage: the supervisor starts the process again, which checks its disk first."""

STOP_S = 60.0
"""Seconds that a stop may take. What is under way gets less; a disk or a database that hangs would take for ever."""

Say = Callable[[BaseException], None]


def end_process(say: Say, error: BaseException) -> None:
    """Say the error, and end the process."""
    say(error)
    os._exit(BROKEN)


def end_within(say: Say, seconds: float = STOP_S) -> threading.Timer:
    """End the process when it has not ended by itself in so many seconds. What is returned can be cancelled."""
    error = TimedOut("the stop took longer than {seconds:.0f} s", code="stop-hangs", seconds=seconds)
    timer = threading.Timer(seconds, end_process, (say, error))
    timer.daemon = True
    timer.start()
    return timer
