"""Builds the key index of a source and keeps it up to date: by the rows that changed, and by a comparison of all rows.

A full build goes into a new file (`IndexWriter`). Later the index is changed in place, in one transaction. A source
that knows its changed rows (`ChangingRows`) is asked for those. At longer intervals, or for other sources, all rows
are read and compared with the digests that the index keeps: rows that differ are made anew, and missing ones go.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from adapters.index.give_way import PRIORITY
from adapters.index.helper_process import IndexHelper, is_worth_it
from adapters.index.make import Made, Task, make, reason_of, rules_of
from adapters.mapping.mapping import Mapping as SourceMapping
from adapters.mapping.rows import Builder, Rows
from gateway.errors import LiaisonError
from gateway.storage.index.index_file import IndexedRecord
from gateway.storage.index.index_seal import IndexSeal
from gateway.storage.index.index_writer import IndexUpdate, IndexWriter

_Read = tuple[Rows, dict[str, list[Any]]]

Progress = Callable[[str, int, int], None]
"""Called with record type, rows done, rows in all (0: not known), every few thousand rows."""

Scanned = tuple[Rows | None, dict[str, list[Any]], str]
"""Rows of a record, the links of its joins without an index, and the reason if there are no rows."""

TWIN = "another row has the same key"
"""The reason for a row that shares its key."""

AS_OF = "as_of"
"""The name of the note in the index that says as of when it holds what its source shows."""

_COUNTS = "counts"
"""The name of the note of how many rows each record type's table had."""

_PROGRESS_ROWS = 2_000
_MOST_OUTDATED = 200_000
"""Changed rows that are told one by one; of more it is told that any may have changed."""


class RowSource(Protocol):
    """A source of rows that can be indexed and read by key (`adapters.sql`)."""

    @property
    def mapping(self) -> SourceMapping:
        """The rules by which its rows become records."""

    @property
    def builders(self) -> Mapping[str, Builder]:
        """The makers of the records, by type."""

    def scan(self, record_type: str) -> Iterator[Scanned]:
        """Yield all rows of a record type, with links, or None and the reason."""

    def read(self, record_type: str, key: str, links: Mapping[str, Any], deadline: float) -> Rows:
        """Return the rows of one record. Raises `Unknown`."""

    def ping(self, deadline: float) -> None:
        """Raise `LiaisonError` when the source cannot be asked."""

    def has_links(self, record_type: str) -> bool:
        """Tell whether joined rows are found through links."""

    def count(self, record_type: str) -> int:
        """Return the number of rows of the record's table; 0 if it is not known."""

    def fingerprint(self) -> str:
        """Return a text that changes with the rows."""

    def close(self) -> None:
        """End all connections."""


@runtime_checkable
class ChangingRows(Protocol):
    """The extra methods of a `RowSource` that can tell which rows have changed."""

    def position(self) -> str:
        """Return the present values of its change columns, for a later `changed`; empty if it cannot tell changes."""

    def changed(self, record_type: str, since: str) -> Iterator[Scanned]:
        """Yield the rows of a record type that are new or changed since `since`, rather too many than too few."""


class Outdated:
    """The keys of rows that changed or went since somebody asked last, as the index was brought up to date.

    Where too many have, or the index was built anew, any row may have changed. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: set[str] | None = None

    def add(self, keys: Collection[str]) -> None:
        """Add rows that changed or went."""
        with self._lock:
            if self._keys is not None:
                self._keys.update(keys)
                self._keys = self._keys if len(self._keys) <= _MOST_OUTDATED else None

    def add_all(self) -> None:
        """Say that any row may have changed."""
        with self._lock:
            self._keys = None

    def take(self) -> Collection[str] | None:
        """Return the rows since the last call; None where any may have changed, as at first."""
        with self._lock:
            taken, self._keys = self._keys, set()
        return taken


class Target(Protocol):
    """The receiver of records: a new index or a change of one."""

    @property
    def seal(self) -> IndexSeal:
        """The seal that hashes."""

    def is_same(self, record_type: str, source_key: str, digest: int) -> list[str] | None:
        """Return the reasons for the record's spared values if it is there with this digest; else None."""

    def put(self, record: IndexedRecord, digest: int = 0, spared: Sequence[str] = ()) -> bool:
        """Take a record; return False when there is one with its key already."""

    def remove(self, record_type: str, source_key: str) -> None:
        """Take a record out."""


def build_index(
    source: RowSource,
    path: Path,
    progress: Progress | None = None,
    secret: bytes | None = None,
    now_us: int = 0,
) -> None:
    """Build the index of `source` at `path`. Unreadable records are left out and counted by reason, in `meta`.

    `secret` seals it; `now_us` is noted as the time of this pass over all rows. The caller holds `index_lock`, or
    no other process knows `path`. Raises `Unavailable` when the source or the index's disk fails; the old index then
    stays in place.
    """
    meta = [*_standing(source, now_us), ("checked", str(now_us))]
    left_out: dict[str, Counter[str]] = {}
    with PRIORITY.upkeep(), IndexWriter(path, secret) as writer, _helper(source) as helper:
        for record_type in source.mapping.records:
            left_out[record_type] = _take(source, record_type, source.scan(record_type), writer, progress, helper)
        if twins := writer.sort():
            left_out[next(iter(left_out))][TWIN] += twins
        writer.finish([*meta, ("left_out", json.dumps(left_out, sort_keys=True))])


def _helper(source: RowSource) -> AbstractContextManager[IndexHelper | None]:
    """Return a second process for a large source, if its records depend on the mapping's file alone."""
    is_plain = all(type(builder) is Builder for builder in source.builders.values())
    if is_plain and is_worth_it(sum(source.count(record_type) for record_type in source.mapping.records)):
        return IndexHelper(source.mapping)
    return nullcontext()


def apply_difference(
    source: RowSource, path: Path, progress: Progress | None, secret: bytes | None, now_us: int, outdated: Outdated
) -> int:
    """Compare all rows of `source` with the index at `path` and change those that differ; return how many records did.

    `outdated` is told which of them stood in the index before.
    The caller holds `index_lock`. Raises `Unavailable`; the index then stays as it was.
    """
    meta = [*_standing(source, now_us), ("checked", str(now_us))]
    left_out: dict[str, Counter[str]] = {}
    with PRIORITY.upkeep(), IndexUpdate(path, secret) as update:
        for record_type in source.mapping.records:
            left_out[record_type] = _take(source, record_type, source.scan(record_type), update, progress)
        update.remove_unseen()
        update.sweep()
        update.finish([*meta, ("left_out", json.dumps(left_out, sort_keys=True))])
    outdated.add(update.outdated)
    return update.written + update.removed


def apply_changes(source: RowSource, path: Path, secret: bytes | None, now_us: int, outdated: Outdated) -> int:
    """Bring the rows that `source` reports as changed into the index at `path`; return how many records changed.

    0 means that this is not enough: the source cannot tell, or the change is not among the rows that it tells, or more
    rows have come than it tells (a source that was set back has older ones again), or one of these cannot be read and
    is therefore unknown. The counts of left-out rows stay those of the last pass over all rows. The caller holds
    `index_lock`.
    """
    if not isinstance(source, ChangingRows):
        return 0
    meta = _standing(source, now_us)
    unread: Counter[str] = Counter()
    held: dict[str, int] = json.loads(dict(meta)[_COUNTS])
    told = 0

    def counted(record_type: str) -> Iterator[Scanned]:
        nonlocal told
        for each in source.changed(record_type, since):
            told += 1
            yield each

    with PRIORITY.upkeep(), IndexUpdate(path, secret) as update:
        since, before = update.meta.get("position", ""), json.loads(update.meta.get(_COUNTS, "{}"))
        for record_type in source.mapping.records if since else ():
            _take(source, record_type, counted(record_type), update, unread=unread)
        changed = update.written + update.removed
        come = sum(max(0, held.get(each, 0) - count) for each, count in before.items())
        if unread or not changed or come > told - update.same - len(update.outdated):
            return 0
        update.finish(meta)
    outdated.add(update.outdated)
    return changed


def _take(
    source: RowSource,
    record_type: str,
    scanned: Iterable[Scanned],
    target: Target,
    progress: Progress | None = None,
    helper: IndexHelper | None = None,
    unread: Counter[str] | None = None,
) -> Counter[str]:
    """Bring rows into `target`; return the reasons why rows, or values of rows, are left out.

    `unread` takes the reasons of those without rows, if they are to be apart.
    """
    reasons: Counter[str] = Counter()
    unread = reasons if unread is None else unread
    rows = _told(scanned, record_type, source.count(record_type), progress) if progress else scanned
    waiting = PRIORITY.give_way(_readable(rows, unread))
    tasks = _tasks(source.builders[record_type], record_type, waiting, target, reasons)

    def own(task: Task) -> Made:
        return make(source.builders, record_type, task.rows, task.links)

    for task, made in helper.made(tasks, own) if helper else ((task, own(task)) for task in tasks):
        reasons.update(_put(task, made, target))
    return reasons


def _told(scanned: Iterable[Scanned], record_type: str, total: int, progress: Progress) -> Iterator[Scanned]:
    done = 0
    for done, each in enumerate(scanned, 1):
        if done % _PROGRESS_ROWS == 0:
            progress(record_type, done, total)
        yield each
    progress(record_type, done, done)


def _readable(scanned: Iterable[Scanned], unread: Counter[str]) -> Iterator[_Read]:
    for rows, links, why in scanned:
        if rows is None:
            unread[why] += 1
        else:
            yield rows, links


def _tasks(
    builder: Builder, record_type: str, scanned: Iterable[_Read], target: Target, reasons: Counter[str]
) -> Iterator[Task]:
    """Yield the rows of which an index record has to be made."""
    for rows, links in scanned:
        key = str(rows[0][0])
        try:
            if not builder.is_live(rows):
                target.remove(record_type, key)
                continue
            digest = target.seal.digest((rows, links))
            known = target.is_same(record_type, key, digest)
        except LiaisonError as error:
            target.remove(record_type, key)
            reasons[reason_of(record_type, error)] += 1
            continue
        if known is None:
            yield Task(record_type, rows, links, digest)
        else:
            reasons.update(known)


def _put(task: Task, made: Made, target: Target) -> Sequence[str]:
    try:
        if not isinstance(made, str):
            record, spared = made
            return spared if target.put(record, task.digest, spared) else (TWIN,)
    except LiaisonError as error:
        made = reason_of(task.record_type, error)
    target.remove(task.record_type, task.key)
    return (made,)


def note_unchanged(path: Path, secret: bytes | None, now_us: int) -> None:
    """Note that the index at `path` holds what its source held at `now_us`. The caller holds `index_lock`."""
    with IndexUpdate(path, secret) as update:
        update.finish([(AS_OF, str(now_us))])


def forget_standing(path: Path, secret: bytes | None) -> None:
    """Note that all rows are compared next, whatever the source shows until then. The caller holds `index_lock`."""
    with IndexUpdate(path, secret) as update:
        update.finish([("cursor", ""), ("position", "")])


def _standing(source: RowSource, now_us: int) -> list[tuple[str, str]]:
    """Return the source's state before its rows are read, and the time: changes made meanwhile are seen once more."""
    position = source.position() if isinstance(source, ChangingRows) else ""
    standing = [("rules", rules_of(source.mapping)), ("cursor", cursor_of(source)), ("position", position)]
    counts = {each: source.count(each) for each in source.mapping.records} if position else {}
    return [*standing, (_COUNTS, json.dumps(counts)), (AS_OF, str(now_us))]


def cursor_of(source: RowSource) -> str:
    """Return the state on which an index depends: the mapping, the rules of records and keys, and the source's rows."""
    return f"{rules_of(source.mapping)}|{source.fingerprint()}"
