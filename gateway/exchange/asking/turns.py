"""Turns of the loop for pieces of work: one piece in each, so that many at once do not hold the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Turns:
    """Gives out turns, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._taken = asyncio.Lock()

    async def take(self, work: Callable[[], T]) -> T:
        """Do `work` in a turn of its own, and return its result."""
        async with self._taken:
            try:
                return work()
            finally:
                await asyncio.sleep(0)
