"""Wait for conditions, and for nothing else. The bound is for failures alone: a busy machine is slower, never red."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count

MOST_S = 60.0
"""Seconds after which a condition counts as one that never comes."""

MEANWHILE: list[Callable[[], Awaitable[None]]] = []
"""What is done again and again while a test waits: the rounds of simulated nodes, which make none by themselves."""

_LOOK_S, _LOOK_QUICKLY_S = 0.01, 0.001
_LOOKS = 8
"""Looks between two turns of `MEANWHILE`: what a message sets going has ended after a few turns of the loop."""


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; `what` says in a failure what did not come. The condition may block."""
    now = asyncio.get_running_loop().time
    end = now() + MOST_S
    for looks in count(1):
        if await asyncio.to_thread(condition):
            return
        if now() > end:
            raise AssertionError(f"in {MOST_S:.0f} s it did not come: {what}")
        await asyncio.sleep(_LOOK_QUICKLY_S if MEANWHILE else _LOOK_S)
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
