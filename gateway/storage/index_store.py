"""The key index of one source: an SQLite file of normal forms that point to the source's own keys.

It holds no field of a record: search keys, what scoring compares, the marking and the subject's category, so that
hiding is decided before anything is fetched (design, section 5). It is derived: when it is missing, damaged or
older than its source it is built anew beside the old file and then put in its place in one step.

Each thread holds one read-only connection of SQLite's own driver: a look-up costs a few microseconds.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Any

from gateway.errors import Unavailable, Unknown

FORMAT = "1"
"""Version of the tables; an index of another version is built anew."""

_BATCH = 5_000

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE markings (id INTEGER PRIMARY KEY, marking TEXT NOT NULL);
CREATE TABLE records (id INTEGER PRIMARY KEY, record_type TEXT NOT NULL, source_key TEXT NOT NULL,
  marking INTEGER NOT NULL, category TEXT NOT NULL, last_day INTEGER NOT NULL,
  features TEXT NOT NULL, links TEXT NOT NULL);
CREATE TABLE loose (kind INTEGER NOT NULL, key TEXT NOT NULL, record INTEGER NOT NULL, detail TEXT NOT NULL);
CREATE TABLE keys (kind INTEGER NOT NULL, key TEXT NOT NULL, record INTEGER NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (kind, key, record, detail)) WITHOUT ROWID;
"""

_SORT = """
INSERT OR IGNORE INTO keys SELECT kind, key, record, detail FROM loose ORDER BY kind, key, record, detail;
DROP TABLE loose;
CREATE UNIQUE INDEX records_by_key ON records (record_type, source_key);
"""

_FIND = """
SELECT r.record_type, r.source_key, r.marking, r.category, r.last_day, k.detail
FROM keys k JOIN records r ON r.id = k.record WHERE k.kind = ? AND k.key = ? LIMIT ?
"""

_FIND_NAMES = """
SELECT r.record_type, r.source_key, r.marking, r.category, r.last_day, r.features
FROM (SELECT record, count(*) AS hits FROM keys WHERE kind = {kind} AND key IN ({marks})
      GROUP BY record ORDER BY hits DESC LIMIT ?) f
JOIN records r ON r.id = f.record ORDER BY f.hits DESC
"""


class KeyKind(IntEnum):
    """What a key is the normal form of."""

    NAME = 1
    DOCUMENT = 2
    NATIONAL_ID = 3
    PLATE = 4
    CONTAINER = 5


IndexRow = tuple[str, str, int, str, int, str]
"""Record type, source key, marking (number), category, last live day (ordinal or 0), detail or features."""


@dataclass(frozen=True, slots=True)
class IndexedRecord:
    """One record with its keys: (kind, key, detail) such as (DOCUMENT, `AA123`, issuer)."""

    record_type: str
    source_key: str
    marking: str
    category: str
    last_day: int
    features: str
    links: str
    keys: Sequence[tuple[KeyKind, str, str]]


class IndexWriter:
    """Builds an index beside `path`; leaving the `with` block without an error puts it in place.

    Raises `Unavailable` when the disk or the file refuses.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new = path.with_suffix(".new")
        self._markings: dict[str, int] = {}
        self._records: list[tuple[int, str, str, int, str, int, str, str]] = []
        self._keys: list[tuple[int, str, int, str]] = []
        self._count = 0

    def __enter__(self) -> IndexWriter:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._new.unlink(missing_ok=True)
            os.close(os.open(self._new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            # A build that dies half-way is thrown away, so it needs no journal of its own.
            self._db = sqlite3.connect(self._new, isolation_level=None)
            self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _SCHEMA)
            self._db.execute("BEGIN")
        except (OSError, sqlite3.Error) as error:
            raise _failed(self._path) from error
        return self

    def add(self, record: IndexedRecord) -> None:
        """Add one record."""
        self._count += 1
        marking = self._markings.setdefault(record.marking, len(self._markings) + 1)
        self._records.append(
            (
                self._count,
                record.record_type,
                record.source_key,
                marking,
                record.category,
                record.last_day,
                record.features,
                record.links,
            )
        )
        self._keys += [(int(kind), key, self._count, detail) for kind, key, detail in record.keys]
        if len(self._records) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        try:
            self._db.executemany("INSERT INTO records VALUES (?,?,?,?,?,?,?,?)", self._records)
            self._db.executemany("INSERT INTO loose VALUES (?,?,?,?)", self._keys)
        except sqlite3.Error as error:
            raise _failed(self._path) from error
        self._records.clear()
        self._keys.clear()

    def finish(self, meta: Iterable[tuple[str, str]]) -> None:
        """Write what is left, sort the keys, and note `meta`."""
        self._flush()
        try:
            self._db.executemany("INSERT INTO markings VALUES (?,?)", [(n, text) for text, n in self._markings.items()])
            self._db.executemany("INSERT INTO meta VALUES (?,?)", [*meta, ("format", FORMAT)])
            self._db.execute("COMMIT")
            self._db.executescript(_SORT)
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("VACUUM")
        except sqlite3.Error as error:
            raise _failed(self._path) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._db.close()
        if kind is not None:
            self._new.unlink(missing_ok=True)
            return
        try:
            _sync(self._new)
            self._new.replace(self._path)
            _sync(self._path.parent)
        except OSError as failure:
            raise _failed(self._path) from failure


class IndexStore:
    """A finished index, opened for reading by any number of threads. `Unavailable` when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: list[sqlite3.Connection] = []
        self.meta: dict[str, str] = dict(self._all("SELECT name, value FROM meta"))
        if self.meta.get("format") != FORMAT:
            self.close()
            raise Unavailable("the key index has another format", code="index-unreadable", where=str(path))
        self.markings: dict[int, str] = dict(self._all("SELECT id, marking FROM markings"))

    def find(self, kind: KeyKind, key: str, limit: int) -> list[IndexRow]:
        """At most `limit` rows with exactly this key; the last item is the key's detail."""
        return self._all(_FIND, (kind.value, key, limit))

    def find_names(self, keys: Sequence[str], limit: int) -> list[IndexRow]:
        """At most `limit` records that share most of `keys`; the last item is their features."""
        marks = ",".join("?" * len(keys))
        return self._all(_FIND_NAMES.format(kind=int(KeyKind.NAME), marks=marks), (*keys, limit))

    def links(self, record_type: str, source_key: str) -> str:
        """The joined rows' keys of a record as JSON; `Unknown` when the index has no such record."""
        found = self._all(
            "SELECT links FROM records WHERE record_type = ? AND source_key = ?", (record_type, source_key)
        )
        if not found:
            raise Unknown("the source has no such record", code="unknown-record")
        return str(found[0][0])

    def _all(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        try:
            return self._connection().execute(sql, parameters).fetchall()
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            raise _unreadable(self._path) from error

    def _connection(self) -> sqlite3.Connection:
        held: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if held is None:
            # The file never changes once it is in place, so SQLite need not lock it.
            address = f"{self._path.resolve().as_uri()}?mode=ro&immutable=1"
            held = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
            self._local.connection = held
            with self._lock:
                self._open.append(held)
        return held

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for held in self._open:
                held.close()
            self._open.clear()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failed(path: Path) -> Unavailable:
    return Unavailable(
        "the key index cannot be written", code="index-unwritable", where=str(path), remedy="check space and rights"
    )


def _unreadable(path: Path) -> Unavailable:
    return Unavailable(
        "the key index cannot be read", code="index-unreadable", where=str(path), remedy="delete it: it is built anew"
    )
