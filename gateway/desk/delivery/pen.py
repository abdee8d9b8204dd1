"""The one writer of the desk in a process: entries with rows, in batches that each hold a thread once.

An order reads the thread and drafts its entry in the worker's thread, so that two orders of one thread never build on
the same state. Another process may write to the same thread; the journal then raises `Outdated`, and the order drafts
its entry anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.errors import LiaisonError, Outdated, StorageBroken
from gateway.exchange.stages import Stage, Turn, as_error, reraise_fatal
from gateway.model.desk.threads import ThreadKey
from gateway.ports.journal import EntryDraft, Journal, Logged, LogName, StoredAnswer

_ATTEMPTS = 8
"""Drafts of one order, while other processes keep changing its thread."""


@dataclass(frozen=True, slots=True)
class Written:
    """An entry with the draft that became it; `stored` is the answer of another one that was first."""

    draft: EntryDraft
    logged: Logged | None
    stored: StoredAnswer | None = None


@dataclass(slots=True)
class _Order:
    line: str
    key: ThreadKey
    make: Callable[[], EntryDraft]
    future: asyncio.Future[Written]
    rank: int = 0
    draft: EntryDraft | None = field(default=None)

    def settle(self, result: Written | LiaisonError, wrote: Callable[[Written], None]) -> None:
        """Hand the result over to the loop, where `wrote` is called with what was written."""

        def tell() -> None:
            if isinstance(result, Written):
                wrote(result)
            if self.future.done():
                return
            if isinstance(result, LiaisonError):
                self.future.set_exception(result)
            else:
                self.future.set_result(result)

        self.future.get_loop().call_soon_threadsafe(tell)


class Pen:
    """Writes the desk's entries.

    `wrote` is called, on the loop, with each entry that is durable. `fatal` is called with a failure of the storage:
    the process ends.
    """

    def __init__(
        self,
        journals: Mapping[LogName, Journal],
        fatal: Callable[[BaseException], None],
        wrote: Callable[[Written], None],
        turn: Turn | None = None,
    ) -> None:
        self._journals = journals
        self._wrote = wrote
        self._stage = Stage[_Order]("desk", self._work, fatal, turn)

    def start(self) -> None:
        """Start the worker."""
        self._stage.start()

    def stop(self, timeout: float) -> None:
        """Write what waits, then end the worker."""
        self._stage.stop(timeout)

    async def write(self, line: str, key: ThreadKey, make: Callable[[], EntryDraft]) -> Written:
        """Write the entry that `make` drafts, in the turn of `line` (a member). Raises what `make` or the journal does.

        `make` runs in the worker, where it may read the desk's store; it may run again where its thread has changed.
        """
        order = _Order(line, key, make, asyncio.get_running_loop().create_future())
        self._stage.put(order)
        return await order.future

    # ------------------------------------------------------------ in the worker

    def _work(self, batch: list[_Order]) -> None:
        while batch:
            taken: set[ThreadKey] = set()
            now: list[_Order] = []
            later: list[_Order] = []
            for order in batch:
                (later if order.key in taken else now).append(order)
                taken.add(order.key)
            self._write_all([order for order in now if self._drafted(order)])
            batch = later

    def _drafted(self, order: _Order) -> bool:
        try:
            order.draft = order.make()
        except Exception as error:  # noqa: BLE001 - one order that cannot be drafted must not cost the batch
            reraise_fatal(error)
            order.settle(as_error(error), self._wrote)
            return False
        return True

    def _write_all(self, orders: Sequence[_Order]) -> None:
        for log, journal in self._journals.items():
            mine = [order for order in orders if order.draft is not None and order.draft.event.log is log]
            if mine:
                self._append(journal, mine)

    def _append(self, journal: Journal, orders: Sequence[_Order]) -> None:
        try:
            places = journal.append([order.draft for order in orders if order.draft is not None])
        except StorageBroken:
            raise
        except LiaisonError as error:
            if len(orders) > 1:
                for order in orders:  # one of them is at fault: the others must not fail with it
                    self._append_one(journal, order)
            else:
                self._failed(journal, orders[0], error, _ATTEMPTS)
            return
        for order, place in zip(orders, places, strict=True):
            self._settle(order, place)

    def _append_one(self, journal: Journal, order: _Order, attempts: int = _ATTEMPTS) -> None:
        assert order.draft is not None
        try:
            (place,) = journal.append([order.draft])
        except StorageBroken:
            raise
        except LiaisonError as error:
            self._failed(journal, order, error, attempts)
            return
        self._settle(order, place)

    def _failed(self, journal: Journal, order: _Order, error: LiaisonError, attempts: int) -> None:
        """Draft an order anew whose thread another process has changed; settle it with any other error."""
        if not isinstance(error, Outdated) or attempts <= 0:
            order.settle(error, self._wrote)
        elif self._drafted(order):
            self._append_one(journal, order, attempts - 1)

    def _settle(self, order: _Order, place: Logged | StoredAnswer) -> None:
        assert order.draft is not None
        stored = None if isinstance(place, Logged) else place
        written = Written(order.draft, place if isinstance(place, Logged) else None, stored)
        order.settle(written, self._wrote)
