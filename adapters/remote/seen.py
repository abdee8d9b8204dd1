"""A source process for one occasion, as its asker sees it."""

from __future__ import annotations

from typing import Protocol

from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import Source, SourceDescription, View


class Referring(Source, Protocol):
    """A source process that is asked for one occasion (`Referred`)."""

    def search_seen(self, query: Query, deadline: float, strictness: Strictness, view: View | None) -> SearchResult:
        """Return the candidates that a view shows. Raises `Unavailable` where it has not decided on all classes."""


class SeenReferred:
    """Shows what an asker sees of a source process; the whole one issues its records (`Referred`)."""

    def __init__(self, referred: Referring, view: View) -> None:
        self._referred = referred
        self._view = view

    def describe(self) -> SourceDescription:
        """Return the source's description."""
        return self._referred.describe()

    def health(self) -> str:
        """Return an empty text when the source can be asked, else the problem."""
        return self._referred.health()

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Return the candidates that the asker may learn of, under a fresh reference (`ClassedSource.within`)."""
        return self._referred.search_seen(query, deadline, strictness, self._view)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Refuse: a source process gives no record that it does not sign."""
        return self._referred.fetch(key, record_type, deadline)
