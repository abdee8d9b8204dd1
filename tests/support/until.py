"""Wait for a condition. The one bound on waiting matters only where a test fails: a busy machine does not reach it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE_S = 90.0
"""How long a test waits for what must come: below the limit of a test, so that what has not come is named."""

_PAUSE_S = 0.01


async def until(condition: Callable[[], object], what: str = "what was waited for has not come") -> None:
    """Wait until a condition holds, which is looked at in a thread beside the loop."""
    ends = time.monotonic() + PATIENCE_S
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < ends, what
        await asyncio.sleep(_PAUSE_S)


def wait_until(condition: Callable[[], object], what: str = "what was waited for has not come") -> None:
    """Wait until a condition holds."""
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(_PAUSE_S)
