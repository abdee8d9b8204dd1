"""A source behind a key index, as one asker sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from gateway.errors import LiaisonError, Unavailable
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import CLASSES_CHANGED, BatchSource, Source, SourceDescription, View
from gateway.storage.index.index_store import IndexStore
from gateway.storage.index.index_view import IndexView

ViewOf = Callable[[IndexStore], IndexView]
"""Returns an index as somebody sees it."""


class Searched(BatchSource, Source, Protocol):
    """An `IndexedSource`, which searches its index as somebody sees that."""

    @property
    def fetches_near(self) -> bool:
        """Tell whether the records are in a file of this machine."""

    def search_by(self, view: ViewOf, query: Query, deadline: float, strictness: Strictness) -> SearchResult:
        """Return `search` as `view` sees an index."""

    def search_many_by(
        self, view: ViewOf, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> list[SearchResult | LiaisonError]:
        """Return `search_many` as `view` sees an index."""

    def names_among_by(self, view: ViewOf, texts: Sequence[str]) -> list[bool]:
        """Return `names_among` as `view` sees an index."""

    def seen(self, store: IndexStore, view: View) -> frozenset[int]:
        """Return the numbers of the classes that a view shows. Raises `Unavailable` where it has not decided on all."""


class _Shown(NamedTuple):
    """Holds what an asker sees of an index with so many classes, whose rows had numbers up to `rows`."""

    store: IndexStore
    classes: int
    rows: int
    view: IndexView


class SeenSource:
    """An `IndexedSource` as an asker sees it. Thread-safe."""

    def __init__(self, whole: Searched, view: View) -> None:
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
