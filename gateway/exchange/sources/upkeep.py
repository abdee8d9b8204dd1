"""Bring key indexes of sources up to date beside the exchanges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from gateway.errors import StorageBroken, code_and_detail
from gateway.ports import events
from gateway.ports.journal import EntryDraft


class SourceUpkeep:
    """The key indexes of one node. `refreshers` has a function for each source that updates its index, and blocks."""

    def __init__(
        self, refreshers: Mapping[str, Callable[[], object]], write: Callable[[EntryDraft], Awaitable[object]]
    ) -> None:
        self._refreshers = refreshers
        self._write = write
        # Threads of their own, so that a source that hangs takes none that other rounds need.
        self._threads = ThreadPoolExecutor(max(1, len(refreshers)), thread_name_prefix="upkeep")

    async def refresh(self, source: str) -> None:
        """Update the index of one source; a source that fails keeps its index, and the failure has an entry."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._refreshers[source])
        except StorageBroken:
            raise
        except Exception as error:  # noqa: BLE001  # a source's failure is its own
            code, detail = code_and_detail(error)
            await self._write(events.SOURCE_FAILED.draft(source=source, code=code, detail=detail[:300]))

    def close(self) -> None:
        """Begin no further refresh, and do not wait for a running one."""
        self._threads.shutdown(wait=False, cancel_futures=True)
