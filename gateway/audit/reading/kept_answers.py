"""Answers in our own exchange log: the proof of those that we gave, and of those that we were given."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gateway.audit.entries.entry import Entry, decode_private, parse_entry
from gateway.audit.log.succession import split_name
from gateway.errors import Unknown
from gateway.model.names import MemberId
from gateway.ports.content_keys import ContentKeys
from gateway.ports.log_store import LogStore, StoredEntry


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An entry with its private part and the exact envelopes of the answer and, where it is kept, of the request."""

    entry: Entry
    private: dict[str, Any]
    answer: bytes
    request: bytes = b""


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """The kept answers in all exchange logs of this node."""

    store: LogStore
    keys: ContentKeys

    def at(self, log: str, index: int, *, peer: MemberId, exchange_id: str, kinds: Collection[str]) -> KeptAnswer:
        """Return the answer whose entry is at `index` of `log` (`exchange/1`). The cost does not grow with the log.

        Raises `Unknown` when the entry is of another exchange, peer or kind, or when its content was erased.
        """
        found = self._at(log, index)
        if found is not None and found[1].content is not None:
            entry = found[0]
            if entry.peer == peer and entry.exchange_id == exchange_id and entry.kind in kinds:
                private, request, answer = self.keys.open_content(log, index, found[1].content)
                return KeptAnswer(entry, decode_private(private), answer, request)
        if 0 <= index < self._first(log):
            raise Unknown("our log is pruned, and that answer with it", code="pruned", where="exchange_id")
        raise Unknown("no such answer in our log", code="no-such-exchange", where="exchange_id")

    def up_to(self, log: str, index: int, *, peer: MemberId, exchange_id: str, kinds: Collection[str]) -> KeptAnswer:
        """Return the answer at `index` of this number or an earlier one: the place may be from before this number."""
        name, number = split_name(log)
        for earlier in range(number, 1, -1):
            with suppress(Unknown):
                return self.at(f"{name}/{earlier}", index, peer=peer, exchange_id=exchange_id, kinds=kinds)
        return self.at(f"{name}/1", index, peer=peer, exchange_id=exchange_id, kinds=kinds)

    def _first(self, log: str) -> int:
        state = self.store.state(log)
        return state.first if state else 0

    def _at(self, log: str, index: int) -> tuple[Entry, StoredEntry] | None:
        state = self.store.state(log)
        if state is None or not state.first <= index < state.size:
            return None
        stored = next(iter(self.store.entries(log, index, index + 1)), None)
        return (parse_entry(stored.body), stored) if stored is not None else None
