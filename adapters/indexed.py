"""Search through the key index of one source, and fetch through the source itself.

Search reads the index only: candidates are found, scored, marked and capped without asking the agency's system,
so that hiding is decided before anything is fetched, and a hidden record costs the same work as an open one
(design, section 5). `refresh` keeps the index up to date (`index.build`); searches go on meanwhile.

The index lags behind by at most one round of the node (a minute) and the reading of the changed rows, if the source
tells them. Otherwise, and for rows that no change column shows, it lags by `REST` times the duration of a pass over
all rows if the source's aggregates show a change, and by `DIFFERENCE_SECONDS` if nothing shows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, ParamSpec, Protocol, TypeVar, runtime_checkable

from msgspec.structs import replace

from adapters.base import MAX_CANDIDATES, Budget, Changes, best, check_deadline
from adapters.index.build import Progress, RowSource, build_index, cursor_of
from adapters.index.fresh import FreshRows
from adapters.index.give_way import PRIORITY
from adapters.index.keep import DIFFERENCE_SECONDS, LOOKS_S, IndexKeeper
from adapters.index.lookup import (
    BY_NAME,
    Found,
    each_identifier_candidates,
    identifier_candidates,
    is_held_name,
)
from adapters.index.rows import decode_marking, description_of
from adapters.mapping.rows import Builder, Rows
from gateway.clock import Clock
from gateway.errors import LiaisonError, Malformed, Unavailable, Unknown
from gateway.matching.thresholds import SETS
from gateway.model.hit import Candidate, SearchResult, SourceRecord
from gateway.model.marking import SubjectCategory
from gateway.model.query import NumberQuery, Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import (
    CLASSES_CHANGED,
    HEALTH_S,
    BatchSource,
    FreshRow,
    RecordClass,
    Source,
    SourceDescription,
    View,
)
from gateway.storage.index.index_store import IndexStore
from gateway.storage.index.index_view import IndexView

__all__ = ["IndexedSource", "Progress", "RowSource", "build_index"]

P = ParamSpec("P")
T = TypeVar("T")


@runtime_checkable
class ManyRows(Protocol):
    """The extra method of a `RowSource` that reads several records at once for less than one by one."""

    def read_many(self, record_type: str, keys: Sequence[str], deadline: float) -> Sequence[Rows | LiaisonError]:
        """Return `read` of each key, in order, for a type without links. Its errors do not concern single records."""


@runtime_checkable
class NearRows(Protocol):
    """The extra attribute of a `RowSource` that may be a file of this machine."""

    is_near: bool
    """Tells whether it is: nothing foreign is waited for."""


class IndexedSource:
    """A `Source`: searches its key index, fetches from `rows`. Thread-safe."""

    def __init__(
        self,
        rows: RowSource,
        path: Path,
        clock: Clock,
        secret: bytes | None = None,
        difference: float = DIFFERENCE_SECONDS,
        progress: Progress | None = None,
        *,
        looks_s: int = LOOKS_S,
        anew: bool = False,
    ) -> None:
        self._rows = rows
        self._clock = clock
        self._description = description_of(rows.mapping)
        self._index = IndexKeeper(rows, path, clock, secret, difference, progress, looks_s=looks_s, anew=anew)
        self._fresh = FreshRows()
        self._classes: dict[tuple[str, str, str], RecordClass] = {}
        self._fetches_near = isinstance(rows, NearRows) and rows.is_near

    @property
    def _store(self) -> IndexStore:
        return self._index.store

    @property
    def left_out(self) -> dict[str, dict[str, int]]:
        """Rows that could not be read as mapped, counted by record type and reason."""
        found: dict[str, dict[str, int]] = json.loads(self._store.meta["left_out"])
        return found

    def describe(self) -> SourceDescription:
        """Return the source's description."""
        return self._description

    @property
    def fetches_near(self) -> bool:
        """Tell whether the records are in a file of this machine."""
        return self._fetches_near

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return candidates for `query`, surest first, at most `MAX_CANDIDATES`.

        Raises `Malformed` for a query without a usable search key, `TimedOut`, `Unavailable`: also while the index is
        not as fresh as the mapping promises (`NOT_FRESH`).
        """
        return self.search_by(IndexView, query, deadline, strictness)

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> list[SearchResult | LiaisonError]:
        """Return `search` of each query; identifiers share one look-up. Raises `TimedOut`, `Unavailable`."""
        return self.search_many_by(IndexView, asked, deadline)

    def search_by(self, view: _ViewOf, query: Query, deadline: float, strictness: Strictness) -> SearchResult:
        """Return `search` as `view` sees an index."""
        check_deadline(self._clock, deadline)
        if query.kind not in self._description.queries:
            return SearchResult()
        as_of_us, store = self._index.searchable_us(), self._store
        try:
            rows, capped = self._candidates(view(store), query, deadline, strictness)
        except Unavailable:
            # Another process has rebuilt it twice and removed the file that this thread had not opened yet.
            if not self._index.follow():
                raise
            store = self._store
            rows, capped = self._candidates(view(store), query, deadline, strictness)
        return self._result(store, rows, capped, as_of_us)

    def search_many_by(
        self, view: _ViewOf, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> list[SearchResult | LiaisonError]:
        """Return `search_many` as `view` sees an index."""
        check_deadline(self._clock, deadline)
        as_of_us, store, kinds = self._index.searchable_us(), self._store, self._description.queries
        exact = {
            place: query
            for place, (query, _) in enumerate(asked)
            if query.kind in kinds and isinstance(query, NumberQuery)
        }
        with PRIORITY.answering():
            looked_up = each_identifier_candidates(view(store), list(exact.values()))
        found = dict(zip(exact, looked_up, strict=True))
        return [
            self._told(store, found[place], as_of_us)
            if place in found
            else _tried(self.search_by, view, query, deadline, strictness)
            for place, (query, strictness) in enumerate(asked)
        ]

    def _told(
        self, store: IndexStore, found: tuple[list[Found], bool] | Malformed, as_of_us: int
    ) -> SearchResult | LiaisonError:
        return found if isinstance(found, Malformed) else self._result(store, *found, as_of_us)

    def _result(self, store: IndexStore, rows: Sequence[Found], capped: bool, as_of_us: int) -> SearchResult:
        today, source = self._today(), self._description.id
        found = (
            Candidate(source, key, record_type, match, self._class(store, record_class)[1], category)
            for record_type, key, record_class, category, last_day, match in rows
            if not last_day or last_day >= today
        )
        return replace(best(found, MAX_CANDIDATES, capped), as_of_us=as_of_us)

    def _candidates(
        self, view: IndexView, query: Query, deadline: float, strictness: Strictness
    ) -> tuple[list[Found], bool]:
        with PRIORITY.answering():
            if isinstance(query, NumberQuery):
                return identifier_candidates(view, query)
            if (search := BY_NAME.get(query.kind)) is None:
                raise Malformed("reports stand in the library of the node", code="bad-query", where="query")
            with PRIORITY.computing():
                return search(view, query, Budget(self._clock, deadline).check, SETS[strictness])

    def _class(self, store: IndexStore, number: int) -> RecordClass:
        said = store.class_of(number)
        found = self._classes.get(said)
        if found is None:
            record_type, marking, category = said
            found = self._classes[said] = record_type, decode_marking(marking), SubjectCategory(category)
        return found

    def classes(self) -> list[RecordClass]:
        """Return the classes of the records in the index, and of those that stood there before."""
        store = self._store
        return [self._class(store, number) for number in store.classes()]

    def within(self, view: View) -> _SeenSource:
        """Return the source as an asker sees it."""
        return _SeenSource(self, view)

    def seen(self, store: IndexStore, view: View) -> frozenset[int]:
        """Return the numbers of the classes that a view shows. Raises `Unavailable` where it has not decided on all."""
        classes = {number: self._class(store, number) for number in store.classes()}
        if not view.decided.issuperset(classes.values()):
            raise Unavailable("records of another class came up", code=CLASSES_CHANGED, where=self._description.id)
        return frozenset(number for number, record_class in classes.items() if record_class in view.seen)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Return the record of a candidate, read from the source now. Raises `Unknown` if it is gone or past."""
        check_deadline(self._clock, deadline)
        builder = self._rows.builders.get(record_type)
        if builder is None:
            raise Unknown("the source has no such record", code="unknown-record")
        links = json.loads(self._store.links(record_type, key)) if self._rows.has_links(record_type) else {}
        try:
            with PRIORITY.answering():
                rows = self._rows.read(record_type, key, links, deadline)
        except Malformed as error:
            raise _unreadable(error) from error
        return self._record(builder, rows)

    def fetch_many(self, wanted: Sequence[tuple[str, str]], deadline: float) -> list[SourceRecord | LiaisonError]:
        """Return `fetch` of each key and record type; by few statements if the source can."""
        check_deadline(self._clock, deadline)
        found: dict[tuple[str, str], SourceRecord | LiaisonError] = {}
        for record_type in {record_type for _, record_type in wanted}:
            builder = self._rows.builders.get(record_type)
            keys = list(dict.fromkeys(key for key, each in wanted if each == record_type))
            if builder is None or not isinstance(self._rows, ManyRows) or self._rows.has_links(record_type):
                found |= {(key, record_type): _tried(self.fetch, key, record_type, deadline) for key in keys}
                continue
            with PRIORITY.answering():
                read = self._rows.read_many(record_type, keys, deadline)
            for key, rows in zip(keys, read, strict=True):
                if isinstance(rows, Malformed):
                    found[key, record_type] = _unreadable(rows)
                else:
                    found[key, record_type] = (
                        rows if isinstance(rows, LiaisonError) else _tried(self._record, builder, rows)
                    )
        return [found[place] for place in wanted]

    def _record(self, builder: Builder, rows: Rows) -> SourceRecord:
        try:
            if not builder.is_live(rows) or self._is_past(builder.last_day(rows)):
                raise Unknown("the source has no such record", code="unknown-record")
            return replace(builder.record(rows), search=builder.search(rows))
        except Malformed as error:
            raise _unreadable(error) from error

    def _is_past(self, last_day: int) -> bool:
        return bool(last_day) and last_day < self._today()

    def _today(self) -> int:
        return self._clock.now_us() // 86_400_000_000 + _EPOCH_DAY

    def names_among(self, texts: Sequence[str]) -> list[bool]:
        """Tell of each text whether it is the whole name of a person in a row."""
        return self.names_among_by(IndexView, texts)

    def names_among_by(self, view: _ViewOf, texts: Sequence[str]) -> list[bool]:
        """Return `names_among` as `view` sees an index."""
        seen = view(self._store)
        return [is_held_name(seen, text) for text in texts]

    def changes(self, since: str) -> Changes:
        """Tell whether mapping or rows differ from the cursor `since`; the index keeps its own in `meta['cursor']`."""
        cursor = cursor_of(self._rows)
        return Changes(cursor, cursor != since)

    def refresh(self, progress: Progress | None = None) -> bool:
        """Bring the index up to date with its source; return whether it changed. Searches go on meanwhile."""
        return self._index.refresh(progress)

    def outdated(self) -> Collection[str] | None:
        """Return the keys of rows that a refresh found changed or gone since the last call; None: any may have been."""
        return self._index.outdated.take()

    def fresh(self) -> Sequence[FreshRow] | None:
        """Return the rows that the index has new or changed since the last call, whichever process wrote them; None:
        any may be."""
        self._index.follow()
        return self._fresh.take(self._store)

    def checked_us(self) -> int:
        """Return the time of the last whole look at the source: what it showed then is what the index holds."""
        return self._index.as_of_us

    def rebuild(self, progress: Progress | None = None) -> IndexStore:
        """Return the index, rebuilt from all rows unless opening it has just done so. Searches go on meanwhile."""
        if not self._index.is_new:
            self._index.rebuild(progress)
        return self._store

    def compare(self, progress: Progress | None = None) -> int:
        """Compare all rows with the index now; return how many records changed. Searches go on meanwhile."""
        return self._index.compare(progress)

    def health(self) -> str:
        """Return an empty text when the source can be asked; else the problem, without the database's own words."""
        try:
            self._rows.ping(self._clock.monotonic() + HEALTH_S)
        except LiaisonError as error:
            return error.message
        return ""

    def close(self) -> None:
        """End all connections, those in use when their statement has ended."""
        self._index.close()
        self._rows.close()


_EPOCH_DAY = 719_163
"""The ordinal of 1970-01-01."""


def _unreadable(error: Malformed) -> Unavailable:
    return Unavailable("a record of the source cannot be read as mapped", code="record-unreadable", where=error.where)


def _tried(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | LiaisonError:
    """Return the result of a call, or the error that it raises."""
    try:
        return call(*args, **kwargs)
    except LiaisonError as error:
        return error


# ------------------------------------------------------------ the source as one asker sees it


_ViewOf = Callable[[IndexStore], IndexView]
"""Returns an index as somebody sees it."""


class _Searched(BatchSource, Source, Protocol):
    """An `IndexedSource`, which searches its index as somebody sees that."""

    @property
    def fetches_near(self) -> bool:
        """Tell whether the records are in a file of this machine."""

    def search_by(self, view: _ViewOf, query: Query, deadline: float, strictness: Strictness) -> SearchResult:
        """Return `search` as `view` sees an index."""

    def search_many_by(
        self, view: _ViewOf, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> list[SearchResult | LiaisonError]:
        """Return `search_many` as `view` sees an index."""

    def names_among_by(self, view: _ViewOf, texts: Sequence[str]) -> list[bool]:
        """Return `names_among` as `view` sees an index."""

    def seen(self, store: IndexStore, view: View) -> frozenset[int]:
        """Return the numbers of the classes that a view shows. Raises `Unavailable` where it has not decided on all."""


class _Shown(NamedTuple):
    """Holds what an asker sees of an index with so many classes, whose rows had numbers up to `rows`."""

    store: IndexStore
    classes: int
    rows: int
    view: IndexView


class _SeenSource:
    """An `IndexedSource` as an asker sees it. Thread-safe."""

    def __init__(self, whole: _Searched, view: View) -> None:
        self.whole = whole
        self._view = view
        self._known: _Shown | None = None

    def describe(self) -> SourceDescription:
        """Return the source's description."""
        return self.whole.describe()

    @property
    def fetches_near(self) -> bool:
        """Tell whether the records are in a file of this machine."""
        return self.whole.fetches_near

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return the candidates that the asker may learn of (`ClassedSource.within`)."""
        used: list[_Shown] = []
        found = self.whole.search_by(partial(self._index, used), query, deadline, strictness)
        self._check(used)
        return found

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> list[SearchResult | LiaisonError]:
        """Return `search` of each query; identifiers share one look-up. Raises `TimedOut`, `Unavailable`."""
        used: list[_Shown] = []
        found = self.whole.search_many_by(partial(self._index, used), asked, deadline)
        self._check(used)
        return found

    def names_among(self, texts: Sequence[str]) -> list[bool]:
        """Tell of each text whether it is the whole name of a person whom the asker may learn of."""
        used: list[_Shown] = []
        found = self.whole.names_among_by(partial(self._index, used), texts)
        self._check(used)
        return found

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Return the record of a candidate, read from the source now. Raises `Unknown` if it is gone or past."""
        return self.whole.fetch(key, record_type, deadline)

    def fetch_many(self, wanted: Sequence[tuple[str, str]], deadline: float) -> Sequence[SourceRecord | LiaisonError]:
        """Return `fetch` of each key and record type; by few statements if the source can."""
        return self.whole.fetch_many(wanted, deadline)

    def health(self) -> str:
        """Return an empty text when the source can be asked; else the problem."""
        return self.whole.health()

    def _index(self, used: list[_Shown], store: IndexStore) -> IndexView:
        known = self._known
        if known is None or known.store is not store or known.rows != self._rows(store):
            known = self._known = self._show(store)
        used.append(known)
        return known.view

    def _show(self, store: IndexStore) -> _Shown:
        """Return an index as it is now, without the rows that were withdrawn."""
        count, rows, types = store.count_classes(), self._rows(store), self.describe().record_types
        seen = self.whole.seen(store, self._view)
        gone = store.numbers((record_type, key) for record_type in types for key in self._view.without)
        return _Shown(store, count, rows, IndexView(store, seen, gone))

    def _rows(self, store: IndexStore) -> int:
        """Return a number that grows with each row that is new or changed, where that can bring a withdrawn one."""
        return store.last() if self._view.without else 0

    def _check(self, used: Sequence[_Shown]) -> None:
        """Raise `Unavailable` where a class came up during a search: a record that moved to it was missed.

        So it does where a withdrawn row was written anew meanwhile: it may have taken the place of another one.
        """
        for known in used[-1:]:
            if (known.classes, known.rows) == (known.store.count_classes(), self._rows(known.store)):
                continue
            self._known = None
            raise Unavailable("records of another class came up", code=CLASSES_CHANGED, where=self.describe().id)
