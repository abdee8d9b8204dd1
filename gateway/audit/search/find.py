"""Answer an auditor's questions to a log: who saw this record, what did this officer do, every question about this
person.

1. the index is brought up to date (`gateway.audit.search.index`);
2. the index names entries that fit; those that are in no block of the index are opened one by one;
3. every entry that is shown is opened, and its own content must fit.

So a wrong index can leave entries out, which only a complete search finds (`find_all`), but it can bring none in: one
that does not fit is an error.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import or_

from gateway.audit.reading.opened import Opened
from gateway.audit.search.index import (
    CLOSED,
    LOST,
    MARKS,
    PUBLIC,
    IndexKeeper,
    Progress,
    SearchedLogs,
    exchange_term,
    kind_term,
    peer_term,
    whole_blocks,
)
from gateway.audit.search.postings import BLOCK, label, places_of, unseal
from gateway.audit.search.question import Group, Question, fits, terms_of_opened
from gateway.errors import Contradicted, Unknown
from gateway.storage.documents.find_file import FindFile, Part, Span

_ALL = (1 << BLOCK) - 1
_STEP = 8_192


@dataclass(slots=True)
class Found:
    """The result: how many entries fit, and the newest of them with the log's name, newest first.

    `closed` counts entries that fit by their public part and whose content cannot be seen, `lost` those whose key
    is not there and was not destroyed, `tally` those that fit and have a term, by term.
    """

    count: int = 0
    closed: int = 0
    lost: int = 0
    entries: list[tuple[str, Opened]] = field(default_factory=list)
    tally: dict[str, int] = field(default_factory=dict)

    def trim(self, limit: int) -> None:
        """Keep the newest `limit` entries."""
        self.entries.sort(key=lambda item: (item[1].entry.time_us, item[0], item[1].entry.index), reverse=True)
        del self.entries[limit:]


Keep = Callable[[Opened], bool]
"""Tells whether an entry that fits may be found. With it every entry that fits is opened, and only the allowed are
counted."""

Take = Callable[[str, Opened], object]
"""Takes an entry that fits, with the name of its log."""

Tally = Callable[[Found], Sequence[str]]
"""Returns the terms by which all fitting entries are to be counted, from the newest of them."""


def find(
    logs: SearchedLogs,
    index: FindFile,
    question: Question,
    limit: int,
    progress: Progress | None = None,
    keep: Keep | None = None,
    tally: Tally | None = None,
) -> Found:
    """Carry out steps 1 to 3. Raises `Contradicted` where index or content do not fit the log, `Unavailable`.

    With `tally` the result is also counted by terms, which costs a look at the parts that had hits.
    """
    keeper = IndexKeeper(logs, index)
    keeper.catch_up(progress)
    found = Found()
    searches = [
        _Search(logs, index, keeper, log, question, limit, keep, is_counted=tally is not None)
        for log in logs.logs()
        if question.of_log(log)
    ]
    for search in searches:
        part = search.run()
        found.count += part.count
        found.closed += part.closed
        found.lost += part.lost
        found.entries += part.entries
    found.trim(limit)
    if tally is not None:
        found.tally = {term: sum(search.having(term) for search in searches) for term in tally(found)}
    return found


def find_all(
    logs: SearchedLogs,
    question: Question,
    limit: int,
    sizes: Mapping[str, int],
    progress: Progress | None = None,
    keep: Keep | None = None,
) -> Found:
    """Search without an index: open every entry, as many of each log as `sizes` says were verified."""
    found = Found()
    bounds = {log: logs.bounds(log) for log in logs.logs() if question.of_log(log)}
    bounds = {log: (start, min(stop, start + sizes.get(log, 0))) for log, (start, stop) in bounds.items()}
    total, done = sum(stop - start for start, stop in bounds.values()), 0
    for log, (start, stop) in bounds.items():
        for first in range(start, stop, _STEP):
            last = min(stop, first + _STEP)
            _take(found, log, _fitting(found, logs.rows(log, first, last), question, logs, keep))
            found.trim(limit)
            done += last - first
            if progress is not None:
                progress(done, total)
    return found


def find_each(
    logs: SearchedLogs, index: FindFile, question: Question, take: Take, progress: Progress | None = None
) -> int:
    """Carry out steps 1 to 3 and hand every entry that fits to `take`; none of them is kept in memory.

    Return how many entries may fit and could not be opened, for their key is lost. Raises like `find`.
    """
    keeper = IndexKeeper(logs, index)
    keeper.catch_up(progress)
    lost = 0
    for log in logs.logs():
        if question.of_log(log):
            handed = partial(_handed, take, log)
            lost += _Search(logs, index, keeper, log, question, 0, handed, is_counted=False).run().lost
    return lost


def read_each(logs: SearchedLogs, question: Question, take: Take, progress: Progress | None = None) -> int:
    """Hand every entry that fits to `take` as `find_each` does, and open every entry for it, without an index."""
    bounds = {log: logs.bounds(log) for log in logs.logs() if question.of_log(log)}
    return sum(
        find_all(logs, question, 0, {log: bounds[log][1]}, progress, partial(_handed, take, log)).lost for log in bounds
    )


def _handed(take: Take, log: str, opened: Opened) -> bool:
    take(log, opened)
    return False


def _fitting(
    found: Found, rows: Iterator[Opened], question: Question, logs: SearchedLogs, keep: Keep | None
) -> Iterator[Opened]:
    """Yield the entries among `rows` that fit, and count the closed ones."""
    for opened in rows:
        if opened.private is None and question.private:
            does_fit = question.public_fits(opened.entry)
            found.closed += does_fit
            found.lost += does_fit and opened.lost
        elif fits(question, opened, logs.resolve) and (keep is None or keep(opened)):
            yield opened


def _take(found: Found, log: str, rows: Iterator[Opened]) -> None:
    for opened in rows:
        found.count += 1
        found.entries.append((log, opened))


class _Search:
    """Steps 2 and 3 for one log."""

    def __init__(
        self,
        logs: SearchedLogs,
        index: FindFile,
        keeper: IndexKeeper,
        log: str,
        question: Question,
        limit: int,
        keep: Keep | None,
        *,
        is_counted: bool,
    ) -> None:
        self._logs = logs
        self._index = index
        self._keeper = keeper
        self._log = log
        self._question = question
        self._limit = limit
        self._keep = keep
        self._is_counted = is_counted
        self._found = Found()
        self._public = list(_public_groups(question))
        self._term_keys: dict[tuple[str, str], bytes] = {}
        self._read_terms: list[frozenset[str]] = []
        self._hits: list[tuple[Part, int]] = []

    def run(self) -> Found:
        start, stop = self._logs.bounds(self._log)
        whole = whole_blocks(start, stop)
        if not whole:
            self._read(start, stop)
            return self._found
        self._read(whole.stop * BLOCK, stop)
        there = {span.number: span for span in self._index.spans(self._log) if span.number in whole}
        spans = [span for span in there.values() if self._in_time(span)]
        if spans:
            self._blocks(spans)
        for number in whole:
            if number not in there:  # the log has filled it since, or it could not be added
                self._read_block(number)
        self._read(start, whole.start * BLOCK)
        return self._found

    def _read(self, start: int, stop: int) -> None:
        """Search entries that are in no block of the index."""
        rows = self._logs.rows(self._log, start, stop) if start < stop else iter(())
        fitting = list(_fitting(self._found, rows, self._question, self._logs, self._keep))
        if self._is_counted:
            fields = self._question.fields
            self._read_terms += [terms_of_opened(opened, self._logs.resolve, fields) for opened in fitting]
        _take(self._found, self._log, iter(fitting))
        self._found.trim(self._limit)

    def _read_block(self, number: int) -> None:
        self._read(number * BLOCK, (number + 1) * BLOCK)

    def having(self, term: str) -> int:
        """Return how many of the fitting entries have this term, too. Its field must be one of the question's."""
        group = frozenset((term,))
        among = sum((bits & self._any_of(part, group)).bit_count() for part, bits in self._hits)
        return among + sum(term in terms for terms in self._read_terms)

    def _in_time(self, span: Span) -> bool:
        until_us = self._question.until_us
        return span.last_us >= self._question.since_us and (not until_us or span.first_us < until_us)

    def _blocks(self, spans: Sequence[Span]) -> None:
        parts: dict[int, list[Part]] = {span.number: [] for span in spans}
        for part in self._index.parts(self._log, spans[-1].number, spans[0].number):
            if part.block in parts:
                parts[part.block].append(part)
        for span in spans:
            try:
                looked = self._look(span, parts[span.number])
            except Unknown:  # a key was destroyed since: what it kept is under another
                looked = None
            if looked is None or parts[span.number] != list(self._index.parts(self._log, span.number, span.number)):
                self._read_block(span.number)  # another process has removed it since
                continue
            bits, closed, lost, hits = looked
            self._found.closed += closed
            self._found.lost += lost
            self._hits += hits
            self._open(span.number, bits)

    def _look(self, span: Span, parts: Sequence[Part]) -> tuple[int, int, int, list[tuple[Part, int]]] | None:
        """Return the entries of a block that fit, how many are closed and lost, and the entries by part. None for a
        block that is gone. Raises `Unknown`."""
        public = next((part for part in parts if part.key_id == PUBLIC), None)
        if public is None:
            return None
        bits = self._all_of(public, self._public) & self._time_bits(span)
        if not bits or not self._question.private:
            return bits, 0, 0, []
        closed, lost = ((bits & self._any_of(public, frozenset((term,)))).bit_count() for term in (CLOSED, LOST))
        hits = [(part, found) for part in parts if (found := self._private(part) & bits)]
        return reduce(or_, (found for _, found in hits), 0), closed, lost, hits

    def _time_bits(self, span: Span) -> int:
        question = self._question
        if question.since_us <= span.first_us and (not question.until_us or span.last_us < question.until_us):
            return _ALL
        times = array("q", self._index.times(span))
        low = bisect_left(times, question.since_us)
        high = bisect_left(times, question.until_us) if question.until_us else BLOCK
        return ((1 << high) - 1) & ~((1 << low) - 1) if high > low else 0

    def _private(self, part: Part) -> int:
        if part.key_id == PUBLIC or part.key_id.startswith(MARKS):
            return 0
        return reduce(or_, (self._all_of(part, groups) for groups in self._question.alternatives), 0)

    def _all_of(self, part: Part, groups: Sequence[Group]) -> int:
        bits = _ALL
        for group in groups:
            bits &= self._any_of(part, group)
            if not bits:
                return 0
        return bits

    def _any_of(self, part: Part, group: Group) -> int:
        bits = 0
        for term in group:
            key = self._term_key(part.key_id, term)
            posting = self._index.posting(part.id, label(key, part.salt))
            if posting is not None:
                bits |= unseal(key, part.salt, posting)
        return bits

    def _term_key(self, key_id: str, term: str) -> bytes:
        key = self._term_keys.get((key_id, term))
        if key is None:
            key = self._term_keys[(key_id, term)] = self._keeper.term_keys(key_id).of(term)
        return key

    def _open(self, block: int, bits: int) -> None:
        """Carry out step 3 for the newest entries of a block, as many as are still wanted; count the others."""
        room = bits.bit_count()
        if self._keep is None:
            room = min(room, max(0, self._limit - len(self._found.entries)))
            self._found.count += bits.bit_count() - room
        wanted = [block * BLOCK + place for place in places_of(bits)[:room]] if room else []
        for opened in reversed(list(self._logs.at(self._log, wanted[::-1]))):
            if opened.private is None and self._question.private:
                self._found.closed += 1  # erased after the index was looked at
                self._found.lost += opened.lost
            elif not fits(self._question, opened, self._logs.resolve):
                raise _wrong(self._log, opened.entry.index)
            elif self._keep is None or self._keep(opened):
                self._found.count += 1
                if len(self._found.entries) < self._limit:
                    self._found.entries.append((self._log, opened))


def _public_groups(question: Question) -> Iterator[Group]:
    if question.kinds:
        yield frozenset(map(kind_term, question.kinds))
    if question.peers:
        yield frozenset(map(peer_term, question.peers))
    if question.exchange_id:
        yield frozenset((exchange_term(question.exchange_id),))


def _wrong(log: str, index: int) -> Contradicted:
    return Contradicted(
        "entry {index} is not what the search index says",
        code="search-index",
        where=log,
        remedy="build the index anew (--rebuild), and verify the log: `liaison audit verify`",
        index=index,
    )
