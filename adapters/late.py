"""Start without a source whose system cannot be reached, and open it when it is back.

One agency's dead database does not keep a country from serving. Until it is opened nothing is found in it, and each
search says so, as of a source whose last look failed. What is wrong in our own settings, mapping or index is no matter
of time: it is raised.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from adapters.base import Adapter, Changes
from adapters.index.rows import description_of
from adapters.load import Place, open_source
from adapters.mapping.file import load_mapping
from gateway.errors import LiaisonError, Misconfigured, Overloaded, TimedOut, Unavailable
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import NOT_FRESH, SourceDescription

_OF_INDEX = frozenset({"index-unwritable", "index-unreadable"})


def is_away(error: LiaisonError) -> bool:
    """Tell whether a source was not opened because its system cannot be reached: nothing of ours is at fault."""
    return isinstance(error, Unavailable | TimedOut | Overloaded) and error.code not in _OF_INDEX


def open_or_wait(place: Place) -> Adapter:
    """Return the source at `place`, or a `LateSource` while its system cannot be reached.

    Raises what `open_source` raises for a mapping that does not fit and for an index that cannot be used. So it does
    for a source that is away and has no mapping here: what would be missing could not be told.
    """
    try:
        return open_source(place)
    except LiaisonError as error:
        if not is_away(error) or place.node:
            raise
        return LateSource(place, description_of(load_mapping(place.mapping)), error)


class LateSource:
    """A source that is not open yet: an `Adapter` that finds nothing, and opens its source at a `refresh`.

    `opened` is the source from then on.
    """

    def __init__(self, place: Place, description: SourceDescription, fault: LiaisonError) -> None:
        self._place = place
        self._description = description
        self.fault = fault
        self.opened: Adapter | None = None
        self._opening, self._lock = threading.Lock(), threading.Lock()
        self._is_closed = False

    @property
    def left_out(self) -> Mapping[str, Mapping[str, int]]:
        """Empty: no row was read."""
        return {}

    def describe(self) -> SourceDescription:
        """Return the source's description, by its mapping."""
        return self._description

    def search(self, query: Query, deadline: float, strictness: Strictness = Strictness.USUAL) -> SearchResult:
        """Refuse: nothing was read."""
        del query, deadline, strictness
        raise self._not_read()

    def fetch(self, key: str, record_type: str, deadline: float) -> SourceRecord:
        """Refuse: nothing was read."""
        del key, record_type, deadline
        raise self._not_read()

    def changes(self, since: str) -> Changes:
        """Refuse: nothing was read."""
        del since
        raise self._not_read()

    def refresh(self) -> bool:
        """Open the source, or bring the opened one up to date. Raises what opening it raises; it is tried again."""
        with self._opening:
            if self.opened is not None:
                return self.opened.refresh()
            try:
                opened = self._open()
            except LiaisonError as error:
                self.fault = error
                raise
            with self._lock:
                if not self._is_closed:
                    self.opened = opened
                    return True
            opened.close()
            return False

    def _open(self) -> Adapter:
        """Return the source. Raises `Misconfigured` where its mapping names others by now than those of the start."""
        opened, ours = open_source(self._place), self._description
        said = opened.describe()
        for name, mapped, known in (("id", said.id, ours.id), ("agency", said.agency, ours.agency)):
            if mapped != known:
                opened.close()
                raise Misconfigured(
                    "the mapping of source `{id}` has the {name} `{mapped}`, and the settings `{said}`",
                    code="not-the-owner",
                    where=ours.id,
                    remedy="give both the same {name} (the mapping is {mapping})",
                    id=ours.id,
                    name=name,
                    mapped=mapped,
                    said=known,
                    mapping=str(self._place.mapping),
                )
        return opened

    def health(self) -> str:
        """Return why the source is not open."""
        return self.fault.message

    def close(self) -> None:
        """End all connections, also those of a source that is being opened."""
        with self._lock:
            self._is_closed = True
        if self.opened is not None:
            self.opened.close()

    def _not_read(self) -> Unavailable:
        return Unavailable("the last look at the source failed", code=NOT_FRESH, where=self._description.id)
