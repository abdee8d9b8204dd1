"""Measure time-bound promises on a machine that is busy with other things."""

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
    """The seconds spent, once the block has ended."""

    seconds: float = 0.0


@contextmanager
def effort() -> Iterator[Effort]:
    """Measure the processor seconds of this thread, without collecting garbage of earlier tests."""
    spent = Effort()
    gc.disable()
    try:
        begun = time.thread_time()
        yield spent
        spent.seconds = time.thread_time() - begun
    finally:
        gc.enable()


def compute(seconds: float) -> None:
    """Keep a processor busy for so many seconds of this thread."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(100))


class Waiting:
    """How long has been waited."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last = time.monotonic()

    def turn(self) -> None:
        """Note that a turn has ended."""
        now = time.monotonic()
        self.seconds += min(now - self._last, _LONGEST_S)
        self._last = now


@contextmanager
def waiting() -> Iterator[Waiting]:
    """Yield a watch that a thread of this process moves on at each of its turns."""
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
    """Return the result of `work`.

    Raises `TimeoutError` when that takes more than so many seconds of turns of this loop.
    """
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
