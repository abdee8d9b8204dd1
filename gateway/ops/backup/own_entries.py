"""Take over from the old home the entries that its node wrote of itself after a backup, above all that of its stop.

A stop in good order writes an entry after the last backup, so every backup from before it would lack a signed entry.
Where such entries are all that it lacks, and the old home's database can still be read, they are put behind those of
the backup, as they are. Everything else stays that of the backup. Step 5 of a restore then verifies all of it against
the signed heads. A backup that lacks anything else, such as an exchange or an auditor's search, stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gateway.audit.entries.entry import parse_entry
from gateway.audit.tree.merkle import leaf_hash
from gateway.config import load_settings
from gateway.ports.content_keys import EncryptedContent
from gateway.ports.entries import events
from gateway.ports.log_store import LogState, NewEntry, StoredEntry
from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import require_current
from gateway.storage.database.open import open_storage
from gateway.storage.log.log_store import SqlLogStore

_OF_ITSELF = events.kinds(events.START, events.STOP, events.WITNESS_COMPARED, events.SCRUBBED)
_MOST = 1_000
"""Entries that are taken over at most; a node writes a handful of them a day."""


def take_own_entries(old_home: Path, dumped: Path) -> int:
    """Put the entries of starts and stops that only the old home has into the dumped database; return their number."""
    with closing(open_database(dumped)) as database:
        store = SqlLogStore(database)
        try:
            require_current(database)
            found = _only_in(old_home, store)
        except Exception:  # noqa: BLE001 - it is what is left of a lost home: whatever is wrong there, nothing is taken
            return 0
        for before, after, entries in found:
            store.commit(before, after, entries)
    return sum(len(entries) for _, _, entries in found)


def _only_in(old_home: Path, new: SqlLogStore) -> list[tuple[LogState, LogState, list[NewEntry]]]:
    """Return both states and the new entries of each log that goes on in the old home; none where others are there."""
    settings = load_settings(old_home)
    if settings.is_shared or not settings.database_file.is_file():
        return []
    found = []
    with closing(open_storage(settings, read_only=True)) as database:
        require_current(database)
        old = SqlLogStore(database)
        if old.logs() != new.logs():
            return []
        for log in new.logs():
            before, after = new.state(log), old.state(log)
            if before is None or after is None or not 0 <= after.size - before.size <= _MOST:
                return []
            entries = list(_new_entries(old, log, before.size, after.size))
            if len(entries) != after.size - before.size or any(entry.kind not in _OF_ITSELF for entry in entries):
                return []
            found += [(before, after, entries)] if entries else []
    return found


def _new_entries(store: SqlLogStore, log: str, start: int, stop: int) -> Iterator[NewEntry]:
    for stored in store.entries(log, start, stop) if stop > start else ():
        if stored.content is not None:
            yield _new_entry(stored, stored.content)


def _new_entry(stored: StoredEntry, content: EncryptedContent) -> NewEntry:
    entry = parse_entry(stored.body)
    return NewEntry(
        index=stored.index,
        body=stored.body,
        leaf_hash=leaf_hash(stored.body),
        kind=entry.kind,
        peer=entry.peer,
        exchange_id=entry.exchange_id,
        time_us=entry.time_us,
        channel="",
        number=entry.number,
        content=content,
        claim=None,
    )
