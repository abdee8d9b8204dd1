"""A source with a time limit of its own, shorter than that of the exchange."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.clock import Clock
from gateway.errors import LiaisonError
from gateway.model.hit import IssuedRecord, SearchResult, SourceRecord
from gateway.model.marking import ReleaseMarking
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import (
    BatchSource,
    Occasion,
    Profile,
    ProfiledSource,
    ReferredSource,
    SigningSource,
    Source,
    SourceDescription,
)


class _Bounded:
    """A source whose every call ends after `seconds` at the latest, if the source keeps to its deadline."""

    def __init__(self, source: Source, clock: Clock, seconds: float) -> None:
        self._source = source
        self._clock = clock
        self._seconds = seconds

    def _until(self, deadline: float) -> float:
        return min(deadline, self._clock.monotonic() + self._seconds)

    def describe(self) -> SourceDescription:
        """Describe the source."""
        return self._source.describe()

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Search the source, with the shorter deadline."""
        return self._source.search(query, self._until(deadline), strictness)

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Fetch from the source, with the shorter deadline."""
        return self._source.fetch(key, record_type, self._until(deadline))

    def health(self) -> str:
        """Return the health of the source."""
        return self._source.health()

    def profiles(self) -> list[Profile]:
        """Return the profiles of the source; empty for a source that knows none beforehand."""
        return self._source.profiles() if isinstance(self._source, ProfiledSource) else []


class _BoundedBatch(_Bounded):
    def __init__(self, source: Source, many: BatchSource, clock: Clock, seconds: float) -> None:
        super().__init__(source, clock, seconds)
        self._many = many

    def search_many(
        self, asked: Sequence[tuple[Query, Strictness]], deadline: float
    ) -> Sequence[SearchResult | LiaisonError]:
        """Search the source for several queries, with the shorter deadline."""
        return self._many.search_many(asked, self._until(deadline))

    def fetch_many(self, wanted: Sequence[tuple[str, str]], deadline: float) -> Sequence[SourceRecord | LiaisonError]:
        """Fetch several records from the source, with the shorter deadline."""
        return self._many.fetch_many(wanted, self._until(deadline))


class _BoundedReferred(_Bounded):
    def __init__(self, source: ReferredSource, clock: Clock, seconds: float) -> None:
        super().__init__(source, clock, seconds)
        self._referred = source

    def issue(
        self, key: str, record_type: str, marking: ReleaseMarking, deadline: float
    ) -> tuple[SourceRecord, IssuedRecord]:
        """Issue a record from the source, with the shorter deadline."""
        return self._referred.issue(key, record_type, marking, self._until(deadline))


class _BoundedSigning(_Bounded):
    def __init__(self, source: SigningSource, clock: Clock, seconds: float) -> None:
        super().__init__(source, clock, seconds)
        self._signing = source

    def refer(self, occasion: Occasion) -> ReferredSource:
        """Refer the source to an exchange, with the same limit."""
        return _BoundedReferred(self._signing.refer(occasion), self._clock, self._seconds)


def bounded(source: Source, clock: Clock, seconds: float) -> Source:
    """Return `source` with every call limited to `seconds`; `source` itself when that is 0."""
    if not seconds:
        return source
    if isinstance(source, SigningSource):
        return _BoundedSigning(source, clock, seconds)
    if isinstance(source, BatchSource):
        return _BoundedBatch(source, source, clock, seconds)
    return _Bounded(source, clock, seconds)
