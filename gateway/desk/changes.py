"""Tells those who watch the desk that something changed: pages, streams of events, notifications.

A change names work, threads and deliveries, and no content. It is told after its entry is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from gateway.ports.desk import DeskRows, Work

_MOST = 256
"""Changes that wait for one watcher; one that does not read loses the oldest, and is told so."""


PAUSE_S = 0.2
"""Seconds between two looks of one who follows, so that a burst of notices costs a few looks and not one each."""


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

    def tell(self, rows: DeskRows) -> None:
        """Tell all watchers of rows that are durable."""
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

    async def looks(
        self, concerns: Callable[[Change], bool], look: Callable[[], object], look_s: float
    ) -> AsyncGenerator[None, None]:
        """Yield after each change that concerns the follower, and each time that `look` returns something new.

        `look` reads rows, in a thread, at least every `look_s` seconds: no change tells what another process wrote, or
        what the clock ended.
        """
        changes, loop = self.follow(), asyncio.get_running_loop()
        newer: asyncio.Future[Change] = asyncio.ensure_future(anext(changes))
        try:
            seen, next_look = await asyncio.to_thread(look), loop.time() + look_s
            while True:
                done, _ = await asyncio.wait((newer,), timeout=max(0.0, next_look - loop.time()))
                is_told = bool(done) and concerns(newer.result())
                if done:
                    newer = asyncio.ensure_future(anext(changes))
                if not is_told and loop.time() < next_look:
                    continue
                found, next_look = await asyncio.to_thread(look), loop.time() + look_s
                if is_told or found != seen:
                    seen = found
                    yield None
                    await asyncio.sleep(PAUSE_S)
        finally:
            newer.cancel()
            with suppress(asyncio.CancelledError):
                await newer
            await changes.aclose()

    async def follow(self) -> AsyncGenerator[Change, None]:
        """Yield each change from now on."""
        with self._watching() as queue:
            while True:
                yield await queue.get()
