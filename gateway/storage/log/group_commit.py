"""Group commit: single entries that wait for a journal share one transaction of its log.

A thread that may block writes the waiting entries itself, its own and all others (`write_now`). An event loop must not
block: a worker writes the entries of its tasks (`write`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from gateway.errors import LiaisonError, StorageAway, StorageBroken
from gateway.ports.journal import EntryDraft, Journal, Logged, StoredAnswer

MAX_BATCH = 64

_Result = Logged | StoredAnswer | LiaisonError


class _Order:
    """A draft that waits, and its result."""

    def __init__(self, draft: EntryDraft) -> None:
        self.draft = draft
        self.result: _Result | None = None

    def settle(self, result: _Result) -> None:
        self.result = result


class _Awaited(_Order):
    """A draft for which a task of an event loop waits."""

    def __init__(self, draft: EntryDraft) -> None:
        super().__init__(draft)
        self.future: asyncio.Future[Logged] = asyncio.get_running_loop().create_future()

    def settle(self, result: _Result) -> None:
        self.future.get_loop().call_soon_threadsafe(self._settle, result)

    def _settle(self, result: _Result) -> None:
        if self.future.done():
            return
        if isinstance(result, LiaisonError):
            self.future.set_exception(result)
        elif isinstance(result, Logged):
            self.future.set_result(result)


class LogWriter:
    """Writes single entries to a journal. Thread-safe; an entry is durable and signed when its place is returned.

    `fatal` is called with a failure of the worker: the storage is broken, and the process ends.
    """

    def __init__(
        self, journal: Journal, name: str = "log", fatal: Callable[[BaseException], None] | None = None
    ) -> None:
        self._journal = journal
        self._fatal = fatal
        self._waiting: SimpleQueue[_Order | None] = SimpleQueue()
        self._pen = threading.Lock()
        self._worker = threading.Thread(target=self._work, name=f"write-{name}", daemon=True)

    def start(self) -> None:
        """Start the worker."""
        self._worker.start()

    def stop(self, timeout: float) -> None:
        """Write the waiting entries, then end the worker."""
        self._waiting.put(None)
        self._worker.join(timeout)

    async def write(self, draft: EntryDraft) -> Logged:
        """Write an entry and return its place. Raises what the journal raises for this draft."""
        order = _Awaited(draft)
        self._waiting.put(order)
        return await order.future

    def write_now(self, draft: EntryDraft) -> Logged | StoredAnswer:
        """Write an entry. Return its place, or the stored answer if its claim lost. Raises what the journal raises."""
        order = _Order(draft)
        self._waiting.put(order)
        with self._pen:
            while order.result is None and (batch := self._batch()):
                self._commit_or_fail(batch)
        if order.result is None:  # the thread that wrote it ended with an unforeseen error
            raise StorageBroken("the entry was not written", where=draft.kind)
        if isinstance(order.result, LiaisonError):
            raise order.result
        return order.result

    def _work(self) -> None:
        try:
            while (first := self._waiting.get()) is not None:
                with self._pen:
                    batch = self._batch(first)
                    try:
                        self._commit(batch)
                    except StorageAway as error:  # it ends the work that is under way, and no process
                        for order in batch:
                            order.settle(error)
        except BaseException as error:
            if self._fatal is None:
                raise
            self._fatal(error)

    def _batch(self, *first: _Order) -> list[_Order]:
        """Return the waiting entries, as many as a transaction takes."""
        batch = list(first)
        try:
            while len(batch) < MAX_BATCH:
                order = self._waiting.get_nowait()
                if order is None:
                    self._waiting.put(None)  # the worker ends after the waiting entries
                    break
                batch.append(order)
        except Empty:
            pass
        return batch

    def _commit_or_fail(self, batch: list[_Order]) -> None:
        try:
            self._commit(batch)
        except StorageBroken as error:
            for order in batch:
                order.settle(error)

    def _commit(self, batch: list[_Order]) -> None:
        """Write a batch. Raises `StorageBroken`; an error of one draft is settled with that draft."""
        try:
            places = self._journal.append([order.draft for order in batch])
        except StorageBroken:
            raise
        except LiaisonError as error:
            if len(batch) == 1:
                batch[0].settle(error)
                return
            for order in batch:  # one of them is at fault: the others must not fail with it
                self._commit([order])
            return
        for order, place in zip(batch, places, strict=True):
            order.settle(place)


@dataclass(frozen=True, slots=True)
class LogWriters:
    """The writers of a node's two logs."""

    exchange: LogWriter
    operations: LogWriter
