"""The index of an audit search: one SQLite file of its own, never written by an exchange.

`gateway.audit.search.postings` defines its labels and postings. The file can be deleted at any time: it is built anew
from the log. A damaged one raises an error. Deleted rows are overwritten.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Unavailable

FORMAT = "1"

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE block (id INTEGER PRIMARY KEY, log TEXT NOT NULL, number INTEGER NOT NULL, first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL, times BLOB NOT NULL, UNIQUE (log, number));
CREATE TABLE part (id INTEGER PRIMARY KEY, block INTEGER NOT NULL, key_id TEXT NOT NULL, salt BLOB NOT NULL);
CREATE INDEX part_block ON part (block);
CREATE INDEX part_key ON part (key_id);
CREATE TABLE posting (part INTEGER NOT NULL, label INTEGER NOT NULL, places BLOB NOT NULL,
  PRIMARY KEY (part, label)) WITHOUT ROWID;
"""
_CACHE_KIB = 65_536
_BUSY_MS = 10_000
_SPANS = "SELECT id, number, first_us, last_us FROM block WHERE log = ? ORDER BY number DESC"
_PARTS = """SELECT block.number, part.key_id, part.id, part.salt FROM part JOIN block ON block.id = part.block
  WHERE block.log = ? AND block.number BETWEEN ? AND ? ORDER BY block.number DESC"""
_POSTING = "SELECT places FROM posting WHERE part = ? AND label = ?"


@dataclass(frozen=True, slots=True)
class NewPart:
    """The entries of a block whose content is under one key: labels and postings, in any order."""

    key_id: str
    salt: bytes
    postings: Sequence[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Span:
    """A block in the index, and the times of its first and last entry."""

    id: int
    number: int
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part in the index."""

    block: int
    key_id: str
    id: int
    salt: bytes


class FindFile:
    """The file, open for reading and writing; used by one thread at a time. Several processes may have it open.

    Raises `Unavailable` for a file that cannot be used, on opening and ever after.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._errors():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._open()

    def _open(self) -> None:
        db = self._db
        for pragma in (
            f"busy_timeout={_BUSY_MS}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "secure_delete=ON",
            f"cache_size=-{_CACHE_KIB}",
        ):
            db.execute(f"PRAGMA {pragma}")
        with self._write():
            if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute("INSERT INTO meta VALUES ('format', ?)", (FORMAT,))
        found = db.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        if found is None or found[0] != FORMAT:
            raise self._unusable("it is of another version")

    def close(self) -> None:
        """Close the file. Deleted rows are gone from its write-ahead log as well."""
        with self._errors():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()

    # ------------------------------------------------------------ what it belongs to

    def note(self, name: str) -> str:
        """Return a value that was kept with the index, or empty."""
        with self._errors():
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def keep(self, name: str, value: str) -> None:
        """Keep a value with the index."""
        with self._errors(), self._write():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # ------------------------------------------------------------ blocks

    def spans(self, log: str) -> list[Span]:
        """Return all blocks of a log in the index, the newest first."""
        with self._errors():
            return [Span(*row) for row in self._db.execute(_SPANS, (log,))]

    def times(self, span: Span) -> bytes:
        """Return the stored times of the block's entries."""
        with self._errors():
            row = self._db.execute("SELECT times FROM block WHERE id = ?", (span.id,)).fetchone()
        if row is None:
            raise self._unusable(f"block {span.number} is gone")
        return bytes(row[0])

    def add(self, log: str, number: int, span_us: tuple[int, int], times: bytes, parts: Sequence[NewPart]) -> None:
        """Add a block in one transaction, unless another process was faster."""
        with self._errors(), self._write():
            place = (log, number)
            if self._db.execute("SELECT 1 FROM block WHERE log = ? AND number = ?", place).fetchone():
                return
            made = self._db.execute(
                "INSERT INTO block (log, number, first_us, last_us, times) VALUES (?,?,?,?,?)",
                (*place, *span_us, times),
            )
            for part in parts:
                values = (made.lastrowid, part.key_id, part.salt)
                part_id = self._db.execute("INSERT INTO part (block, key_id, salt) VALUES (?,?,?)", values).lastrowid
                rows = sorted((part_id, *posting) for posting in part.postings)
                self._db.executemany("INSERT INTO posting VALUES (?,?,?)", rows)

    def key_ids(self) -> set[str]:
        """Return the ids of all keys that parts are under."""
        with self._errors():
            return {row[0] for row in self._db.execute("SELECT DISTINCT key_id FROM part")}

    def drop_block_of(self, key_id: str) -> bool:
        """Remove one block that has a part under this key. Return False when there is none."""
        with self._errors(), self._write():
            row = self._db.execute("SELECT block FROM part WHERE key_id = ? LIMIT 1", (key_id,)).fetchone()
            if row is None:
                return False
            self._drop(row[0])
        return True

    def drop_block(self, span: Span) -> None:
        """Remove a block."""
        with self._errors(), self._write():
            self._drop(span.id)

    def _drop(self, block: int) -> None:
        self._db.execute("DELETE FROM posting WHERE part IN (SELECT id FROM part WHERE block = ?)", (block,))
        self._db.execute("DELETE FROM part WHERE block = ?", (block,))
        self._db.execute("DELETE FROM block WHERE id = ?", (block,))

    # ------------------------------------------------------------ searching

    def parts(self, log: str, first: int, last: int) -> Iterator[Part]:
        """Yield parts of the blocks from `first` to `last`, the newest block first."""
        with self._errors():
            rows = self._db.execute(_PARTS, (log, first, last)).fetchall()
        yield from (Part(*row) for row in rows)

    def posting(self, part: int, label: int) -> bytes | None:
        """Return the posting under a label; None when there is none."""
        with self._errors():
            row = self._db.execute(_POSTING, (part, label)).fetchone()
        return row[0] if row else None

    # ------------------------------------------------------------ failures

    @contextmanager
    def _write(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, OverflowError) as error:
            raise self._unusable(str(error)) from error

    def _unusable(self, why: str) -> Unavailable:
        return Unavailable(
            "the search index cannot be used: {why}",
            code="search-index",
            where=str(self._path),
            remedy="check space and rights, or name another file with --index; delete it: it is built anew",
            why=why,
        )
