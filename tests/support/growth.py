"""Measure whether work grows with the size of its data, on a machine that is busy with other things."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

_TURNS = 7
_P = ParamSpec("_P")


def cost(work: Callable[[], object]) -> float:
    """Return the seconds of CPU of this thread that some work takes."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def bounded(seconds: float) -> Callable[[Callable[_P, None]], Callable[_P, None]]:
    """Fail a test that takes more seconds of CPU of its thread: a busy machine makes it later, and takes none of them.

    Below `given`, each example has the seconds for itself, which a deadline of `settings` would count by the wall.
    """

    def holding(test: Callable[_P, None]) -> Callable[_P, None]:
        @wraps(test)
        def held(*args: _P.args, **kwargs: _P.kwargs) -> None:
            spent = cost(lambda: test(*args, **kwargs))
            assert spent <= seconds, f"it took {spent:.1f} s of CPU, and may take {seconds}"

        return held

    return holding


def cost_in_turns(
    work: Callable[[], object], part: Callable[[], object], fits: Callable[[float, float], bool]
) -> tuple[float, float]:
    """Return the least seconds of CPU that some work takes, and the same work for half of its data.

    They are taken in turns: a processor that is slower for a while is so for both. Noise only adds, so two turns that
    fit are enough, and what looks otherwise is measured up to seven times.
    """
    spent = half = float("inf")
    for turn in range(_TURNS):
        spent, half = min(spent, cost(work)), min(half, cost(part))
        if turn and fits(spent, half):
            break
    return spent, half
