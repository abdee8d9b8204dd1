"""Answers as our own exchange log kept them: the proof of what we gave, and of what we were given."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gateway.audit.continued import split_name
from gateway.audit.entry import Entry, decode_private, parse_entry
from gateway.errors import Unknown
from gateway.model.names import MemberId
from gateway.ports import ContentKeys, LogStore, StoredEntry


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An entry with its private part and the exact envelope of the answer."""

    entry: Entry
    private: dict[str, Any]
    answer: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """All exchange logs of this node."""

    store: LogStore
    keys: ContentKeys

    def at(self, log: str, index: int, *, peer: MemberId, exchange_id: str, kinds: Collection[str]) -> KeptAnswer:
        """The answer whose entry stands at `index` of `log` (`exchange/1`), one look-up whatever the log's size.

        `Unknown` when the entry is of another exchange, peer or kind, or when its content was erased.
        """
        name, number = split_name(log)
        for earlier in range(number, 0, -1):  # a place that was remembered before the log went on is in one of these
            found = self._at(f"{name}/{earlier}", index)
            if found is None or found[1].content is None:
                continue
            entry, content = found[0], found[1].content
            if entry.peer == peer and entry.exchange_id == exchange_id and entry.kind in kinds:
                private, _, answer = self.keys.open_content(f"{name}/{earlier}", index, content)
                return KeptAnswer(entry, decode_private(private), answer)
        if 0 <= index < self._first(log):
            raise Unknown("our log is pruned, and that answer with it", code="pruned", where="exchange_id")
        raise Unknown("no such answer in our log", code="no-such-exchange", where="exchange_id")

    def _first(self, log: str) -> int:
        state = self.store.state(log)
        return state.first if state else 0

    def _at(self, log: str, index: int) -> tuple[Entry, StoredEntry] | None:
        state = self.store.state(log)
        if state is None or not state.first <= index < state.size:
            return None
        stored = next(iter(self.store.entries(log, index, index + 1)), None)
        return (parse_entry(stored.body), stored) if stored is not None else None
