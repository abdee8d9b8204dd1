"""Wait for conditions, and for nothing else. The bound is for failures alone: a busy machine is slower, never red."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

MOST_S = 180.0
"""Seconds after which a condition counts as one that never comes: what takes one at rest may take many beside load."""

MEANWHILE: list[Callable[[], Awaitable[None]]] = []
"""What is done again and again while a test waits: the rounds of simulated nodes, which make none by themselves."""

_LOOK_S, _LOOK_QUICKLY_S = 0.01, 0.001
_LOOKS = 8
"""Looks between two turns of `MEANWHILE`: what a message sets going has ended after a few turns of the loop."""


async def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until a condition holds, and return what it gave; `what` says in a failure what did not come.

    The condition may block, or be a coroutine.
    """
    now = asyncio.get_running_loop().time
    end = now() + MOST_S
    looks = 0
    while True:
        is_coroutine = inspect.iscoroutinefunction(condition)
        if found := await (condition() if is_coroutine else asyncio.to_thread(condition)):
            return found
        if now() > end:
            raise AssertionError(f"in {MOST_S:.0f} s it did not come: {what}")
        await asyncio.sleep(_LOOK_QUICKLY_S if MEANWHILE else _LOOK_S)
        looks += 1
        if looks % _LOOKS == 0:
            for work in MEANWHILE:
                await work()


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds, where no loop runs."""
    end = time.monotonic() + MOST_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"in {MOST_S:.0f} s it did not come: {what}")
        time.sleep(_LOOK_S)
