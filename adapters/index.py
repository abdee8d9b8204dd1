"""Search through the key index of one source, and fetch through the source itself.

Search reads the index only: what fits is found, scored, marked and capped without touching the agency's system,
so that hiding is decided before anything is fetched, and a hidden record costs the same work as an open one
(design, section 5). The index is built anew when the mapping or the rows of the source have changed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from adapters import index_rows
from adapters.base import MAX_CANDIDATES, Changes, best, check_deadline
from adapters.index_rows import decode_marking, index_record, queries_of
from adapters.lookup import identifier_candidates, person_candidates
from adapters.mapping import Mapping as SourceMapping
from adapters.rows import Builder, Rows
from gateway import matching
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, Unavailable, Unknown
from gateway.model.hit import Candidate, SearchResult, SourceRecord
from gateway.model.marking import Marking
from gateway.model.query import PersonQuery, Query
from gateway.ports import SourceDescription
from gateway.storage.index_store import IndexStore, IndexWriter

Progress = Callable[[str, int, int], None]
"""Told of record type, rows done, rows in all, every few thousand rows."""

_PROGRESS_ROWS = 2_000
_HEALTH_SECONDS = 1.0


class RowSource(Protocol):
    """A source of rows that can be indexed and read by key (`adapters.sql`)."""

    @property
    def mapping(self) -> SourceMapping:
        """How its rows become records."""

    @property
    def builders(self) -> Mapping[str, Builder]:
        """What makes the records, by type."""

    def scan(self, record_type: str) -> Iterator[tuple[Rows | None, dict[str, list[Any]], str]]:
        """All rows of a record type, with links, or None and the reason."""

    def read(self, record_type: str, key: str, links: Mapping[str, Any], deadline: float) -> Rows:
        """The rows of one record, or `Unknown`."""

    def ping(self, deadline: float) -> None:
        """Raise `LiaisonError` when the source cannot be asked."""

    def has_links(self, record_type: str) -> bool:
        """Whether joined rows are found through links."""

    def count(self, record_type: str) -> int:
        """Rows of the record's table."""

    def fingerprint(self) -> str:
        """A text that changes with the rows."""

    def close(self) -> None:
        """End all connections."""


def build_index(source: RowSource, path: Path, progress: Progress | None = None) -> None:
    """Build the index of `source` at `path`. What cannot be read is left out and counted by reason, in `meta`.

    Raises `Unavailable` when the source or the index's disk fails; the old index then stays in place.
    """
    cursor = cursor_of(source)
    left_out: dict[str, Counter[str]] = {}
    with IndexWriter(path) as writer:
        for record_type in source.mapping.records:
            left_out[record_type] = _index_type(source, record_type, writer, progress)
        writer.finish([("cursor", cursor), ("left_out", json.dumps(left_out, sort_keys=True))])


def _index_type(source: RowSource, record_type: str, writer: IndexWriter, progress: Progress | None) -> Counter[str]:
    builder = source.builders[record_type]
    total = source.count(record_type) if progress else 0
    reasons: Counter[str] = Counter()
    done = 0
    for rows, links, why in source.scan(record_type):
        done += 1
        if progress and done % _PROGRESS_ROWS == 0:
            progress(record_type, done, total)
        if rows is None:
            reasons[why] += 1
            continue
        try:
            if not builder.is_live(rows):
                continue
            built = builder.build(rows)
            record = index_record(built, links)
        except LiaisonError as error:
            reasons[f"{error.where or record_type}: {error.message}"] += 1
            continue
        writer.add(record)
    if progress:
        progress(record_type, done, done)
    return reasons


def cursor_of(source: RowSource) -> str:
    """What an index depends on: the mapping's bytes, the rules of the normal forms, and the source's rows."""
    return f"{source.mapping.digest}|{_rules_digest()}|{source.fingerprint()}"


@cache
def _rules_digest() -> str:
    """A hash of everything that makes keys: an index built by other rules would miss in silence."""
    digest = hashlib.sha256()
    package = Path(matching.__path__[0])
    for path in sorted((*package.rglob("*.py"), *package.rglob("data/*.*"), Path(index_rows.__file__))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class IndexedSource:
    """A `Source`: searches its key index, fetches from `rows`. Thread-safe."""

    def __init__(self, rows: RowSource, path: Path, clock: Clock) -> None:
        self._rows = rows
        self._path = path
        self._clock = clock
        mapping = rows.mapping
        self._description = SourceDescription(
            id=mapping.id,
            agency=mapping.agency,
            kind=mapping.kind,
            queries=queries_of(mapping),
            record_types=frozenset(mapping.records),
        )
        self._load(IndexStore(path))

    def _load(self, store: IndexStore) -> None:
        self._store = store
        self._markings: dict[int, Marking] = {number: decode_marking(text) for number, text in store.markings.items()}

    @property
    def left_out(self) -> dict[str, dict[str, int]]:
        """Rows that could not be read as mapped, counted by record type and reason."""
        found: dict[str, dict[str, int]] = json.loads(self._store.meta["left_out"])
        return found

    def describe(self) -> SourceDescription:
        """What the source is and can be asked."""
        return self._description

    def search(self, query: Query, deadline: float) -> SearchResult:
        """Candidates for `query`, surest first, at most `MAX_CANDIDATES`.

        Raises `Malformed` for a query without anything to search by, `TimedOut`, `Unavailable`.
        """
        check_deadline(self._clock, deadline)
        if query.kind not in self._description.queries:
            return SearchResult()
        today = self._clock.now_us() // 86_400_000_000 + _EPOCH_DAY
        if isinstance(query, PersonQuery):
            rows, capped = person_candidates(self._store, query, lambda: check_deadline(self._clock, deadline))
        else:
            rows, capped = identifier_candidates(self._store, query)
        markings, source = self._markings, self._description.id
        found = (
            Candidate(source, key, record_type, match, markings[marking], category)
            for record_type, key, marking, category, last_day, match in rows
            if not last_day or last_day >= today
        )
        return best(found, MAX_CANDIDATES, capped)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """The record of a candidate, read from the source now. `Unknown` when it is gone or no longer counts."""
        check_deadline(self._clock, deadline)
        builder = self._rows.builders.get(record_type)
        if builder is None:
            raise Unknown("the source has no such record", code="unknown-record")
        links = json.loads(self._store.links(record_type, key)) if self._rows.has_links(record_type) else {}
        try:
            rows = self._rows.read(record_type, key, links, deadline)
            if not builder.is_live(rows) or self._is_past(builder.last_day(rows)):
                raise Unknown("the source has no such record", code="unknown-record")
            return builder.record(rows)
        except Malformed as error:
            raise Unavailable(
                "a record of the source cannot be read as mapped", code="record-unreadable", where=error.where
            ) from error

    def _is_past(self, last_day: int) -> bool:
        return bool(last_day) and last_day < self._clock.now_us() // 86_400_000_000 + _EPOCH_DAY

    def changes(self, since: str) -> Changes:
        """Whether mapping or rows differ from the cursor `since`; the index knows its own as `meta['cursor']`."""
        cursor = cursor_of(self._rows)
        return Changes(cursor, cursor != since)

    def refresh(self, progress: Progress | None = None) -> bool:
        """Build the index anew if the source has changed; whether it had. Searches go on meanwhile."""
        if not self.changes(self._store.meta["cursor"]).changed:
            return False
        build_index(self._rows, self._path, progress)
        # The old connections are left to running searches and are closed when nothing refers to them any more.
        self._load(IndexStore(self._path))
        return True

    def health(self) -> str:
        """Empty when the source can be asked; else what is wrong, without the database's own words."""
        try:
            self._rows.ping(self._clock.monotonic() + _HEALTH_SECONDS)
        except LiaisonError as error:
            return error.message
        return ""

    def close(self) -> None:
        """End all connections."""
        self._store.close()
        self._rows.close()


_EPOCH_DAY = 719_163
"""The ordinal of 1970-01-01."""
