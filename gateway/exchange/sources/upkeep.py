"""Bring key indexes of sources up to date beside the exchanges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from gateway.errors import StorageBroken, TimedOut, Unavailable, code_and_detail
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft


class SourceUpkeep:
    """The key indexes of one node. `refreshers` has a function for each source that updates its index, and blocks.

    Of sources that are processes, those that did not answer are looked at again by `look_again`.
    """

    def __init__(
        self, refreshers: Mapping[str, Callable[[], object]], write: Callable[[EntryDraft], Awaitable[object]]
    ) -> None:
        self._refreshers = refreshers
        self._write = write
        self._away: set[str] = set()
        # Threads of their own, so that a source that hangs takes none that other rounds need.
        self._threads = ThreadPoolExecutor(max(1, len(refreshers)), thread_name_prefix="upkeep")

    async def refresh(self, source: str) -> None:
        """Update the index of one source; a source that fails keeps its index, and the failure has an entry."""
        try:
            await self._look(source)
        except StorageBroken:
            raise
        except Exception as error:  # noqa: BLE001  # a source's failure is its own
            code, detail = code_and_detail(error)
            await self._write(events.SOURCE_FAILED.draft(source=source, code=code, detail=detail[:300]))

    async def look_again(self, processes: Collection[str]) -> None:
        """Look at those processes that did not answer the last look, so that one that goes on is told at once."""
        for source in self._away.intersection(processes):
            with suppress(Unavailable, TimedOut):
                await self._look(source)

    async def _look(self, source: str) -> None:
        self._away.discard(source)
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._refreshers[source])
        except (Unavailable, TimedOut):
            self._away.add(source)
            raise

    def close(self) -> None:
        """Begin no further refresh, and do not wait for a running one."""
        self._threads.shutdown(wait=False, cancel_futures=True)
