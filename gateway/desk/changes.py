"""Tells those who watch the desk that something changed: pages, streams of events, notifications.

A change names work, threads and deliveries, and no content. It is told after its entry is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress

import msgspec

from gateway.ports.desk import DeskRows, Work

_MOST = 256
"""Changes that wait for one watcher; one that does not read loses the oldest, and is told so."""


class Change(msgspec.Struct, frozen=True):
    """The rows of one entry, as they were written. `missed` tells a watcher that it lost earlier changes."""

    rows: DeskRows
    missed: bool = False

    @property
    def works(self) -> tuple[Work, ...]:
        """The work that was raised or changed."""
        return self.rows.works


class Changes:
    """Hands each change to all watchers. For the loop of one process."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[Change]] = set()

    def tell(self, rows: DeskRows | None) -> None:
        """Tell all watchers of rows that are durable."""
        if rows is None:
            return
        for queue in self._watchers:
            change = Change(rows)
            if queue.full():
                with suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
                change = Change(rows, missed=True)
            queue.put_nowait(change)

    @contextmanager
    def _watching(self) -> Iterator[asyncio.Queue[Change]]:
        queue: asyncio.Queue[Change] = asyncio.Queue(_MOST)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    async def follow(self) -> AsyncGenerator[Change, None]:
        """Yield each change from now on."""
        with self._watching() as queue:
            while True:
                yield await queue.get()
