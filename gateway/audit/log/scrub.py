"""The weekly scrubber (design, section 7): it reads and hashes a log's entries again, a piece at a time.

A node that runs for months would notice a flipped bit in an old entry only when the entry is asked for, and by then
every backup may hold it, too. Entries are compared with the tree that signs. What a start of a very long log did not
hash is hashed within the first hour after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from gateway.clock import Clock
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft

WEEK_S = 7 * 24 * 3600.0
"""The longest time of a pass over a log, and the time between the beginnings of two passes, in seconds."""

FIRST_S = 3600.0
"""The longest time of the pass over what the start did not hash."""

PIECE = 512
"""The fewest entries of a log that are hashed in a round."""


class Reread(Protocol):
    """A log that can hash its entries again; `gateway.audit.log.log.AuditLog` is one."""

    @property
    def store_name(self) -> str:
        """The log's name and number."""

    @property
    def size(self) -> int:
        """The number of entries."""

    @property
    def hashed_from(self) -> int:
        """The index from which on entries were hashed when the log was opened."""

    def reread(self, first: int, stop: int) -> None:
        """Raise `StorageBroken` unless the entries in [first, stop) are what was written."""


@dataclass(slots=True)
class _Pass:
    """The progress of a pass over a log: `place` of `size` entries, in `within_s` at most. `due` is when the next one
    begins."""

    log: Reread
    due: float
    place: int = 0
    size: int = 0
    within_s: float = WEEK_S


class Scrubber:
    """Passes over the logs of one node. One thread at a time. `every_s` is the time between two rounds."""

    def __init__(self, logs: Iterable[Reread], clock: Clock, every_s: float) -> None:
        self._clock = clock
        self._every_s = every_s
        week = clock.monotonic() + WEEK_S  # by then the rest was hashed when the log was opened
        self._passes = [_Pass(log, week, size=log.hashed_from, within_s=FIRST_S) for log in logs]

    def round(self) -> list[EntryDraft]:
        """Hash the next piece of each log, and return an entry for each pass that came to its end.

        Raises `StorageBroken` when an entry is not what was written: nothing may be signed over it any more.
        """
        return [draft for each in self._passes if (draft := self._go_on(each)) is not None]

    def _go_on(self, each: _Pass) -> EntryDraft | None:
        if each.place == each.size:
            now = self._clock.monotonic()
            if now < each.due:
                return None
            each.place, each.size, each.due, each.within_s = 0, each.log.size, now + WEEK_S, WEEK_S
        piece = max(PIECE, int(each.size * self._every_s / each.within_s) + 1)
        stop = min(each.size, each.place + piece)
        each.log.reread(each.place, stop)
        each.place = stop
        if stop < each.size:
            return None
        return events.SCRUBBED.draft(log=each.log.store_name, size=each.size)
