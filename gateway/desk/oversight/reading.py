"""Read the questions of our own officers from the log, in the order in which they were written, so many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from gateway.audit.entries.entry import decode_private, parse_entry
from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.desk.oversight.counting import Use
from gateway.desk.oversight.targets import target_keys
from gateway.errors import LiaisonError
from gateway.model.query import query_of
from gateway.ports.entries import events

MOST_BEHIND = 200_000
"""So many entries before the newest one are read again after a start, however far back a rule looks."""

_KINDS = (events.OWN.kind, events.DENIED.kind)


@dataclass(slots=True)
class UseReader:
    """Reads one log from a time on. `key` is the node's own, for the keys of targets."""

    kept: KeptAnswers
    key: bytes
    _places: dict[str, tuple[int, int]] = field(default_factory=dict)
    """For each log the time from which on it is read, and the index of the first entry that was not yet."""

    def begin(self, log: str, since_us: int) -> None:
        """Begin to read a log at a time, or at the `MOST_BEHIND`th entry from its end where that is later."""
        state = self.kept.store.state(log)
        if state is None or log in self._places:
            return
        first = max(state.first, state.size - MOST_BEHIND)
        bodies = self.kept.store.bodies(log, first, first + 1)
        oldest = next((parse_entry(body).time_us for _, body, _ in bodies), since_us)
        self._places[log] = (max(since_us, oldest if first else since_us), 0)

    def next(self, log: str, most: int) -> Sequence[Use]:
        """Return the next questions of a log, so many entries at most; nothing once all were read."""
        since_us, first = self._places.get(log, (0, 0))
        state = self.kept.store.state(log)
        if state is None or state.size <= first:
            return ()
        rows = self.kept.store.of_kinds(log, _KINDS, since_us, first)
        indexes = [index for index, *_ in islice(rows, most)]
        # Entries of other kinds are not looked at again: nothing waits between the last question and the end.
        self._places[log] = (since_us, indexes[-1] + 1 if len(indexes) == most else state.size)
        return [use for index in indexes if (use := self._use(log, index)) is not None]

    def _use(self, log: str, index: int) -> Use | None:
        """Return the question of an entry; None where its content is erased or of another form."""
        for stored in self.kept.store.entries(log, index, index + 1):
            entry = parse_entry(stored.body)
            if stored.content is None:
                return None
            try:
                said = decode_private(self.kept.keys.open_content(log, index, stored.content)[0])
            except LiaisonError:
                return None
            return self._read(said, log, index, entry.time_us, denied=entry.kind == events.DENIED.kind)
        return None

    def _read(self, said: dict[str, Any], log: str, index: int, time_us: int, *, denied: bool) -> Use | None:
        names = ("search", "officer", "office", "agency")
        search, person, office, agency = (str(said.get(name, "")) for name in names)
        if not search or not person:
            return None
        purpose, offence, case, ticket, kind = (
            str(said.get(name, "")) for name in ("purpose", "offence", "case", "ticket", "query")
        )
        query = query_of(kind, said.get("question"))
        keys = target_keys(self.key, query) if query is not None else ()
        why = (purpose, offence, case, ticket, kind)
        return Use(search, person, office, agency, time_us, *why, log, index, keys, query, denied)


def question_at(kept: KeptAnswers, log: str, index: int, search: str) -> dict[str, Any]:
    """Return what was asked for in the entry of a question; nothing where it is erased."""
    for said in _private_at(kept, log, index):
        if said.get("search") == search:
            question = said.get("question")
            return dict(question) if isinstance(question, dict) else {}
    return {}


def _private_at(kept: KeptAnswers, log: str, index: int) -> Iterator[dict[str, Any]]:
    for stored in kept.store.entries(log, index, index + 1):
        if stored.content is not None:
            try:
                yield decode_private(kept.keys.open_content(log, index, stored.content)[0])
            except LiaisonError:
                return
