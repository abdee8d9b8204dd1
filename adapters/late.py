"""Start without a source whose system cannot be reached, and open it when it is back.

One agency's dead database does not keep a country from serving. Until it is opened nothing is found in it, and each
search says so, as of a source whose last look failed. What is wrong in our own settings, mapping or index is no matter
of time: it is raised. All sources are opened at the same time, and a start waits for all of them together no longer
than `START_S`: what takes longer goes on beside the node.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace

from adapters.base import Adapter, Changes
from adapters.index.rows import description_of
from adapters.load import Place, open_source
from adapters.mapping.file import load_mapping
from gateway.errors import LiaisonError, Misconfigured, Overloaded, TimedOut, Unavailable
from gateway.model.hit import SearchResult, SourceRecord
from gateway.model.query import Query
from gateway.model.strictness import Strictness
from gateway.ports.sources import NOT_FRESH, SourceDescription

START_S = 15.0
"""The longest that a start waits for its sources, however many there are."""

_OF_INDEX = frozenset({"index-unwritable", "index-unreadable"})


def is_away(error: LiaisonError) -> bool:
    """Tell whether a source was not opened because its system cannot be reached: nothing of ours is at fault."""
    return isinstance(error, Unavailable | TimedOut | Overloaded) and error.code not in _OF_INDEX


def open_all(places: Sequence[Place]) -> list[Adapter]:
    """Return the sources at these places, opened at the same time; a `LateSource` for each that is not open in time.

    Raises what `open_source` raises for a mapping that does not fit and for an index that cannot be used; what was
    opened beside it is closed. So it does for a source process that cannot be asked and has no mapping here: what would
    be missing could not be told, and it is waited for.
    """
    openings = [_Opening(place) for place in places]
    wait([each.begun for each in openings if each.begun], START_S)
    try:
        return [opening.opened_or_late() for opening in openings]
    except BaseException:
        for opening in openings:
            opening.give_up()
        raise


class _Opening:
    """A source that is being opened in a thread of its own; its opening can be given up between two rows.

    The process ends without waiting for a thread whose source hangs.
    """

    def __init__(self, place: Place) -> None:
        self.place = replace(place, progress=self._read)
        self._lock = threading.Lock()
        self._is_given_up = False
        begun: Future[Adapter] = Future()
        self.begun: Future[Adapter] | None = begun

        def run() -> None:
            try:
                begun.set_result(open_source(self.place))
            except BaseException as error:  # noqa: BLE001 - raised where the source is asked for
                begun.set_exception(error)

        threading.Thread(target=run, name=f"opening {place.id}", daemon=True).start()

    def opened_or_late(self) -> Adapter:
        """Return the source, or a `LateSource`. Raises what time does not mend."""
        place = self.place
        if self.begun and not self.begun.done() and not place.node:
            fault: LiaisonError = TimedOut("the source had no time left", code="source-deadline", where=place.id)
        else:
            try:
                return self.opened()
            except LiaisonError as error:
                if not is_away(error) or place.node:
                    raise
                fault = error
        return LateSource(self, description_of(load_mapping(place.mapping)), fault)

    def opened(self) -> Adapter:
        """Return the source, of the opening that was begun or of another one. Raises what opening it raises."""
        with self._lock:
            begun, self.begun = self.begun, None
        return begun.result() if begun else open_source(self.place)

    def give_up(self) -> None:
        """End the opening as soon as it can be ended; what comes of it is closed, unless another call waits for it."""
        with self._lock:
            self._is_given_up = True
            begun, self.begun = self.begun, None
        if begun:
            begun.add_done_callback(_closed)

    def _read(self, *_progress: object) -> None:
        if self._is_given_up:
            raise Unavailable("the source was closed", code="source-closed", where=self.place.id)


def _closed(opening: Future[Adapter]) -> None:
    if opening.exception() is None:
        opening.result().close()


class LateSource:
    """A source that is not open yet: an `Adapter` that finds nothing, and opens its source at a `refresh`.

    `opened` is the source from then on.
    """

    def __init__(self, opening: _Opening, description: SourceDescription, fault: LiaisonError) -> None:
        self._under_way = opening
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
            if self._is_closed:
                return False
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
        opened, ours = self._under_way.opened(), self._description
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
                    mapping=str(self._under_way.place.mapping),
                )
        return opened

    def health(self) -> str:
        """Return why the source is not open."""
        return self.fault.message

    def close(self) -> None:
        """End all connections, also those of a source that is being opened."""
        with self._lock:
            self._is_closed = True
        self._under_way.give_up()
        if self.opened is not None:
            self.opened.close()

    def _not_read(self) -> Unavailable:
        return Unavailable("the last look at the source failed", code=NOT_FRESH, where=self._description.id)
