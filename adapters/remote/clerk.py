"""Calls that end at the same time share one transaction of the log: who holds the pen writes for all who wait."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from gateway.errors import LiaisonError, StorageBroken
from gateway.ports.journal import EntryDraft, Journal, Logged, StoredAnswer


@dataclass(slots=True)
class _Order:
    draft: EntryDraft
    done: bool = False
    error: LiaisonError | None = None
    places: list[Logged | StoredAnswer] = field(default_factory=list)


class Clerk:
    """Writes single entries to a journal. Thread-safe; the entry is durable when `write` returns."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._queue = threading.Lock()
        self._pen = threading.Lock()
        self._waiting: list[_Order] = []

    def write(self, draft: EntryDraft) -> Logged | StoredAnswer:
        """The entry's place, or what its claim lost to. Raises what the journal raises for this draft."""
        mine = _Order(draft)
        with self._queue:
            self._waiting.append(mine)
        with self._pen:
            if not mine.done:
                with self._queue:
                    batch, self._waiting = self._waiting, []
                self._write(batch)
        if mine.error is not None:
            raise mine.error
        if not mine.done:  # whoever wrote for us ended in something unforeseen
            raise StorageBroken("the entry was not written", where=mine.draft.kind)
        return mine.places[0]

    def _write(self, batch: list[_Order]) -> None:
        try:
            places = self._journal.append([order.draft for order in batch])
        except LiaisonError as error:
            if len(batch) > 1 and not isinstance(error, StorageBroken):
                for order in batch:  # one of them is at fault: the others must not pay for it
                    self._write([order])
                return
            for order in batch:
                order.done, order.error = True, error
            return
        for order, place in zip(batch, places, strict=True):
            order.places.append(place)
            order.done = True
