"""Measuring what a promise is about on a machine that is busy with other things.

A wall clock also measures how long the machine let others run. So work is measured in seconds of the processor
(`effort`), and waiting in turns of this process (`waiting`, `in_turns`): a turn counts as what it took, and never as
more than `_LONGEST_S`. On an idle machine both are what a clock would say, so a bound says the same.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_TURN_S = 0.01
_LONGEST_S = 0.02


@dataclass(slots=True)
class Effort:
    """What was spent, once the block has ended."""

    seconds: float = 0.0


@contextmanager
def effort() -> Iterator[Effort]:
    """Seconds of the processor that this thread spends, without collecting what earlier tests left."""
    spent = Effort()
    gc.disable()
    try:
        begun = time.thread_time()
        yield spent
        spent.seconds = time.thread_time() - begun
    finally:
        gc.enable()


class Waiting:
    """How long has been waited."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last = time.monotonic()

    def turn(self) -> None:
        """A turn has ended."""
        now = time.monotonic()
        self.seconds += min(now - self._last, _LONGEST_S)
        self._last = now


@contextmanager
def waiting() -> Iterator[Waiting]:
    """A watch that a thread of this process moves on at each of its turns."""
    watch, over = Waiting(), threading.Event()

    def run() -> None:
        while not over.wait(_TURN_S):
            watch.turn()

    thread = threading.Thread(target=run, name="watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()


async def in_turns(work: Awaitable[T], seconds: float) -> T:
    """What `work` gives, or `TimeoutError` when that takes longer than so many seconds of turns of this loop."""
    task, watch = asyncio.ensure_future(work), Waiting()
    try:
        while watch.seconds < seconds:
            if (await asyncio.wait({task}, timeout=_TURN_S))[0]:
                return task.result()
            watch.turn()
        raise TimeoutError(f"not within {seconds} s")
    finally:
        if task.cancel():
            with suppress(asyncio.CancelledError):
                await task
