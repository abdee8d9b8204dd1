"""The file of a key index: its tables, the form of a row, and the place of its generations.

`<id>.v<format>.sqlite` is a link to the generation in use, `<id>.v<format>.<n>.sqlite`. A rebuild writes the next one
and then turns the link in one step: searches go on in the old one meanwhile, and a rebuild that dies half-way leaves
the link as it was.
Generations are kept in SQLite's WAL mode: small changes are one transaction that searches see wholly or not at all.

The format is in the name: an index of this version's is built while a node of the version before serves from its own,
which is removed when a node has served from the new one for a round.
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

import msgspec
import orjson

from gateway.errors import Malformed, Unavailable

FORMAT = "4"
"""Version of the tables; an index of another version is built anew, beside that one."""

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE classes (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, class BLOB NOT NULL);
CREATE TABLE records (id INTEGER PRIMARY KEY, class INTEGER NOT NULL, place BLOB NOT NULL, digest INTEGER NOT NULL,
  spared TEXT, body BLOB NOT NULL);
CREATE TABLE keys (hash INTEGER NOT NULL, class INTEGER NOT NULL, birth INTEGER NOT NULL, record INTEGER NOT NULL,
  PRIMARY KEY (hash, class, birth, record)) WITHOUT ROWID;
CREATE TABLE dead (record INTEGER PRIMARY KEY);
"""
"""A class is all on which policy decides whether an asker may learn of a record: its type, marking and category. It
is beside each key, before what orders the rows of the key, so that a search never touches a row that is hidden from
its asker. `size` counts its records.

`records` never give an id twice, so that a key of a row that was replaced (`dead`) leads nowhere until it is swept.

`digest` is of the source's rows, `spared` the reasons why single values were left out, as JSON, or NULL.
"""

_APART = b"\x1e"
_SUFFIX = f".v{FORMAT}.sqlite"


class KeyKind(IntEnum):
    """The kinds of values of which a key is the normal form; those of numbers are called as their `QueryKind` is."""

    NAME = 1
    DOCUMENT = 2
    NATIONAL_ID = 3
    VEHICLE = 4
    CONTAINER = 5
    CASE = 8
    VESSEL = 9
    PHONE = 10


IndexRow = tuple[str, str, int, str, int, str]
"""Record type, source key, class (number), category, last live day (ordinal or 0), detail or features."""

RecordClass = tuple[str, str, str]
"""Record type, marking (as JSON) and category: what decides whether an asker may learn of a record."""


class IndexedRecord(msgspec.Struct, frozen=True):
    """One record with its keys: (kind, key, detail) such as (DOCUMENT, `AA123`, issuer).

    The detail of a NAME is the birth date (it may be partial) by which most rows of a key are ruled out unread, or
    empty. `features` is JSON or empty, `links` is JSON.
    """

    record_type: str
    source_key: str
    marking: str
    category: str
    last_day: int
    features: str
    links: str
    keys: Sequence[tuple[KeyKind, str, str]]


class Body(msgspec.Struct, frozen=True):
    """The stored form of a record, taken apart."""

    record_type: str
    source_key: str
    record_class: int
    category: str
    last_day: int
    identifiers: list[list[str]]
    features: bytes
    links: bytes

    def row(self, detail: str) -> IndexRow:
        """Return the row in the form that searches return."""
        return self.record_type, self.source_key, self.record_class, self.category, self.last_day, detail


def write_body(record: IndexedRecord, record_class: int) -> bytes:
    """Return the bytes of a record's row. Raises `Malformed` when its key is no text."""
    identifiers = [[f"{kind:d}", key, detail] for kind, key, detail in record.keys if kind is not KeyKind.NAME]
    try:
        head = orjson.dumps(
            [record.record_type, record.source_key, record_class, record.category, record.last_day, identifiers]
        )
        # JSON escapes control characters: the separator cannot be in any part.
        return head + _APART + record.features.encode() + _APART + record.links.encode()
    except (TypeError, UnicodeEncodeError) as error:
        raise Malformed("a key or name that is no text", code="bad-text") from error


def read_body(body: bytes) -> Body:
    """Return the row that `write_body` wrote. Raises `Unavailable`."""
    try:
        head, features, links = body.split(_APART)
        kind, key, record_class, category, last_day, identifiers = orjson.loads(head)
        return Body(kind, key, record_class, category, last_day, identifiers, features, links)
    except (ValueError, TypeError) as error:
        raise Unavailable("a row of the key index is not what was written", code="index-unreadable") from error


def write_class(record_class: RecordClass) -> str:
    """Return the text of a class."""
    return orjson.dumps(record_class).decode()


def read_class(text: str) -> RecordClass:
    """Return the class that `write_class` wrote. Raises `Unavailable`."""
    try:
        record_type, marking, category = orjson.loads(text)
    except (ValueError, TypeError) as error:
        raise Unavailable("a class of the key index is not what was written", code="index-unreadable") from error
    return record_type, marking, category


# ---------------------------------------------------------------- generations


def index_path(folder: Path, source: str) -> Path:
    """Return the place of a source's index, of this version's format, in a folder of indexes."""
    return folder / f"{source}{_SUFFIX}"


def source_of(path: Path) -> str:
    """Return the source of the index at `path`; empty for one of another format."""
    return path.name.removesuffix(_SUFFIX) if path.name.endswith(_SUFFIX) else ""


def sweep_older(path: Path) -> None:
    """Remove the index that the version before this one kept of the same source. The caller holds `index_lock`."""
    older = path.with_name(f"{source_of(path)}.sqlite")
    if not source_of(path) or not older.is_symlink():
        return
    older.unlink()
    for _, old in list(_generations(older)):
        remove_generation(old)
    for name in (".lock", ".runs.json"):
        older.with_suffix(name).unlink(missing_ok=True)


def new_generation(path: Path) -> Path:
    """Return an empty file (0600) for the next generation of the index at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    last = max((number for number, _ in _generations(path)), default=0)
    made = path.with_suffix(f".{last + 1}.sqlite")
    os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return made


def sweep_generations(path: Path) -> None:
    """Remove generations that are not in use any more, and those of builds that died. The caller holds `index_lock`.

    A search that began before the last change keeps the files that it has open; no later one opens them.
    """
    current = path.resolve()
    for _, old in list(_generations(path)):
        if old != current:
            remove_generation(old)


def turn_to(path: Path, generation: Path) -> None:
    """Make `generation` the index at `path`, durably and in one step."""
    sync(generation)
    link = path.with_suffix(".link")
    link.unlink(missing_ok=True)
    link.symlink_to(generation.name)
    link.replace(path)
    sync(path.parent)


def remove_generation(generation: Path) -> None:
    """Remove a generation's files."""
    for name in ("", "-wal", "-shm", "-journal", "-loose"):
        generation.with_name(generation.name + name).unlink(missing_ok=True)


def _generations(path: Path) -> Iterator[tuple[int, Path]]:
    shape = re.compile(re.escape(path.stem) + r"\.(\d+)\.sqlite")
    for file in path.parent.iterdir():
        if found := shape.fullmatch(file.name):
            yield int(found[1]), file.resolve()


@contextmanager
def index_lock(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the right to write the index at `path`, over all processes. Without `wait`, yield False if it is taken."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unwritable(path) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def sync(path: Path) -> None:
    """Make a file or folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_pairs(database: sqlite3.Connection, statement: str) -> dict[str, str]:
    """Return the two columns of a result as a mapping."""
    return dict(database.execute(statement).fetchall())


def note(database: sqlite3.Connection, meta: Iterable[tuple[str, str]]) -> None:
    """Put `meta` into the table of that name."""
    database.executemany("INSERT OR REPLACE INTO meta VALUES (?,?)", meta)


def unwritable(path: Path) -> Unavailable:
    """Return the error of an index that cannot be written."""
    return Unavailable(
        "the key index cannot be written", code="index-unwritable", where=str(path), remedy="check space and rights"
    )


def unreadable(path: Path) -> Unavailable:
    """Return the error of an index that cannot be read."""
    return Unavailable(
        "the key index cannot be read", code="index-unreadable", where=str(path), remedy="delete it: it is built anew"
    )
