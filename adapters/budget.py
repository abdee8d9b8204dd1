"""The time and the processor seconds that one question to one source may take."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Mapping
from typing import Any

from adapters.base import check_deadline
from gateway.clock import Clock
from gateway.courtesy import COURTESY
from gateway.errors import TimedOut

CPU_S = 0.25
"""The processor seconds of one question to one source; a name in a source of a million rows takes some 0.03."""


class _Collected(threading.local):
    """The processor seconds that the garbage collector has taken in this thread, and when its last pass began."""

    seconds: float = 0.0
    began: float = 0.0


_COLLECTED = _Collected()


def _count_collector(phase: str, _info: Mapping[str, Any]) -> None:
    """Count a pass of the collector, which takes its time from the thread that happens to run."""
    if phase == "start":
        _COLLECTED.began = time.thread_time()
    else:
        _COLLECTED.seconds += time.thread_time() - _COLLECTED.began


gc.callbacks.append(_count_collector)


def _worked() -> float:
    """Return the processor seconds of this thread without those of the collector."""
    return time.thread_time() - _COLLECTED.seconds


class Budget:
    """The time and the processor seconds of one question, which is asked and answered in one thread.

    A pass of the collector is not the question's: after the build of an index one took as long as the costliest name.
    """

    def __init__(self, clock: Clock, deadline: float, cpu_s: float = CPU_S) -> None:
        self._clock = clock
        self._deadline = deadline
        self._until = _worked() + cpu_s

    def check(self) -> None:
        """Give way to others. Raise `TimedOut` when the deadline has passed or the processor seconds are used up."""
        COURTESY.give_way()
        check_deadline(self._clock, self._deadline)
        if _worked() >= self._until:
            raise TimedOut("the question took too much of the processor", code="query-budget")
