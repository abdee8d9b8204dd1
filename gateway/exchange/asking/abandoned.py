"""After a crash the asking side notes the questions that it lost sight of: `abandoned` (design, section 7).

A node that has its log for itself does so when it starts. Where several processes share the log, a new one cannot know
which questions the others wait for: the leader notes questions whose time has long been over.

A notice has the same entry as a question, and is delivered until its time is over: the desk minds those that it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.log.succession import neighbour, split_name
from gateway.clock import Clock
from gateway.ports.documents import DocumentStore
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft
from gateway.ports.log_store import LogStore

GRACE_US = 120_000_000
"""A process writes the end of each of its questions within the budget; a question without one after this is lost."""

Minded = Callable[[str, str], bool]
"""Tells whether the desk knows the exchange with this member and id as a notice of ours."""

_LOOK_BACK = 4096
"""Entries before the end of the log that are read: far more than can be open at once."""

_ENDS = events.ARRIVALS | events.kinds(events.SILENT, events.TOO_MANY, events.ABANDONED)
_KIND = "abandoned"


def no_notice(_peer: str, _exchange_id: str) -> bool:
    """Tell that an exchange does not belong to the desk: for a node without one."""
    return False


def abandoned(store: LogStore, log: str, minded: Minded = no_notice) -> list[EntryDraft]:
    """Return an entry for each question at the end of `log` that has no entry of its end (`_ENDS`), but for notices."""
    open_: dict[str, Entry] = {}
    for entry in _newest(store, log):
        if entry.kind == events.ASKED.kind:
            open_[entry.exchange_id] = entry
        elif entry.kind in _ENDS:
            open_.pop(entry.exchange_id, None)
    return [_draft(entry) for entry in open_.values() if not minded(entry.peer, entry.exchange_id)]


def _newest(store: LogStore, log: str) -> Iterator[Entry]:
    """Yield the entries at the end of a log, after those of the log's number before where this one has few."""
    state = store.state(log)
    size = state.size if state else 0
    if size < _LOOK_BACK and split_name(log)[1] > 1:
        yield from _newest(store, neighbour(log, -1))
    for _, body, _ in store.bodies(log, max(0, size - _LOOK_BACK), size):
        yield parse_entry(body)


class LostQuestions:
    """Questions of processes that are gone. The place up to which the log was read is stored for the next leader."""

    def __init__(
        self, store: LogStore, log: str, documents: DocumentStore, clock: Clock, minded: Minded = no_notice
    ) -> None:
        self._store = store
        self._log = log
        self._documents = documents
        self._clock = clock
        self._minded = minded
        self._through_us = 0

    def find(self) -> list[EntryDraft]:
        """Return an entry for each question without an end whose time is over: no process waits for it."""
        until_us = self._clock.now_us() - GRACE_US
        asked: dict[str, tuple[int, int]] = {}
        for index, time_us, kind, exchange_id in self._store.of_kinds(
            self._log, {events.ASKED.kind, *_ENDS}, self._since_us()
        ):
            if kind == events.ASKED.kind:
                asked[exchange_id] = (index, time_us)
            else:
                asked.pop(exchange_id, None)
        over = [index for index, time_us in asked.values() if time_us < until_us]
        lost = [entry for index in over if not self._minded((entry := self._entry(index)).peer, entry.exchange_id)]
        # Notices that wait hold nothing back: once they are known as such, they are never looked at again.
        through = [time_us for _, time_us in asked.values() if time_us >= until_us]
        self._through_us = min([until_us, *through, *(entry.time_us for entry in lost)])
        return [_draft(entry) for entry in lost]

    def noted(self) -> None:
        """Remember that the questions of the last `find` have their entries."""
        self._documents.put(_KIND, self._log, str(self._through_us).encode())

    def _since_us(self) -> int:
        return int(self._documents.get(_KIND, self._log) or 0)

    def _entry(self, index: int) -> Entry:
        return parse_entry(next(iter(self._store.bodies(self._log, index, index + 1)))[1])


def _draft(entry: Entry) -> EntryDraft:
    return events.ABANDONED.draft(peer=entry.peer, exchange_id=entry.exchange_id, request_hash=entry.request_hash)
