"""After a crash the asking side says which of its questions it lost sight of: `abandoned` (design, section 7)."""

from __future__ import annotations

from gateway.audit.entry import Entry, parse_entry
from gateway.ports import EntryDraft, LogStore

_LOOK_BACK = 4096
"""Entries before the end of the log that are looked at: far more than can be open at once."""

_ENDS = frozenset({"received", "silent", "late", "abandoned"})


def abandoned(store: LogStore, log: str) -> list[EntryDraft]:
    """An entry for each question at the end of `log` that has neither an answer nor a silence."""
    state = store.state(log)
    if state is None:
        return []
    open_: dict[str, Entry] = {}
    for _, body, _ in store.bodies(log, max(0, state.size - _LOOK_BACK), state.size):
        entry = parse_entry(body)
        if entry.kind == "asked":
            open_[entry.exchange_id] = entry
        elif entry.kind in _ENDS:
            open_.pop(entry.exchange_id, None)
    return [EntryDraft("abandoned", entry.peer, entry.exchange_id, entry.request_hash) for entry in open_.values()]
