"""Answers as our own exchange log kept them: the proof of what we gave, and of what we were given."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gateway.audit.entry import Entry, decode_private, parse_entry
from gateway.errors import Unknown
from gateway.model.names import MemberId
from gateway.ports import ContentKeys, LogStore


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
        state = self.store.state(log)
        if state is None or not 0 <= index < state.size:
            raise _unknown()
        stored = next(iter(self.store.entries(log, index, index + 1)), None)
        if stored is None or stored.content is None:
            raise _unknown()
        entry = parse_entry(stored.body)
        if entry.peer != peer or entry.exchange_id != exchange_id or entry.kind not in kinds:
            raise _unknown()
        private, _, answer = self.keys.open_content(log, index, stored.content)
        return KeptAnswer(entry, decode_private(private), answer)


def _unknown() -> Unknown:
    return Unknown("no such answer in our log", code="no-such-exchange", where="exchange_id")
