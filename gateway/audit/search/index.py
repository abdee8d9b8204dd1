"""Keep a search index up to date: whole blocks of entries are opened and added, in any order, and never changed.

A search does it, and `liaison audit index` at quiet hours; an exchange does not. A block with a part under a key that
is gone is removed, and added anew from the rest of its entries. So is one with an entry that was closed, once the key
of that is there again.
"""

from __future__ import annotations

import os
from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from gateway.audit.reading.opened import Opened, OpenedLogs
from gateway.audit.search.postings import BLOCK, SALT_BYTES, TermKeys, seal
from gateway.audit.search.question import terms_of_opened
from gateway.audit.search.terms import Resolve
from gateway.errors import Unknown
from gateway.storage.documents.find_file import FindFile, NewPart

PUBLIC = "public"
"""The key id of the part with the public terms of all entries of a block: it is under no key."""

CLOSED = "closed"
"""The term of entries whose content cannot be seen."""

LOST = "lost"
"""The term of those among them whose key is not there and was not destroyed."""

MARKS = ("erased:", "lost:")
"""The marks before the id of a key that was not there when a block was added, with entries under it: such a part has no
postings."""

_TRIES = 5

Progress = Callable[[int, int], None]
"""Called with the number of entries that were added, and of all that have to be."""


class SearchedLogs(OpenedLogs, Protocol):
    """Logs that are searched, with the keys of their index."""

    @property
    def resolve(self) -> Resolve | None:
        """The function that resolves a hit's reference, or None; only the home that made the reference has it."""

    @property
    def belongs(self) -> str:
        """The name of the logs that an index of them carries; may be empty."""

    def key_ids(self) -> frozenset[str]:
        """Return ids of the keys that content can still be under."""

    def is_destroyed(self, key_id: str) -> bool:
        """Tell whether a key was destroyed; false for one that is there or was never known."""

    def search_key(self, key_id: str) -> bytes:
        """Return the key of a part whose content is under `key_id`. Raises `Unknown` when that is gone."""


class IndexKeeper:
    """Brings `index` up to date with `logs`."""

    def __init__(self, logs: SearchedLogs, index: FindFile) -> None:
        self._logs = logs
        self._index = index
        self._keys: dict[str, TermKeys] = {}

    def term_keys(self, key_id: str) -> TermKeys:
        """Return the maker of term keys for parts under `key_id`. Raises `Unknown` when it is gone."""
        made = self._keys.get(key_id)
        if made is None:
            made = self._keys[key_id] = TermKeys(bytes(32) if key_id == PUBLIC else self._logs.search_key(key_id))
        return made

    def catch_up(self, progress: Progress | None = None) -> int:
        """Remove blocks under keys that are gone. Add the whole blocks that are missing, and return their number."""
        self.forget()
        missing = [(log, number) for log in self._logs.logs() for number in self._missing(log)]
        for done, (log, number) in enumerate(missing):
            if progress is not None:
                progress(done * BLOCK, len(missing) * BLOCK)
            self._add(log, number)
        return len(missing)

    def missing(self) -> int:
        """Return how many entries of whole blocks are still to be added."""
        return sum(len(self._missing(log)) for log in self._logs.logs()) * BLOCK

    def forget(self) -> int:
        """Remove blocks that no more say what a new one would, for a key that is gone or there again, and blocks before
        the first entry. Return how many."""
        live = self._logs.key_ids() | {PUBLIC}
        count = 0
        for key_id in self._index.key_ids():
            if not self._stands(key_id, live):
                self._keys.pop(key_id, None)
                while self._index.drop_block_of(key_id):
                    count += 1
        for log in self._logs.logs():
            whole = whole_blocks(*self._logs.bounds(log))
            for span in self._index.spans(log):
                if span.number < whole.start:  # its entries were pruned
                    self._index.drop_block(span)
                    count += 1
        return count

    def _stands(self, key_id: str, live: Collection[str]) -> bool:
        """Tell whether a part is still what it was, by its key id or mark."""
        for mark in MARKS:
            if key_id.startswith(mark):
                key_id = key_id.removeprefix(mark)
                return key_id not in live and (mark == "lost:") != self._logs.is_destroyed(key_id)
        return key_id in live

    def _missing(self, log: str) -> list[int]:
        there = {span.number for span in self._index.spans(log)}
        return [number for number in whole_blocks(*self._logs.bounds(log)) if number not in there]

    def _add(self, log: str, number: int) -> None:
        """Add a block, read anew where a key was destroyed since its entries were opened: what was kept of them is
        under another. One that never holds still is not added, so that a search reads its entries."""
        for _ in range(_TRIES):
            entries = list(self._logs.rows(log, number * BLOCK, (number + 1) * BLOCK))
            times = array("q", (opened.entry.time_us for opened in entries))
            with suppress(Unknown):
                parts = list(self._parts(number, entries))
                self._index.add(log, number, (times[0], times[-1]), times.tobytes(), parts)
                return

    def _parts(self, number: int, entries: Sequence[Opened]) -> Iterator[NewPart]:
        found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for opened in entries:
            place = opened.entry.index - number * BLOCK
            for term in public_terms(opened):
                found[PUBLIC][term].append(place)
            for term in terms_of_opened(opened, self._logs.resolve):
                found[opened.key_id][term].append(place)
        closed = {(opened.lost, opened.key_id) for opened in entries if opened.private is None and opened.key_id}
        for is_lost, key_id in sorted(closed):
            yield NewPart(MARKS[is_lost] + key_id, b"", ())
        for key_id, terms in found.items():
            keys = self.term_keys(key_id)
            salt = os.urandom(SALT_BYTES)
            yield NewPart(key_id, salt, [seal(keys.of(term), salt, places) for term, places in terms.items()])


def whole_blocks(start: int, stop: int) -> range:
    """Return the numbers of the blocks that lie wholly in [start, stop)."""
    return range(-(-start // BLOCK), stop // BLOCK)


def public_terms(opened: Opened) -> Iterator[str]:
    """Yield the terms of an entry's public part, and `CLOSED` and `LOST` where its content cannot be seen."""
    entry = opened.entry
    yield kind_term(entry.kind)
    yield peer_term(entry.peer)
    if entry.exchange_id:
        yield exchange_term(entry.exchange_id)
    if opened.private is None:
        yield CLOSED
    if opened.lost:
        yield LOST


def kind_term(kind: str) -> str:
    """Return the term of a kind of entry."""
    return f"kind={kind}"


def peer_term(peer: str) -> str:
    """Return the term of a counterpart."""
    return f"peer={peer}"


def exchange_term(exchange_id: str) -> str:
    """Return the term of an exchange."""
    return f"exchange={exchange_id}"
