"""A source behind a key index, as one asker sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

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


class SeenSource:
    """An `IndexedSource` as an asker sees it. Thread-safe."""

    def __init__(self, whole: Searched, view: View) -> None:
        self.whole = whole
        self._view = view
        self._known: tuple[IndexStore, int, IndexView] | None = None

    def describe(self) -> SourceDescription:
        """Return the source's description."""
        return self.whole.describe()

    @property
    def fetches_near(self) -> bool:
        """Tell whether the records are in a file of this machine."""
        return self.whole.fetches_near

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return the candidates that the asker may learn of (`ClassedSource.within`)."""
        found = self.whole.search_by(self._index, query, deadline, strictness)
        self._check()
        return found

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> list[SearchResult | LiaisonError]:
        """Return `search` of each query; identifiers share one look-up. Raises `TimedOut`, `Unavailable`."""
        found = self.whole.search_many_by(self._index, asked, deadline)
        self._check()
        return found

    def names_among(self, texts: Sequence[str]) -> list[bool]:
        """Tell of each text whether it is the whole name of a person whom the asker may learn of."""
        found = self.whole.names_among_by(self._index, texts)
        self._check()
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

    def _index(self, store: IndexStore) -> IndexView:
        known = self._known
        if known is None or known[0] is not store:
            count = store.count_classes()
            known = self._known = store, count, IndexView(store, self.whole.seen(store, self._view))
        return known[2]

    def _check(self) -> None:
        """Raise `Unavailable` where a class came up during a search: a record that moved to it was missed."""
        known = self._known
        if known is not None and known[0].count_classes() != known[1]:
            self._known = None
            raise Unavailable("records of another class came up", code=CLASSES_CHANGED, where=self.describe().id)
